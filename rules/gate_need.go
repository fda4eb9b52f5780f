package rules

import "github.com/expr-lang/expr/ast"

// needOf is what an element's values have whenever a condition holds of it.
func (c *compilation) needOf(n ast.Node) features {
	b, ok := n.(*ast.BinaryNode)
	if !ok {
		return 0
	}
	switch b.Operator {
	case "and", "&&":
		return c.needOf(b.Left) | c.needOf(b.Right)
	case "or", "||":
		return c.needOf(b.Left) & c.needOf(b.Right)
	case "contains", "startsWith", "endsWith", "matches":
		return sideOf(b.Left, oldText)
	case "in":
		if call, ok := b.Left.(*ast.CallNode); ok && isCall(call, "format") {
			if _, texts := b.Right.(*ast.ArrayNode); texts {
				return sideOf(call.Arguments[0], oldText)
			}
		}
		return 0
	case "==", "!=", "<", "<=", ">", ">=":
		return c.needOfComparison(b)
	}
	return 0
}

func (c *compilation) needOfComparison(b *ast.BinaryNode) features {
	if _, isNil := b.Right.(*ast.NilNode); isNil {
		switch b.Operator {
		case "==":
			return sideOf(b.Left, oldGone)
		case "!=":
			if _, call := b.Left.(*ast.CallNode); !call {
				return 0
			}
			if f := sideOf(b.Left, oldThere); f != 0 {
				return f
			}
			return numbersOf(b.Left)
		}
		return 0
	}
	if call, ok := b.Left.(*ast.CallNode); ok && b.Operator == "==" && isCall(call, "type") {
		if s, ok := b.Right.(*ast.StringNode); ok && s.Value == "text" {
			return sideOf(call.Arguments[0], oldText)
		}
		return 0
	}
	fixed, ok := constantOf(b.Right)
	if !ok || fixed.kind != numberVal || b.Operator == "!=" {
		return 0
	}
	if call, ok := b.Left.(*ast.CallNode); ok && isCall(call, "len") {
		return c.needOfLength(call, b)
	}
	return numbersOf(b.Left)
}

// needOfLength is that of len(old(#)) >= N and its like.
func (c *compilation) needOfLength(call *ast.CallNode, b *ast.BinaryNode) features {
	side := sideOf(call.Arguments[0], oldThere)
	least, ok := b.Right.(*ast.IntegerNode)
	if side == 0 || !ok {
		return 0
	}
	switch b.Operator {
	case ">=", "==":
	case ">":
		least = &ast.IntegerNode{Value: least.Value + 1}
	default:
		return side
	}
	return side | c.words.length(leastLength{side == newThere, least.Value})
}

// numbersOf is what there is whenever an expression is a number.
func numbersOf(n ast.Node) features {
	switch n := n.(type) {
	case *ast.BinaryNode:
		switch n.Operator {
		case "+", "-", "*", "/":
			return numbersOf(n.Left) | numbersOf(n.Right)
		}
	case *ast.CallNode:
		switch {
		case isCall(n, "abs"), isCall(n, "round"):
			return numbersOf(n.Arguments[0])
		case isCall(n, "delta"), isCall(n, "ratio"):
			if isElement(n.Arguments[0]) {
				return oldNumber | newNumber
			}
		case isCall(n, "growth"):
			if isElement(n.Arguments[0]) {
				return oldThere | newThere
			}
		}
		return sideOf(n, oldNumber)
	}
	return 0
}

// sideOf is a feature of the value that an expression is: old(#) or new(#).
func sideOf(n ast.Node, of features) features {
	call, ok := n.(*ast.CallNode)
	if !ok || len(call.Arguments) != 1 || !isElement(call.Arguments[0]) {
		return 0
	}
	switch {
	case isCall(call, "old"):
		return of
	case isCall(call, "new"):
		return of << sides
	}
	return 0
}

func isElement(n ast.Node) bool {
	p, ok := n.(*ast.PointerNode)
	return ok && p.Name == ""
}

// isCall says that a function of one argument is called.
func isCall(n *ast.CallNode, name string) bool {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	return ok && callee.Value == name && len(n.Arguments) == 1
}
