package rules

import (
	"math"
	"slices"

	"recourse/audit"

	"github.com/expr-lang/expr/ast"
)

// A gate is what one of a change's elements has in every change of which a
// condition holds, as far as it is cheap to see. So most conditions are not tried on
// most changes. It is found in any(LIST, …) and count(LIST, …) >= 1, joined by and.
type gate struct {
	named trial    // of an attribute's name alone; nil: any
	needs features // of its values
	texts uint32   // of a text in what was written: patterns of which one may match
}

// features are what is cheap to see of an attribute's two values. Each is there
// whenever what it stands for may be so.
type features uint64

const (
	oldThere features = 1 << iota
	oldGone
	oldText
	oldNumber
	newThere
	newGone
	newText
	newNumber
	firstLength // of the lengths that conditions ask for
)

// everything is what nothing is known of.
const everything = ^features(0)

// sides are the features of the old value as those of the new one.
const sides = 4

// A leastLength is the least length of a value, old or new, that a condition asks for.
type leastLength struct {
	next  bool
	least int
}

// length is the feature of a value that is so long.
func (v *vocabulary) length(of leastLength) features {
	i := slices.Index(v.lengths, of)
	if i < 0 {
		const most = 48
		if len(v.lengths) == most {
			return 0
		}
		i = len(v.lengths)
		v.lengths = append(v.lengths, of)
	}
	return firstLength << i
}

// features are those of an element.
func (v *vocabulary) features(el *element) features {
	has := featuresOf(el.old) | featuresOf(el.next)<<sides
	old, next := mostLength(el.old), mostLength(el.next)
	for i := range v.lengths {
		l, most := &v.lengths[i], old
		if l.next {
			most = next
		}
		if most >= l.least {
			has |= firstLength << i
		}
	}
	return has
}

func featuresOf(v audit.Value) features {
	switch v.Kind() {
	case audit.KindMissing, audit.KindNull:
		return oldGone
	case audit.KindText:
		return oldThere | oldText
	case audit.KindInt, audit.KindFloat:
		return oldThere | oldNumber
	case audit.KindDate: // one that is no date is nothing
		return oldThere | oldNumber | oldGone
	case audit.KindTagged:
		return oldThere | oldNumber | oldGone | oldText
	}
	return oldThere
}

// mostLength is how many characters or elements a value has at most; -1: it has no
// length.
func mostLength(v audit.Value) int {
	switch v.Kind() {
	case audit.KindText:
		return len(v)
	case audit.KindBytes, audit.KindArray, audit.KindObject, audit.KindTagged:
		return math.MaxInt
	}
	return -1
}

// gates are several of which one is open in every change of which a condition holds;
// nil: there are none.
func (c *compilation) gates(n ast.Node) []gate {
	switch n := n.(type) {
	case *ast.BuiltinNode:
		if n.Name == "any" {
			return c.gateIn(n)
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "and", "&&":
			return narrower(c.gates(n.Left), c.gates(n.Right))
		case "or", "||":
			a, b := c.gates(n.Left), c.gates(n.Right)
			if a == nil || b == nil {
				return nil
			}
			return append(a, b...)
		case ">=", ">":
			counted, ok := n.Left.(*ast.BuiltinNode)
			least, also := n.Right.(*ast.IntegerNode)
			if ok && also && counted.Name == "count" && (least.Value > 0 || least.Value == 0 && n.Operator == ">") {
				return c.gateIn(counted)
			}
		}
	}
	return nil
}

// narrower is the gates that fewer changes pass, as far as one can tell.
func narrower(a, b []gate) []gate {
	unnamed := func(g gate) bool { return g.named == nil }
	if a == nil || b != nil && slices.ContainsFunc(a, unnamed) && !slices.ContainsFunc(b, unnamed) {
		return b
	}
	return a
}

// gateIn is what a function asks of one element at least.
func (c *compilation) gateIn(n *ast.BuiltinNode) []gate {
	if len(n.Arguments) != 2 {
		return nil
	}
	list, ok := n.Arguments[0].(*ast.IdentifierNode)
	body, also := n.Arguments[1].(*ast.PredicateNode)
	if !ok || !also {
		return nil
	}
	g := gate{}
	switch list.Value {
	case "changed", "added", "removed", "written":
		g.named, g.needs = c.namedPart(body.Node, list.Value), c.needOf(body.Node)
	case "new_texts":
		g.texts = c.textsOf(body.Node)
	}
	if g.named == nil && g.needs == 0 && g.texts == 0 {
		return nil
	}
	return []gate{g}
}

// namedPart is the part of what is asked of an element that the name alone decides.
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

// textsOf are the patterns of which one is to match a text.
func (c *compilation) textsOf(n ast.Node) uint32 {
	b, ok := n.(*ast.BinaryNode)
	if !ok {
		return 0
	}
	switch b.Operator {
	case "and", "&&":
		if x := c.textsOf(b.Left); x != 0 {
			return x
		}
		return c.textsOf(b.Right)
	case "or", "||":
		x, y := c.textsOf(b.Left), c.textsOf(b.Right)
		if x == 0 || y == 0 {
			return 0
		}
		return x | y
	case "matches":
		_, whole := b.Left.(*ast.PointerNode)
		s, ok := b.Right.(*ast.StringNode)
		if !whole || !ok {
			return 0
		}
		return c.words.scanner.bit(s.Value)
	}
	return 0
}
