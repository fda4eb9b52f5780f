package rules

import (
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// A formSpec is what a rule's form has of texts that are still to be compiled.
type formSpec struct {
	given  string // the key that gave the rule its form; empty: a window, or none
	sum    scalar
	inputs []inputSpec
	refs   []scalar // to other rules
}

// An inputSpec is one thing that a sequence or an absence looks for.
type inputSpec struct {
	what  string // as errors call it
	at    place
	ref   scalar
	where scalar
	not   bool
	match match
}

// longestWindow is how far back a form that remembers little of each group can
// look.
const longestWindow = 400 * 24 * time.Hour

// formFields are the keys of a rule that give it a form.
func formFields(d *document, s *spec) []field {
	form := func(key string, read func(*document, ast.Node, *spec)) field {
		return field{key, false, func(what string, n ast.Node) {
			if s.form.given != "" {
				d.fail(start(n), "a rule has one form; it has %s already", s.form.given)
				return
			}
			s.form.given = key
			read(d, n, s)
		}}
	}
	return []field{
		form("window", readWindow),
		form("sequence", readSequence),
		form("absence", readAbsence),
		form("new_terms", readNewTerms),
		{"baseline", false, func(what string, n ast.Node) { readBaseline(d, n, s) }},
	}
}

// checkForm finds what fits no rule of its form.
func (d *document) checkForm(s *spec) {
	r := &s.rule
	switch {
	case r.Window.Spike && r.Baseline == nil:
		r.Baseline = newBaseline()
	case r.Baseline != nil && !r.Window.Spike:
		d.fail(s.at, "baseline is for a window with fire: \">= max(20, baseline.spike)\"")
	}
	if r.Composite != nil && (s.where.exists || !r.match.empty()) {
		d.fail(s.at, "a composite risk looks at alerts; it has neither match nor where")
	}
}

func (m *match) empty() bool {
	return m.ops == nil && m.tables == nil && m.users == nil && m.notTables == nil && m.notUsers == nil
}

// readBy reads the fields that make a group.
func readBy(d *document, n ast.Node, what string) []string {
	by := []string{}
	d.list(n, what, func(v ast.Node) { by = append(by, choice(d, v, "a field of "+what, fieldNames...)) })
	for i, name := range by {
		if slices.Contains(by[:i], name) {
			d.fail(start(n), "%s names %s twice", what, name)
		}
	}
	return by
}

// readInput reads {ref: …} or {match: …, where: …}.
func readInput(d *document, n ast.Node, what string, not bool) inputSpec {
	in := inputSpec{what: what, at: start(n), not: not}
	matched := false
	d.fields(n, what, []field{
		{"ref", false, func(what string, n ast.Node) { in.ref = d.text(n, what) }},
		{"match", false, func(what string, n ast.Node) { in.match, matched = readMatch(d, n), true }},
		{"where", false, func(what string, n ast.Node) { in.where = d.text(n, what) }},
	})
	switch {
	case in.ref.exists && (matched || in.where.exists):
		d.fail(in.at, "%s has ref, which is all of it", what)
	case !in.ref.exists && !matched && !in.where.exists:
		d.fail(in.at, "%s lacks ref, match or where", what)
	}
	return in
}

// compileForm compiles what a form has of expressions.
func (c *compilation) compileForm(s *spec, r *Rule) {
	if s.form.sum.exists {
		r.sum = c.numeric(s.form.sum)
	}
	for _, spec := range s.form.inputs {
		in := input{ref: spec.ref.text, not: spec.not, match: spec.match}
		if spec.ref.exists {
			s.form.refs = append(s.form.refs, spec.ref)
		}
		if spec.where.exists {
			in.where = c.condition(spec.where)
		}
		r.inputs = append(r.inputs, in)
	}
}

// formExpressions are those that a rule has for its form.
func (r *Rule) formExpressions() []*expression {
	out := []*expression{r.sum}
	for _, in := range r.inputs {
		out = append(out, in.where)
	}
	return out
}

// link finds the rules that others refer to, by their ids. References to no rule,
// to one that has not the fields of by, and in circles are mistakes.
func link(specs []*spec, taken map[string]*Rule) {
	for _, s := range specs {
		for _, ref := range s.form.refs {
			of := taken[ref.text]
			if of == nil {
				var known []string
				for id := range taken {
					known = append(known, id)
				}
				slices.Sort(known)
				s.doc.fail(ref.at, "no rule is called %s%s", printable(ref.text), didYouMean(ref.text, known))
				continue
			}
			for _, name := range s.rule.Window.By {
				if !of.groupsBy(name) {
					s.doc.fail(ref.at, "rule %s has no groups by %s; its alerts have %s", of.ID, name, strings.Join(of.Window.By, ", "))
				}
			}
			if path := circle(of, s.rule.ID, taken, nil); path != nil {
				s.doc.fail(ref.at, "rules refer to one another in a circle: %s → %s", s.rule.ID, strings.Join(path, " → "))
			}
		}
	}
}

// groupsBy says that the rule's alerts have the field.
func (r *Rule) groupsBy(name string) bool {
	return slices.Contains(r.Window.By, name) ||
		(name == "db" || name == "table_name") && slices.Contains(r.Window.By, "table")
}

// circle is the way from r to the rule of that id, or nil.
func circle(r *Rule, to string, rules map[string]*Rule, way []string) []string {
	if slices.Contains(way, r.ID) {
		return nil
	}
	way = append(slices.Clone(way), r.ID)
	if r.ID == to {
		return way
	}
	for _, in := range r.inputs {
		if of := rules[in.ref]; of != nil {
			if path := circle(of, to, rules, way); path != nil {
				return path
			}
		}
	}
	return nil
}
