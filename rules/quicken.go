package rules

import (
	"recourse/audit"

	"github.com/expr-lang/expr/ast"
)

// A quickener makes quick conditions.
type quickener struct {
	c       *compilation
	words   *vocabulary
	over    string // the list that is gone through; empty: none
	weight  int    // how many operators and functions look at a value
	named   bool   // what was made last depends on an attribute's name
	depends bool   // what was made last depends on something else
}

// quicken is nil when nothing of a condition can be decided early.
func (c *compilation) quicken(n ast.Node) *quick {
	k := &quickener{c: c, words: c.words}
	t := k.test(n, positive)
	if t == nil {
		return nil
	}
	q := &quick{test: t, most: k.most()}
	if slot, ok := c.stays(n); ok {
		q.stays = slot + 1
	}
	return q
}

// most is how large two images may be together, in bytes, for no evaluation of
// what was made to come near maxSteps.
func (k *quickener) most() int {
	const steps = 10 // at most, for each byte that one operator looks at: see shallow
	return maxSteps / steps / (k.weight + 1)
}

// test is nil when a part of a condition cannot be decided early.
func (k *quickener) test(n ast.Node, p polarity) trial {
	switch n := n.(type) {
	case *ast.UnaryNode:
		if n.Operator != "not" && n.Operator != "!" {
			return nil
		}
		if t := k.test(n.Node, -p); t != nil {
			return func(f *facts, el *element) verdict { return t(f, el).not() }
		}
		return nil
	case *ast.BinaryNode:
		return k.binary(n, p)
	case *ast.BuiltinNode:
		return k.goThrough(n, p)
	}
	a := k.operand(n)
	if a == nil {
		return nil
	}
	return func(f *facts, el *element) verdict {
		v, ok := a(f, el)
		switch {
		case !ok:
			return ask
		case v.kind == truthVal:
			return verdictOf(v.truth)
		}
		return missing(p)
	}
}

// missing is the verdict of a comparison that cannot be made.
func missing(p polarity) verdict {
	if p == mixed {
		return ask
	}
	return verdictOf(p == negative)
}

func (k *quickener) binary(n *ast.BinaryNode, p polarity) trial {
	switch n.Operator {
	case "and", "&&", "or", "||":
		a := k.part(n.Left, p)
		b := k.part(n.Right, p)
		switch {
		case a == nil:
			return nil // what comes first may fail, and is to be heard
		case b == nil:
			b = asking
		}
		if n.Operator == "and" || n.Operator == "&&" {
			return both(a, b)
		}
		return either(a, b)
	case "in", "not in":
		return k.in(n)
	case "matches":
		return k.matches(n, p)
	}
	k.weight++
	if t := k.counted(n); t != nil {
		return t
	}
	if t := k.textOfChange(n); t != nil {
		return t
	}
	a, b := k.operand(n.Left), k.operand(n.Right)
	test := comparison(n.Operator, p)
	if a == nil || b == nil || test == nil {
		return nil
	}
	if fixed, ok := constantOf(n.Right); ok {
		return func(f *facts, el *element) verdict {
			x, ok := a(f, el)
			if !ok {
				return ask
			}
			return test(x, fixed)
		}
	}
	return func(f *facts, el *element) verdict {
		x, ok := a(f, el)
		y, also := b(f, el)
		if !ok || !also {
			return ask
		}
		return test(x, y)
	}
}

// textOfChange is the commonest comparison of all, as in op == "delete".
func (k *quickener) textOfChange(n *ast.BinaryNode) trial {
	id, ok := n.Left.(*ast.IdentifierNode)
	s, also := n.Right.(*ast.StringNode)
	if !ok || !also || n.Operator != "==" && n.Operator != "!=" {
		return nil
	}
	want, fixed := n.Operator == "==", s.Value
	k.depends = true
	if id.Value == "table" {
		return func(f *facts, _ *element) verdict {
			return verdictOf(isNamed(f.c.Key.Table, fixed) == want)
		}
	}
	if id.Value == "actor.kind" {
		return func(f *facts, _ *element) verdict { return verdictOf((f.actorKind() == fixed) == want) }
	}
	text := textOfChange(id.Value)
	if text == nil {
		return nil
	}
	return func(f *facts, _ *element) verdict { return verdictOf((text(f.c) == fixed) == want) }
}

// isNamed says that t.String() is name.
func isNamed(t audit.Table, name string) bool {
	n := len(t.Database)
	return len(name) == n+1+len(t.Name) && name[:n] == t.Database && name[n] == '.' && name[n+1:] == t.Name
}

// comparison is a comparison of two values, or nil when op is none.
func comparison(op string, p polarity) func(x, y val) verdict {
	if op == "==" || op == "!=" {
		want := op == "=="
		return func(x, y val) verdict {
			same, known := equalVals(x, y)
			if !known {
				return ask
			}
			return verdictOf(same == want)
		}
	}
	if holds := orderings()[op]; holds != nil {
		return func(x, y val) verdict {
			if order, ok := compareVals(x, y); ok {
				return verdictOf(holds(order))
			}
			return missing(p)
		}
	}
	holds := textTest(op)
	if holds == nil {
		return nil
	}
	return func(x, y val) verdict {
		if x.kind != textVal || y.kind != textVal {
			return missing(p)
		}
		return verdictOf(holds(x.s, y.s))
	}
}

// part is a test that is remembered when it depends on an attribute's name alone.
func (k *quickener) part(n ast.Node, p polarity) trial {
	outer := *k
	k.named, k.depends = false, false
	t := k.test(n, p)
	if t != nil && k.named && !k.depends {
		t = perName(k.words.nameTests, t)
		k.words.nameTests++
	}
	k.named, k.depends = k.named || outer.named, k.depends || outer.depends
	return t
}

func (k *quickener) matches(n *ast.BinaryNode, p polarity) trial {
	k.weight++
	a := k.operand(n.Left)
	s, ok := n.Right.(*ast.StringNode)
	if a == nil || !ok {
		return nil
	}
	re, err := compilePattern(s.Value)
	if err != nil {
		return nil // unreachable: the guard has tried
	}
	if _, whole := n.Left.(*ast.PointerNode); whole && k.over == "new_texts" {
		if bit := k.words.scanner.bit(s.Value); bit != 0 {
			return func(f *facts, el *element) verdict {
				f.mayMatch()
				return verdictOf(el.patterns&bit != 0 && re.re.Match(el.text))
			}
		}
	}
	return func(f *facts, el *element) verdict {
		v, ok := a(f, el)
		switch {
		case !ok:
			return ask
		case v.kind != textVal:
			return missing(p)
		}
		return verdictOf(re.match(v.s))
	}
}
