package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
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
	var specs []*spec
	for _, c := range compiled {
		c.labels = said
		specs = append(specs, c.compileFile(taken)...)
	}
	link(specs, taken)
	for _, s := range specs {
		set.rules = append(set.rules, &s.rule)
	}
	set.tables = said.tables
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

func (c *compilation) compileFile(taken map[string]*Rule) []*spec {
	f, d := c.file, c.doc
	c.checkMacros()
	for _, s := range f.rules {
		if s.id.exists {
			if other := taken[s.rule.ID]; other != nil {
				d.fail(s.id.at, "rule %s is already defined in %s:%d", s.rule.ID, other.File, other.Line)
			} else {
				taken[s.rule.ID] = &s.rule
			}
		}
		c.rule(s)
	}
	return f.rules
}

func (c *compilation) rule(s *spec) {
	r := &s.rule
	r.words, r.labels, r.ownLabels = c.words, c.labels, &c.file.labels
	r.stands = c.doc.here(s.at)
	s.checkFields(c.doc)
	for _, t := range s.inhibits {
		r.inhibited = append(r.inhibited, homeless{place: c.doc.here(t.at), id: t.text})
	}
	if s.where.exists {
		r.where = c.condition(s.where)
	}
	if s.each.exists {
		r.each = c.elementsOf(s.each)
	}
	if s.title.exists {
		r.titleText = s.title.text
		r.title = c.doc.title(s.title, r.Window, s.each.exists)
	}
	c.compileForm(s, r)
	for _, e := range append(r.formExpressions(), r.where, r.each) {
		if e != nil {
			r.ReadsBefore = r.ReadsBefore || e.demand.before
			r.ReadsAfter = r.ReadsAfter || e.demand.after
		}
	}
	for _, x := range s.exceptions {
		c.attach(r, x)
	}
	r.Hash = r.hash()
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
	r.hashForm(h)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// hashForm adds what a form has beyond a window that counts.
func (r *Rule) hashForm(h io.Writer) {
	switch {
	case r.NewTerms != nil:
		fmt.Fprintf(h, " new_terms %+v", *r.NewTerms)
	case r.Composite != nil:
		fmt.Fprintf(h, " risk %+v", *r.Composite)
		if len(r.Composite.Multipliers) > 0 {
			fmt.Fprint(h, r.labels.text(map[string]bool{"table.labels": true}))
		}
	case r.Absence != nil:
		fmt.Fprint(h, " absence")
	case r.Sequence != nil:
		fmt.Fprint(h, " sequence")
	case r.Window.Fraction != nil:
		fmt.Fprintf(h, " fraction %+v", *r.Window.Fraction)
	case r.Window.Spike:
		fmt.Fprintf(h, " spike %+v", *r.Baseline)
	case r.sum != nil:
		fmt.Fprintf(h, " sum %q %g", r.sum.text, r.Window.Gte)
	}
	for _, in := range r.inputs {
		m := in.match
		fmt.Fprintf(h, " %q %t %q %q %q %q %q", in.ref, in.not, m.ops, m.tables, m.notTables, m.users, m.notUsers)
		if in.where != nil {
			fmt.Fprintf(h, " %q", in.where.text)
		}
	}
}
