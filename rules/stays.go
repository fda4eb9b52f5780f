package rules

import (
	"slices"

	"recourse/audit"

	"github.com/expr-lang/expr/ast"
)

// Many conditions say of one attribute what it was before and what it is after, and
// that the two are not the same: before.mfa == true and after.mfa == false, or
// ratio("price") <= 0.1. They are false, without a failure, of a change that leaves the
// attribute as it was, which takes no look at its values to see once it is known what
// changed.

// A claim is what a part of a condition says of an attribute's value before or after.
type claim struct {
	attr   string
	after  bool
	values []val             // one of these; nil: not only so many
	test   func(val) verdict // whether a value is as claimed
	op     string            // of one that compares with bound
	bound  val
}

// stays is the number of an attribute that differs, before and after, in every change of
// whose images both are known and of which the condition holds; and whether there is one.
// Whatever of the condition is tried before that is seen cannot fail.
func (c *compilation) stays(n ast.Node) (slot int, ok bool) {
	var claims []claim
	for _, part := range conjuncts(nil, n) {
		if attr, moved := movedBy(part); attr != "" {
			if moved && !bookkeeping(attr) {
				return c.words.slot(attr), true
			}
			continue
		}
		said, ok := claimOf(part)
		if !ok {
			return 0, false
		}
		for _, before := range claims {
			if before.attr == said.attr && before.after != said.after && excludes(before, said) && !bookkeeping(said.attr) {
				return c.words.slot(said.attr), true
			}
		}
		claims = append(claims, said)
	}
	return 0, false
}

// conjuncts are the parts that are joined by and, in their order.
func conjuncts(to []ast.Node, n ast.Node) []ast.Node {
	if b, ok := n.(*ast.BinaryNode); ok && (b.Operator == "and" || b.Operator == "&&") {
		return conjuncts(conjuncts(to, b.Left), b.Right)
	}
	return append(to, n)
}

// movedBy is the attribute of "a" in changed and of ratio("a") > 1 and its like, and
// whether that attribute changed if this holds; empty: it is none of these.
func movedBy(n ast.Node) (attr string, moved bool) {
	b, ok := n.(*ast.BinaryNode)
	if !ok {
		return "", false
	}
	if list, ok := b.Right.(*ast.IdentifierNode); ok && list.Value == "changed" {
		if s, ok := b.Left.(*ast.StringNode); ok && (b.Operator == "in" || b.Operator == "not in") {
			return s.Value, b.Operator == "in"
		}
		return "", false
	}
	fixed, ok := constantOf(b.Right)
	if !ok || fixed.kind != numberVal || orderings()[b.Operator] == nil {
		return "", false
	}
	same, attr := ofSame(b.Left)
	if attr == "" {
		return "", false
	}
	return attr, comparison(b.Operator, positive)(same, fixed) == no
}

// ofSame is what delta("a"), abs(delta("a")) or ratio("a") is of two values that are the
// same, unless it is nothing, and the attribute.
func ofSame(n ast.Node) (val, string) {
	call, ok := n.(*ast.CallNode)
	if !ok || len(call.Arguments) != 1 {
		return val{}, ""
	}
	if isCall(call, "abs") {
		if inner, ok := call.Arguments[0].(*ast.CallNode); ok && isCall(inner, "delta") {
			return ofSame(inner)
		}
		return val{}, ""
	}
	name, ok := call.Arguments[0].(*ast.StringNode)
	switch {
	case !ok:
	case isCall(call, "delta"):
		return whole(0), name.Value
	case isCall(call, "ratio"):
		return whole(1), name.Value
	}
	return val{}, ""
}

// claimOf is false for a part that says something else.
func claimOf(n ast.Node) (claim, bool) {
	b, ok := n.(*ast.BinaryNode)
	if !ok {
		return claim{}, false
	}
	m, ok := b.Left.(*ast.MemberNode)
	if !ok || m.Method || m.Optional {
		return claim{}, false
	}
	record, ok := m.Node.(*ast.IdentifierNode)
	name, also := m.Property.(*ast.StringNode)
	if !ok || !also || record.Value != "before" && record.Value != "after" {
		return claim{}, false
	}
	out := claim{attr: name.Value, after: record.Value == "after", op: b.Operator}
	if list, ok := b.Right.(*ast.ArrayNode); ok && b.Operator == "in" {
		for _, e := range list.Nodes {
			s, ok := e.(*ast.StringNode)
			if !ok {
				return claim{}, false
			}
			out.values = append(out.values, textOfName(s.Value))
		}
		out.test = func(v val) verdict {
			return verdictOf(slices.ContainsFunc(out.values, func(w val) bool { same, _ := equalVals(v, w); return same }))
		}
		return out, len(out.values) > 0
	}
	fixed, ok := constantOf(b.Right)
	if b.Operator != "==" && b.Operator != "!=" && orderings()[b.Operator] == nil || !ok ||
		fixed.kind != textVal && fixed.kind != numberVal && fixed.kind != truthVal {
		return claim{}, false
	}
	test := comparison(b.Operator, positive)
	out.bound, out.test = fixed, func(v val) verdict { return test(v, fixed) }
	if b.Operator == "==" {
		out.values = []val{fixed}
	}
	return out, true
}

// kind is that of what a claim compares with.
func (c *claim) kind() valKind {
	if len(c.values) > 0 {
		return c.values[0].kind
	}
	return c.bound.kind
}

// excludes says that no value is as both claim.
func excludes(x, y claim) bool {
	if x.kind() != y.kind() {
		return false
	}
	none := func(values []val, by claim) bool {
		return values != nil && !slices.ContainsFunc(values, func(v val) bool { return by.test(v) != no })
	}
	return none(x.values, y) || none(y.values, x) || beyond(x, y) || beyond(y, x)
}

// beyond says that all numbers that one claim takes are above all of the other's.
func beyond(x, y claim) bool {
	if x.kind() != numberVal || x.op != ">" && x.op != ">=" || y.op != "<" && y.op != "<=" {
		return false
	}
	order := x.bound.number().cmp(y.bound.number())
	return order > 0 || order == 0 && (x.op == ">" || y.op == "<")
}

// stayed says that an attribute that conditions name did not change, as far as that is
// known without a look.
func (f *facts) stayed(slot int) bool {
	return f.compared && f.moved[slot] != f.turn && f.c.Before.State != audit.Unknown && f.c.After.State != audit.Unknown
}
