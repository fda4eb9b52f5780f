package query

import (
	"strings"

	"recourse/audit"
)

// An Expr says of any change whether it is asked for. The zero Expr asks for
// all of them. Make one with [Parse], or from nodes with [Of].
type Expr struct{ root Node }

// Of is the expression of a tree of nodes.
func Of(n Node) Expr { return Expr{n} }

// Match says whether the change is asked for. It looks at nothing but the
// change and is the last word on it: an index can only leave out what does not
// match. Only what no change holds, the rules of rule: and the firsts of first:,
// is beyond it: it takes every change for one that no rule has as evidence, and
// that is not the first. An expression with names, such as in(list:x), is to be
// bound by [Names.Bind] first: what has an unknown name does not match.
func (e Expr) Match(c *audit.Change) bool {
	return e.Root().match(&subject{c: c})
}

// String is the expression in the language of Parse, which reads it back to
// the same (if it is not longer than [MaxLength]). Times are absolute in it.
func (e Expr) String() string { return e.Root().String() }

// Root is the tree of nodes, for those who translate an expression.
func (e Expr) Root() Node {
	if e.root == nil {
		return All{}
	}
	return e.root
}

// A Node is a part of an expression: [All], [And], [Or], [Not], [Words],
// [Grep], [Leaf], [Field], [ID], [Record], [Attribute], [Delta], [State], [Flag],
// [Measure], [Numbered], [When], [First], [Shaped], [Alerted], [Labelled], [Near],
// [Saved] or [Where].
type Node interface {
	// String is the node in the language.
	String() string
	match(*subject) bool
	// might says whether a change that hides in the gap could match, and
	// whether it could not.
	might(*audit.Gap) (yes, no bool)
}

// All matches every change.
type All struct{}

func (All) String() string { return "*" }

func (All) match(*subject) bool { return true }

func (All) might(*audit.Gap) (yes, no bool) { return true, false }

// And matches what all its nodes match.
type And []Node

func (a And) String() string {
	parts := make([]string, len(a))
	for i, n := range a {
		parts[i] = n.String()
		if _, or := n.(Or); or {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	return strings.Join(parts, " ")
}

func (a And) match(s *subject) bool {
	for _, n := range a {
		if !n.match(s) {
			return false
		}
	}
	return true
}

func (a And) might(g *audit.Gap) (yes, no bool) {
	yes = true
	for _, n := range a {
		y, f := n.might(g)
		yes, no = yes && y, no || f
	}
	return yes, no
}

// Or matches what one of its nodes matches.
type Or []Node

func (o Or) String() string {
	parts := make([]string, len(o))
	for i, n := range o {
		parts[i] = n.String()
	}
	return strings.Join(parts, " OR ")
}

func (o Or) match(s *subject) bool {
	for _, n := range o {
		if n.match(s) {
			return true
		}
	}
	return false
}

func (o Or) might(g *audit.Gap) (yes, no bool) {
	no = true
	for _, n := range o {
		y, f := n.might(g)
		yes, no = yes || y, no && f
	}
	return yes, no
}

// Not matches what its node does not match.
type Not struct{ Node Node }

func (n Not) String() string {
	switch n.Node.(type) {
	case And, Or:
		return "NOT (" + n.Node.String() + ")"
	}
	return "NOT " + n.Node.String()
}

func (n Not) match(s *subject) bool { return !n.Node.match(s) }

func (n Not) might(g *audit.Gap) (yes, no bool) {
	y, f := n.Node.might(g)
	return f, y
}

// and joins nodes without needless nesting, so that String reads back alike.
func and(nodes ...Node) Node {
	var flat And
	for _, n := range nodes {
		if inner, ok := n.(And); ok {
			flat = append(flat, inner...)
		} else {
			flat = append(flat, n)
		}
	}
	if len(flat) == 1 {
		return flat[0]
	}
	return flat
}

func or(nodes ...Node) Node {
	var flat Or
	for _, n := range nodes {
		if inner, ok := n.(Or); ok {
			flat = append(flat, inner...)
		} else {
			flat = append(flat, n)
		}
	}
	if len(flat) == 1 {
		return flat[0]
	}
	return flat
}

func not(n Node) Node {
	if inner, ok := n.(Not); ok {
		return inner.Node
	}
	return Not{n}
}

// Conjunction joins expressions: what it matches, all of them match.
func Conjunction(exprs ...Expr) Expr {
	nodes := make([]Node, 0, len(exprs))
	for _, e := range exprs {
		if _, all := e.Root().(All); !all {
			nodes = append(nodes, e.Root())
		}
	}
	if len(nodes) == 0 {
		return Expr{}
	}
	return Expr{and(nodes...)}
}
