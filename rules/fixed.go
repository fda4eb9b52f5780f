package rules

import (
	"github.com/expr-lang/expr/ast"
)

// placedNames are the names of which a placement tells all.
var placedNames = map[string]bool{
	"op": true, "kind": true, "db": true, "table": true, "table_name": true, "table.labels": true,
	"before_state": true, "after_state": true, "actor.kind": true, "late": true, "lossy": true,
}

// fixed is the part of a condition, joined to the rest by and, that a placement
// decides; nil if there is none.
func (c *compilation) fixed(n ast.Node) trial {
	if b, ok := n.(*ast.BinaryNode); ok && (b.Operator == "and" || b.Operator == "&&") {
		x, y := c.fixed(b.Left), c.fixed(b.Right)
		switch {
		case x == nil:
			return y
		case y == nil:
			return x
		}
		return func(f *facts, el *element) verdict {
			if x(f, el) == no || y(f, el) == no {
				return no
			}
			return ask
		}
	}
	names, other := 0, false
	ast.Find(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IdentifierNode:
			if placedNames[n.Value] {
				names++
			} else {
				other = true
			}
		case *ast.BinaryNode, *ast.UnaryNode, *ast.StringNode, *ast.BoolNode, *ast.ArrayNode:
		default:
			other = true
		}
		return false
	})
	if names == 0 || other {
		return nil
	}
	k := &quickener{c: c, words: c.words}
	return k.test(n, positive)
}
