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
	said, words := &labels{}, &vocabulary{}
	docs := make([]*document, len(files))
	var compiled []*compilation
	for i, file := range files {
		docs[i] = newDocument(file)
		if root := docs[i].parse(file.Data); root != nil {
			f := readFile(docs[i], root, file.Open)
			said = said.with(f.labels)
			compiled = append(compiled, newCompilation(f, words, nil))
		}
	}
	taken := map[string]*Rule{}
	for _, c := range compiled {
		c.labels = said
		set.rules = append(set.rules, c.compileFile(taken)...)
	}
	for _, c := range compiled {
		set.except(c)
	}
	var errs LintErrors
	for _, d := range docs {
		errs = append(errs, d.sorted()...)
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return set, nil
}

func (c *compilation) compileFile(taken map[string]*Rule) []*Rule {
	f, d := c.file, c.doc
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
	r.words, r.labels, r.ownLabels = c.words, c.labels, &c.file.labels
	s.checkFields(c.doc)
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
	for _, x := range s.exceptions {
		c.attach(r, x)
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
	// What came later is left out where nothing is said, so that the alerts of
	// older files keep their ids.
	if a := r.Alerting; a.Missing != MissingGroup && a.Missing != "" {
		fmt.Fprintf(h, " missing %q", a.Missing)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
