package rules

import (
	"slices"

	"github.com/expr-lang/expr/ast"
)

// operand is nil when a value cannot be had early.
func (k *quickener) operand(n ast.Node) operand {
	if v, ok := constantOf(n); ok {
		return constantly(v)
	}
	switch n := n.(type) {
	case *ast.IdentifierNode:
		k.depends = true
		return ofChange(n.Value)
	case *ast.PointerNode:
		if n.Name != "" || k.over == "" {
			return nil
		}
		k.named = k.named || k.over != "new_texts"
		k.depends = k.depends || k.over == "new_texts"
		return func(_ *facts, el *element) (val, bool) { return textOfBytes(el.text), true }
	case *ast.MemberNode:
		return k.member(n)
	case *ast.BinaryNode:
		k.weight++
		return k.arithmetic(n)
	case *ast.CallNode:
		k.weight++
		return k.call(n)
	}
	return nil
}

// constantOf is a constant of a condition, if n is one.
func constantOf(n ast.Node) (val, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return textOfName(n.Value), true
	case *ast.BoolNode:
		return truthOf(n.Value), true
	case *ast.NilNode:
		return val{}, true
	case *ast.FloatNode:
		return numberVals(number{f: n.Value, float: true}), true
	case *ast.IntegerNode:
		// Beyond that expr's own comparisons with a float are not ours.
		return whole(int64(n.Value)), n.Value <= exactly && n.Value >= -exactly
	case *ast.UnaryNode:
		v, ok := constantOf(n.Node)
		if !ok || n.Operator != "-" || v.kind != numberVal {
			return val{}, false
		}
		return asVal(negate([]any{v.any()})), true
	}
	return val{}, false
}

// member is after.a, before.a or what is within: after.a.b.
func (k *quickener) member(n *ast.MemberNode) operand {
	k.depends = true
	var path []string
	for {
		name, ok := n.Property.(*ast.StringNode)
		if !ok || n.Method || n.Optional {
			return nil
		}
		path = append(path, name.Value)
		if inner, more := n.Node.(*ast.MemberNode); more {
			n = inner
			continue
		}
		record, ok := n.Node.(*ast.IdentifierNode)
		if !ok || record.Value != "before" && record.Value != "after" {
			return nil
		}
		slices.Reverse(path)
		return ofRecord(k.words.slot(path[0]), record.Value == "after", path[1:])
	}
}

func (k *quickener) arithmetic(n *ast.BinaryNode) operand {
	switch n.Operator {
	case "+", "-", "*", "/":
	default:
		return nil
	}
	a, b := k.operand(n.Left), k.operand(n.Right)
	if a == nil || b == nil {
		return nil
	}
	return calculate(n.Operator, a, b)
}

func (k *quickener) call(n *ast.CallNode) operand {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok || len(n.Arguments) == 0 {
		return nil
	}
	switch callee.Value {
	case "old", "new", "delta", "ratio":
		return k.ofAttribute(callee.Value, n.Arguments[0])
	case "glob":
		if len(n.Arguments) != 2 {
			return nil
		}
		return k.glob(n)
	case "last":
		return k.lastOf(n)
	}
	apply := map[string]function1{
		"abs": absVal, "type": typeVal, "len": lenVal, "entropy": entropyVal, "lower": lowerVal,
		"round": roundVal, "fingerprint": fingerprintVal, "format": formatVal, "secretlike": secretVal,
	}[callee.Value]
	if apply == nil {
		return nil
	}
	a := k.operand(n.Arguments[0])
	if a == nil {
		return nil
	}
	return k.shared(n, of(a, apply))
}

// shared is the operand, found once a change and element if it costs something and
// depends on nothing but the values of #. Many rules ask for the same.
func (k *quickener) shared(n *ast.CallNode, a operand) operand {
	switch n.Callee.(*ast.IdentifierNode).Value {
	case "entropy", "format", "fingerprint", "secretlike":
	default:
		return a
	}
	if k.over == "" || k.over == "new_texts" || !ofElement(n.Arguments[0]) {
		return a
	}
	return once(a, k.words.value(n.String()))
}

// ofElement says that an expression is made of old(#), new(#) and functions of them
// and of constants.
func ofElement(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		return true
	case *ast.BinaryNode:
		return ofElement(n.Left) && ofElement(n.Right)
	case *ast.CallNode:
		callee, _ := n.Callee.(*ast.IdentifierNode)
		if callee == nil || len(n.Arguments) != 1 {
			return false
		}
		switch callee.Value {
		case "old", "new", "delta", "ratio":
			p, ok := n.Arguments[0].(*ast.PointerNode)
			return ok && p.Name == ""
		case "round", "abs":
			return ofElement(n.Arguments[0])
		}
	}
	return false
}

// lastOf is last(split(…, "…")), which is the only use of split that is had early.
func (k *quickener) lastOf(n *ast.CallNode) operand {
	split, ok := n.Arguments[0].(*ast.CallNode)
	if !ok || len(split.Arguments) != 2 {
		return nil
	}
	callee, ok := split.Callee.(*ast.IdentifierNode)
	by, also := split.Arguments[1].(*ast.StringNode)
	if !ok || !also || callee.Value != "split" || by.Value == "" {
		return nil
	}
	k.weight++
	a := k.operand(split.Arguments[0])
	if a == nil {
		return nil
	}
	sep := []byte(by.Value)
	return of(a, func(_ *facts, v val) (val, bool) { return lastPart(v, sep) })
}

// ofAttribute is old, new, delta or ratio of the attribute that # is, or of one
// that the condition names.
func (k *quickener) ofAttribute(function string, name ast.Node) operand {
	k.depends = true
	var old, next operand
	switch x := name.(type) {
	case *ast.StringNode:
		slot := k.words.slot(x.Value)
		old, next = ofRecord(slot, false, nil), ofRecord(slot, true, nil)
	case *ast.PointerNode:
		if x.Name != "" || k.over == "" || k.over == "new_texts" {
			return nil
		}
		old = func(_ *facts, el *element) (val, bool) { return valOf(el.old), true }
		next = func(_ *facts, el *element) (val, bool) { return valOf(el.next), true }
	default:
		return nil
	}
	switch function {
	case "old":
		return old
	case "new":
		return next
	case "delta":
		return ofTwo(old, next, func(n, o number) val { return asVal(difference(n, o)) })
	}
	return ofTwo(old, next, func(n, o number) val { return asVal(quotient(n, o, true)) })
}
