package rules

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
)

// in is whether a value is in a list of constants, or an attribute in a list of
// names.
func (k *quickener) in(n *ast.BinaryNode) trial {
	k.weight++
	a := k.operand(n.Left)
	if a == nil {
		return nil
	}
	want := n.Operator == "in"
	if id, ok := n.Right.(*ast.IdentifierNode); ok && lists[id.Value] != nil {
		k.depends = true
		of := lists[id.Value]
		return func(f *facts, el *element) verdict {
			v, ok := a(f, el)
			if !ok {
				return ask
			}
			has := v.kind == textVal && slices.ContainsFunc(of(f), func(e element) bool { return bytes.Equal(v.s, e.text) })
			return verdictOf(has == want)
		}
	}
	if id, ok := n.Right.(*ast.IdentifierNode); ok && id.Value == "table.labels" {
		k.depends = true
		return func(f *facts, el *element) verdict {
			v, ok := a(f, el)
			if !ok {
				return ask
			}
			has := v.kind == textVal && slices.Contains(f.table().labels, string(v.s))
			return verdictOf(has == want)
		}
	}
	if r, ok := n.Right.(*ast.BinaryNode); ok && r.Operator == ".." {
		return inRange(a, r, want)
	}
	texts := k.texts(n.Right)
	if texts == nil {
		return nil
	}
	if id, ok := n.Left.(*ast.IdentifierNode); ok && textOfChange(id.Value) != nil {
		text := textOfChange(id.Value)
		return func(f *facts, _ *element) verdict { return verdictOf(slices.Contains(texts, text(f.c)) == want) }
	}
	return func(f *facts, el *element) verdict {
		v, ok := a(f, el)
		if !ok {
			return ask
		}
		has := v.kind == textVal && slices.ContainsFunc(texts, func(t string) bool { return t == string(v.s) })
		return verdictOf(has == want)
	}
}

// inRange is whether a value is one of the whole numbers from one to another.
func inRange(a operand, r *ast.BinaryNode, want bool) trial {
	low, ok := constantOf(r.Left)
	high, also := constantOf(r.Right)
	if !ok || !also {
		return nil
	}
	return func(f *facts, el *element) verdict {
		v, ok := a(f, el)
		if !ok {
			return ask
		}
		n := v.number()
		has := v.kind == numberVal && (!n.float || n.f == math.Trunc(n.f)) && n.cmp(low.number()) >= 0 && n.cmp(high.number()) <= 0
		return verdictOf(has == want)
	}
}

// texts is a list of constant texts, or nil.
func (k *quickener) texts(n ast.Node) []string {
	var out []string
	switch n := n.(type) {
	case *ast.ArrayNode:
		for _, e := range n.Nodes {
			s, ok := e.(*ast.StringNode)
			if !ok {
				return nil
			}
			out = append(out, s.Value)
		}
	case *ast.CallNode:
		callee, _ := n.Callee.(*ast.IdentifierNode)
		if callee == nil || callee.Value != "list" {
			return nil
		}
		for _, item := range k.c.file.lists[n.Arguments[0].(*ast.StringNode).Value].items {
			s, ok := item.(string)
			if !ok {
				return nil
			}
			out = append(out, s)
		}
	}
	return out
}

// counted is count(LIST, …) >= N, or nil.
func (k *quickener) counted(n *ast.BinaryNode) trial {
	b, ok := n.Left.(*ast.BuiltinNode)
	least, also := n.Right.(*ast.IntegerNode)
	if !ok || !also || b.Name != "count" || n.Operator != ">=" {
		return nil
	}
	of, t := k.overList(b, predicates[b.Name])
	if t == nil {
		return nil
	}
	return atLeast(least.Value, of, t)
}

// goThrough is any or none over one of a change's lists.
func (k *quickener) goThrough(n *ast.BuiltinNode, p polarity) trial {
	if n.Name != "any" && n.Name != "none" {
		return nil
	}
	of, t := k.overList(n, predicates[n.Name]*p)
	if t == nil {
		return nil
	}
	if n.Name == "none" {
		t = anyOf(of, t)
		return func(f *facts, el *element) verdict { return t(f, el).not() }
	}
	return anyOf(of, t)
}

func (k *quickener) overList(n *ast.BuiltinNode, inner polarity) (elementsOf, trial) {
	k.depends = true
	id, ok := n.Arguments[0].(*ast.IdentifierNode)
	if !ok || lists[id.Value] == nil || len(n.Arguments) != 2 || k.over != "" {
		return nil, nil
	}
	body, ok := n.Arguments[1].(*ast.PredicateNode)
	if !ok {
		return nil, nil
	}
	k.over = id.Value
	t := k.part(body.Node, inner)
	k.over = ""
	k.depends = true
	return lists[id.Value], t
}

// glob is callGlob with constant patterns.
func (k *quickener) glob(n *ast.CallNode) operand {
	a := k.operand(n.Arguments[0])
	patterns := k.texts(n.Arguments[1])
	if s, ok := n.Arguments[1].(*ast.StringNode); ok {
		patterns = []string{s.Value}
	}
	if a == nil || patterns == nil {
		return nil
	}
	var split []string
	stars := 0
	for _, p := range patterns {
		if len(p) > longestGlob {
			return nil
		}
		stars += 4 + strings.Count(p, "*")
		for one := range strings.SplitSeq(p, "|") {
			if one != "" {
				split = append(split, one)
			}
		}
	}
	const cheap = 40 // as many stars cost for each byte what a comparison does
	k.weight += stars / cheap
	return func(f *facts, el *element) (val, bool) {
		v, ok := a(f, el)
		return truthOf(v.kind == textVal && anyGlob(split, string(v.s))), ok
	}
}

// lowerVal is a text in small letters.
func lowerVal(_ *facts, v val) (val, bool) {
	if v.kind != textVal {
		return val{}, v.kind != otherVal
	}
	if !slices.ContainsFunc(v.s, func(c byte) bool { return c-'A' < 26 || c >= utf8.RuneSelf }) {
		return v, true
	}
	return textOfBytes(bytes.ToLower(v.s)), true
}
