package rules

import (
	"github.com/expr-lang/expr/ast"
)

// A quickEach is window.each as it is found without expr: the names of
// attributes, or a text made of each. False: expr is to say.
type quickEach struct {
	of    elementsOf
	keep  trial   // nil: every element
	value operand // nil: the element itself
	most  int
}

// quickenEach knows LIST, filter(LIST, …) and map(filter(LIST, …), …).
func (c *compilation) quickenEach(n ast.Node) *quickEach {
	k := &quickener{c: c, words: c.words}
	e := &quickEach{}
	if m, ok := n.(*ast.BuiltinNode); ok && m.Name == "map" && len(m.Arguments) == 2 {
		inner, filtered := m.Arguments[0].(*ast.BuiltinNode)
		body, ok := m.Arguments[1].(*ast.PredicateNode)
		if !filtered || !ok || inner.Name != "filter" {
			return nil
		}
		list, _ := inner.Arguments[0].(*ast.IdentifierNode)
		if list == nil || lists[list.Value] == nil {
			return nil
		}
		k.over = list.Value
		e.value = k.operand(body.Node)
		k.over = ""
		if e.value == nil {
			return nil
		}
		n = inner
	}
	switch n := n.(type) {
	case *ast.IdentifierNode:
		e.of = lists[n.Value]
	case *ast.BuiltinNode:
		if n.Name != "filter" || len(n.Arguments) != 2 {
			return nil
		}
		if e.of, e.keep = k.overList(n, predicates[n.Name]); e.keep == nil {
			return nil
		}
	}
	if e.of == nil {
		return nil
	}
	e.most = k.most()
	return e
}

// texts are the elements of each, in no order; each may be there twice.
func (e *quickEach) texts(f *facts, out [][]byte) ([][]byte, bool) {
	if f.size() > e.most {
		return nil, false
	}
	els := e.of(f)
	for i := range els {
		el := &els[i]
		if e.keep != nil {
			v := e.keep(f, el)
			if v == ask {
				return nil, false
			}
			if v == no {
				continue
			}
		}
		text := el.text
		if e.value != nil {
			v, ok := e.value(f, el)
			if !ok || v.kind != textVal {
				return nil, false
			}
			text = v.s
		}
		out = append(out, boundedBytes(text))
	}
	return out, len(out) <= maxEach // beyond that it matters which come first
}
