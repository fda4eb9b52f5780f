package rules

import (
	"github.com/expr-lang/expr/ast"
)

// desugar puts what from and to mean in their place:
//
//	from(a, v)  a is in changed, and was v
//	to(a, v)    a is in changed, and is v now
//
// so that they are decided as early as what they mean.
func desugar(n *ast.Node, wrong func(at ast.Node, message string)) {
	ast.Walk(n, visitor(func(n *ast.Node) {
		call, ok := (*n).(*ast.CallNode)
		if !ok || len(call.Arguments) != 2 {
			return
		}
		callee, ok := call.Callee.(*ast.IdentifierNode)
		if !ok || callee.Value != "from" && callee.Value != "to" {
			return
		}
		again := copyName(call.Arguments[0])
		if again == nil {
			wrong(call, callee.Value+" takes an attribute's name in quotes, or #")
			return
		}
		value := "old"
		if callee.Value == "to" {
			value = "new"
		}
		at := call.Location()
		what := &ast.CallNode{Callee: &ast.IdentifierNode{Value: value}, Arguments: []ast.Node{again}}
		out := &ast.BinaryNode{Operator: "and",
			Left:  &ast.BinaryNode{Operator: "in", Left: call.Arguments[0], Right: &ast.IdentifierNode{Value: "changed"}},
			Right: &ast.BinaryNode{Operator: "==", Left: what, Right: call.Arguments[1]},
		}
		for _, made := range []ast.Node{what.Callee, what, out.Left, out.Left.(*ast.BinaryNode).Right, out.Right, out, again} {
			made.SetLocation(at)
		}
		*n = out
	}))
}

// copyName is an attribute's name, or #, once more; nil if it is neither.
func copyName(n ast.Node) ast.Node {
	switch n := n.(type) {
	case *ast.StringNode:
		return &ast.StringNode{Value: n.Value}
	case *ast.PointerNode:
		return &ast.PointerNode{Name: n.Name}
	}
	return nil
}
