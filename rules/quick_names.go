package rules

import "github.com/expr-lang/expr/ast"

// named is a test of an attribute's name, of which one that changed passes it in
// every change of which a condition holds; nil if there is none. It is found in
// any(changed, …) and count(changed, …) >= 1, joined by and.
func (c *compilation) named(n ast.Node) trial {
	switch n := n.(type) {
	case *ast.BuiltinNode:
		if n.Name == "any" {
			return c.namedIn(n)
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "and", "&&":
			if t := c.named(n.Left); t != nil {
				return t
			}
			return c.named(n.Right)
		case ">=", ">":
			counted, ok := n.Left.(*ast.BuiltinNode)
			least, also := n.Right.(*ast.IntegerNode)
			if ok && also && counted.Name == "count" && (least.Value > 0 || least.Value == 0 && n.Operator == ">") {
				return c.namedIn(counted)
			}
		}
	}
	return nil
}

// namedIn is the part of what a function asks of an element that the name alone
// decides.
func (c *compilation) namedIn(n *ast.BuiltinNode) trial {
	if len(n.Arguments) != 2 {
		return nil
	}
	list, ok := n.Arguments[0].(*ast.IdentifierNode)
	body, also := n.Arguments[1].(*ast.PredicateNode)
	if !ok || !also {
		return nil
	}
	switch list.Value {
	case "changed", "added", "removed", "written":
		return c.namedPart(body.Node, list.Value)
	}
	return nil
}

func (c *compilation) namedPart(n ast.Node, over string) trial {
	if b, ok := n.(*ast.BinaryNode); ok && (b.Operator == "and" || b.Operator == "&&") {
		x, y := c.namedPart(b.Left, over), c.namedPart(b.Right, over)
		if x != nil && y != nil {
			return both(x, y)
		}
		if x != nil {
			return x
		}
		return y
	}
	k := &quickener{c: c, words: c.words, over: over}
	if t := k.test(n, positive); t != nil && k.named && !k.depends {
		return t
	}
	return nil
}
