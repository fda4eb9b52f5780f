package rules

import (
	"maps"
	"slices"

	"github.com/expr-lang/expr/ast"
)

// An Explanation says how a rule decides about a change, and what that takes.
type Explanation struct {
	Rule      string   `json:"rule"`
	Form      string   `json:"form"`
	Ops       []string `json:"ops"`    // it looks at changes of these operations; empty: all but messages
	Tables    []string `json:"tables"` // patterns; empty: all
	NotTables []string `json:"not_tables"`
	Users     []string `json:"users"` // patterns; empty: all
	NotUsers  []string `json:"not_users"`
	Needs     []Need   `json:"needs"` // its condition holds of no change without one of these values of each field
	Hears     []string `json:"hears"` // the rules whose alerts it looks at
	Reads     []string `json:"reads"` // attributes that it names, and other names that it reads
	Images    []string `json:"images"`
	Early     string   `json:"early"`    // how much of its condition is decided without expr: all that is plain, a part, or nothing
	Parts     int      `json:"parts"`    // operators, names and constants of its conditions
	Walks     []string `json:"walks"`    // what goes through a whole text or list, and takes time by its size
	Tests     int      `json:"tests"`    // inline tests
	Excepted  int      `json:"excepted"` // exceptions, which are tried when the condition holds
	Costs     *Cost    `json:"-"`        // as measured; nil: it was not
	Window    string   `json:"window"`   // what makes an alert
	Unknown   string   `json:"unknown"`  // what becomes of a change whose images are not known
	File      string   `json:"file"`     // where it stands
	Line      int      `json:"line"`
	Hash      string   `json:"hash"`
}

// Explain says how the rule decides.
func (r *Rule) Explain() Explanation {
	x := Explanation{Rule: r.ID, Form: r.formName(), Ops: r.match.ops, Tables: r.match.tables, NotTables: r.match.notTables,
		Users: r.match.users, NotUsers: r.match.notUsers, Tests: len(r.tests), Excepted: len(r.Exceptions),
		Window: r.Window.String(), Unknown: string(r.OnUnknown), File: r.File, Line: r.Line, Hash: r.Hash, Early: "nothing"}
	reads, walks, early := map[string]bool{}, map[string]bool{}, 0
	all := r.expressions()
	for _, e := range all {
		e.demand.describe(reads)
		for _, a := range e.attrs {
			if !reads["before."+a.name] && !reads["after."+a.name] {
				reads[a.name] = true
			}
		}
		for _, w := range e.walks {
			walks[w] = true
		}
		x.Parts += e.parts
		if e.quick != nil || e.each != nil {
			early++
		}
	}
	if r.where != nil {
		x.Needs = slices.Clone(r.where.needs)
	}
	switch {
	case len(all) == early:
		x.Early = "all that is plain"
	case early > 0:
		x.Early = "a part"
	}
	if r.ReadsBefore {
		x.Images = append(x.Images, "before")
	}
	if r.ReadsAfter {
		x.Images = append(x.Images, "after")
	}
	for _, in := range r.inputs {
		if in.ref != "" {
			x.Hears = append(x.Hears, in.ref)
		}
	}
	x.Reads, x.Walks = slices.Sorted(maps.Keys(reads)), slices.Sorted(maps.Keys(walks))
	return x
}

func (r *Rule) formName() string {
	switch {
	case r.Sequence != nil:
		return "sequence"
	case r.Absence != nil:
		return "absence"
	case r.NewTerms != nil:
		return "new_terms"
	case r.Composite != nil:
		return "risk"
	case r.Window.Spike:
		return "baseline"
	case r.Window.Fraction != nil:
		return "fraction"
	case r.sum != nil:
		return "sum"
	}
	return "window"
}

// describe adds what is read: names, and attributes by image.
func (d *demand) describe(to map[string]bool) {
	for name := range d.names {
		if name != "before" && name != "after" {
			to[name] = true
		}
	}
	for name := range d.beforeAttrs {
		to["before."+name] = true
	}
	for name := range d.afterAttrs {
		to["after."+name] = true
	}
	if d.beforeAll {
		to["before"] = true
	}
	if d.afterAll {
		to["after"] = true
	}
}

// walking is the functions and operators that look at all of a text or list.
var walking = []string{"matches", "contains", "glob", "entropy", "texts", "trues", "new_texts", "split", "fingerprint", "growth", "lower", "upper",
	"format", "secretlike", "any", "all", "none", "one", "filter", "count", "find", "map"}

// census counts the parts of an expression, and names those that walk.
func census(n ast.Node) (parts int, walks []string) {
	ast.Walk(&n, visitor(func(n *ast.Node) {
		parts++
		name := ""
		switch n := (*n).(type) {
		case *ast.IdentifierNode:
			name = n.Value
		case *ast.BuiltinNode:
			name = n.Name
		case *ast.BinaryNode:
			name = n.Operator
		}
		if slices.Contains(walking, name) && !slices.Contains(walks, name) {
			walks = append(walks, name)
		}
	}))
	return parts, walks
}
