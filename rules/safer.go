package rules

import (
	"reflect"

	"github.com/expr-lang/expr/ast"
)

// A safer replaces operators on values of unknown type by ours, which do not
// fail on nil, each with the polarity of the place where it stands.
type safer struct {
	c  *compilation
	at scalar
}

func (s *safer) node(n *ast.Node, p polarity) {
	switch x := (*n).(type) {
	case *ast.UnaryNode:
		s.unary(n, x, p)
	case *ast.BinaryNode:
		s.binary(n, x, p)
	case *ast.ChainNode:
		s.node(&x.Node, p)
		*n = x.Node // our member access is safe already
	case *ast.MemberNode:
		s.node(&x.Node, mixed)
		s.node(&x.Property, mixed)
		call := &ast.CallNode{Callee: &ast.IdentifierNode{Value: "$field"}, Arguments: []ast.Node{x.Node, x.Property}}
		call.SetLocation((*n).Location())
		*n = call
	case *ast.CallNode:
		s.function(n, x)
	case *ast.BuiltinNode:
		s.builtin(x, p)
	case *ast.PredicateNode:
		s.node(&x.Node, p)
	case *ast.ConditionalNode:
		s.node(&x.Cond, mixed)
		s.truth(&x.Cond, mixed)
		s.node(&x.Exp1, p)
		s.node(&x.Exp2, p)
	case *ast.VariableDeclaratorNode:
		s.node(&x.Value, mixed)
		s.node(&x.Expr, p)
	case *ast.ArrayNode:
		for i := range x.Nodes {
			s.node(&x.Nodes[i], mixed)
		}
	}
}

func (s *safer) unary(n *ast.Node, x *ast.UnaryNode, p polarity) {
	switch x.Operator {
	case "!", "not":
		s.node(&x.Node, -p)
		s.truth(&x.Node, -p)
	default:
		s.node(&x.Node, mixed)
		if unknown(x.Node) {
			if x.Operator == "-" {
				s.call(n, "$negate", anyType, x.Node)
			} else {
				*n = x.Node
			}
		}
	}
}

func (s *safer) binary(n *ast.Node, x *ast.BinaryNode, p polarity) {
	switch x.Operator {
	case "and", "&&", "or", "||":
		for _, side := range []*ast.Node{&x.Left, &x.Right} {
			s.node(side, p)
			s.truth(side, p)
		}
		return
	case "??":
		s.node(&x.Left, mixed)
		s.node(&x.Right, mixed)
		return
	}
	s.node(&x.Left, mixed)
	if x.Operator == "matches" {
		re, err := compilePattern(x.Right.(*ast.StringNode).Value)
		if err != nil {
			return // unreachable: the guard has tried
		}
		s.call(n, "$matches", boolType, x.Left, constant(re), polarityNode(p))
		return
	}
	s.node(&x.Right, mixed)
	switch x.Operator {
	case "contains", "startsWith", "endsWith", "in":
		s.call(n, "$"+x.Operator, boolType, x.Left, x.Right, polarityNode(p))
		return
	case "not in":
		s.call(n, "$in", boolType, x.Left, x.Right, polarityNode(-p))
		*n = &ast.UnaryNode{Operator: "not", Node: *n}
		return
	}
	// Of numbers that are known too: expr's own go around at the end of the
	// integers, and make infinities.
	switch x.Operator {
	case "+", "-", "*", "/", "%", "**":
		s.call(n, "$"+x.Operator, anyType, x.Left, x.Right)
		return
	case "^":
		s.call(n, "$**", anyType, x.Left, x.Right)
		return
	}
	if simple(x.Left) && simple(x.Right) {
		return
	}
	switch x.Operator {
	case "<", "<=", ">", ">=", "==", "!=":
		s.call(n, "$"+x.Operator, boolType, x.Left, x.Right, polarityNode(p))
	case "..":
	default:
		s.c.doc.fail(s.at.locate(s.c.doc, x.Location().From), "no operator %s for values of a record", x.Operator)
	}
}

// simple says that a node's type is known when the rule is compiled, and that
// its values take no time to compare.
func simple(n ast.Node) bool {
	if unknown(n) {
		return false
	}
	k := n.Type().Kind()
	return k == reflect.String || k == reflect.Bool || k >= reflect.Int && k <= reflect.Float64
}

func (s *safer) function(n *ast.Node, x *ast.CallNode) {
	name := x.Callee.(*ast.IdentifierNode).Value
	if name == "list" {
		*n = constant(s.c.file.lists[x.Arguments[0].(*ast.StringNode).Value])
		return
	}
	for i := range x.Arguments {
		s.node(&x.Arguments[i], mixed)
	}
	s.call(n, "$"+name, anyType, x.Arguments...)
}

func (s *safer) builtin(x *ast.BuiltinNode, p polarity) {
	inner := predicates[x.Name] // what a missing value means to the function
	switch x.Name {
	case "any", "all", "none":
		inner *= p
	}
	s.node(&x.Arguments[0], mixed)
	if unknown(x.Arguments[0]) {
		s.call(&x.Arguments[0], "$list", listType, x.Arguments[0])
	}
	if len(x.Arguments) < 2 {
		return
	}
	body, ok := x.Arguments[1].(*ast.PredicateNode)
	if !ok {
		return
	}
	s.node(&body.Node, inner)
	if x.Name != "map" {
		s.truth(&body.Node, inner)
	}
}

// truth makes a boolean of a value whose type is not known.
func (s *safer) truth(n *ast.Node, p polarity) {
	if unknown(*n) {
		s.call(n, "$truth", boolType, *n, polarityNode(p))
	}
}

// call puts a call of one of our functions in place of n.
func (s *safer) call(n *ast.Node, name string, typ reflect.Type, args ...ast.Node) {
	at := (*n).Location()
	first := &ast.IdentifierNode{Value: "$run"}
	first.SetType(reflect.TypeFor[*run]())
	call := &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: append([]ast.Node{first}, args...)}
	call.SetLocation(at)
	call.Callee.SetLocation(at)
	call.SetType(typ)
	*n = call
}

func polarityNode(p polarity) ast.Node {
	n := &ast.IntegerNode{Value: int(p)}
	n.SetType(reflect.TypeFor[int]())
	return n
}

// constant is a value that the compiler takes as it is. Its type is any, so
// that only our operators touch it.
func constant(x any) ast.Node {
	n := &ast.ConstantNode{Value: x}
	n.SetType(anyType)
	return n
}

// unknown says that nothing is known of a node's type when the rule is compiled.
func unknown(n ast.Node) bool {
	if _, ok := n.(*ast.NilNode); ok {
		return true
	}
	t := n.Type()
	return t == nil || t.Kind() == reflect.Interface
}
