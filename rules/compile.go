package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Compile reads rule files and makes a set of them. Mistakes are LintErrors:
// all of them, in all files.
func Compile(files ...File) (*Set, error) {
	set := &Set{}
	var errs LintErrors
	taken := map[string]*Rule{}
	words := &vocabulary{}
	for _, file := range files {
		d := newDocument(file)
		set.rules = append(set.rules, compileFile(d, file.Data, taken, words)...)
		errs = append(errs, d.sorted()...)
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return set, nil
}

func compileFile(d *document, data []byte, taken map[string]*Rule, words *vocabulary) []*Rule {
	root := d.parse(data)
	if root == nil {
		return nil
	}
	f := readFile(d, root)
	c := newCompilation(f, words)
	c.checkMacros()
	var out []*Rule
	for _, s := range f.rules {
		if s.id.exists {
			if other := taken[s.rule.ID]; other != nil {
				d.fail(s.id.at, "rule %s is already defined in %s:%d", s.rule.ID, other.File, other.Line)
			} else {
				taken[s.rule.ID] = &s.rule
			}
		}
		out = append(out, c.rule(s))
	}
	return out
}

func (c *compilation) rule(s *spec) *Rule {
	r := &s.rule
	r.words = c.words
	if s.where.exists {
		r.where = c.condition(s.where)
	}
	if s.each.exists {
		r.each = c.elementsOf(s.each)
	}
	if s.title.exists {
		r.title = c.doc.title(s.title, r.Window, s.each.exists)
	}
	for _, e := range []*expression{r.where, r.each} {
		if e != nil {
			r.ReadsBefore = r.ReadsBefore || e.demand.before
			r.ReadsAfter = r.ReadsAfter || e.demand.after
		}
	}
	r.Hash = r.hash()
	return r
}

// hash covers what decides which changes the rule takes and how it groups them.
// It is part of every alert's id, so that a rule that means something else
// raises alerts of its own.
func (r *Rule) hash() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %d %q %q %q %q %q %q", r.ID, r.Version,
		r.match.ops, r.match.tables, r.match.notTables, r.match.users, r.match.notUsers, r.OnUnknown)
	fmt.Fprintf(h, " %d %q %d %q", r.Window.Size, r.Window.By, r.Window.Count, r.Window.Distinct)
	for _, e := range []*expression{r.where, r.each} {
		if e != nil {
			fmt.Fprintf(h, " %q", e.text)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
