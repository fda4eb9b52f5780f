package query

import (
	"slices"
	"strconv"
	"strings"

	"recourse/audit"
)

// field reads what follows a field's name.
func (p *parser) field(start int, name string) (Node, error) {
	if p.peek() == '.' {
		return p.attribute(name)
	}
	op, err := p.operator()
	if err != nil {
		return nil, err
	}
	if p.atEnd() {
		hint := ""
		if p.peek() == '(' {
			hint = "write (" + name + ":A OR " + name + ":B)"
		}
		return nil, p.fail(p.pos, hint, "%s needs a value", name)
	}
	switch name {
	case "time":
		if op == Is {
			return p.timeValue(p.pos)
		}
		return p.timeOrder(op)
	case "seq":
		return p.seqValue(op)
	case "id":
		test, err := p.test(op)
		if err == nil && test.Op == Is {
			if _, bad := audit.IDOf(test.Low); bad != nil {
				return nil, p.fail(start, "put it in quotes if it is text", "%v", bad)
			}
		}
		return ID{test}, err
	case "value", "appears", "vanishes":
		test, err := p.test(op)
		return Leaf{Sense(name), test}, err
	case "risk":
		at := p.pos
		test, err := p.test(op)
		if err == nil {
			err = p.possible(at, name, test)
		}
		return Alerted{ByRisk: true, Risk: test, at: p.place(start)}, err
	}
	if measures[name] != nil {
		return p.measure(name, op)
	}
	if op != Is {
		return nil, p.fail(start, "", "%s cannot be compared by size", name)
	}
	return p.fieldIs(name)
}

// operator reads : or a comparison, or both.
func (p *parser) operator() (Op, error) {
	colon := p.take(":")
	for _, op := range []Op{AtLeast, AtMost, More, Less} {
		if p.take(opSigns[op]) {
			return op, nil
		}
	}
	if !colon {
		return Is, p.fail(p.pos, "write NAME:VALUE", "a value must follow the attribute's name")
	}
	return Is, nil
}

// fieldIs reads the value of a field that is compared by : alone.
func (p *parser) fieldIs(name string) (Node, error) {
	switch name {
	case "carries":
		return p.words(true)
	case "key":
		return p.record()
	case "txn":
		return p.transaction()
	case "late", "lossy", "synthetic":
		want, err := p.oneOf(name, "true", "false")
		return Flag{FlagName(name), want == "true"}, err
	case "before", "after":
		state, err := p.oneOf(name, "unknown", "absent", "present")
		return State{name == "after", states[state]}, err
	case "kind":
		kind, err := p.oneOf(name, string(audit.KindWrite), string(audit.KindDelete), string(audit.KindMessage))
		return Field{FieldKind, Exactly(kind)}, err
	}
	switch name {
	case "mark":
		mark, err := p.oneOf(name, string(FlagLate), string(FlagLossy), string(FlagSynthetic))
		return Flag{FlagName(mark), true}, err
	case "first":
		return p.first()
	case "like", "label", "alert":
		return p.named(name)
	}
	pattern, _, err := p.pattern()
	if literal, ok := pattern.Literal(); ok && name == "op" {
		pattern = Exactly(fold(literal))
	}
	return Field{FieldName(name), pattern}, err
}

// text reads a value that is only text, in quotes or bare.
func (p *parser) text() (string, error) {
	if p.peek() == '"' {
		return p.lone(p.quoted())
	}
	source, err := p.bare()
	text, _, _ := unescape(source)
	return text, err
}

// lone checks that nothing stands directly after a value in quotes.
func (p *parser) lone(text string, err error) (string, error) {
	if err == nil && !p.atEnd() {
		return "", p.fail(p.pos, "put a space between", "something follows the quotes")
	}
	return text, err
}

func (p *parser) oneOf(name string, words ...string) (string, error) {
	start := p.pos
	text, err := p.text()
	if err != nil {
		return "", err
	}
	if i := slices.Index(words, fold(text)); i >= 0 {
		return words[i], nil
	}
	return "", p.fail(start, "", "%s is one of %s", name, strings.Join(words, ", "))
}

// record reads a key, in which the id may stand in quotes: dev.dog/"318".
func (p *parser) record() (Node, error) {
	start := p.pos
	text := ""
	if p.peek() == '"' {
		quoted, err := p.lone(p.quoted())
		if err != nil {
			return nil, err
		}
		text = quoted
	} else {
		for !p.atEnd() {
			n := 1
			if p.peek() == '"' {
				var closed bool
				if n, closed = quotedLen(p.rest()); !closed {
					return nil, p.fail(p.pos, "", "a quote is not closed")
				}
			}
			p.pos += n
		}
		text = p.s[start:p.pos]
	}
	key, err := audit.ParseKey(text)
	if err != nil {
		return nil, p.fail(start, "a key is DATABASE.TABLE/ID", "%v", err)
	}
	return Record{key}, nil
}

func (p *parser) seqValue(op Op) (Node, error) {
	start := p.pos
	if p.peek() != '[' {
		text, err := p.text()
		if err != nil {
			return nil, err
		}
		n, err := p.seq(start, text)
		return Numbered{op, n}, err
	}
	return p.between(op, func(op Op, text string) (Node, error) {
		n, err := p.seq(start, text)
		return Numbered{op, n}, err
	})
}

func (p *parser) seq(at int, text string) (audit.Seq, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, p.fail(at, "", "%q is not the number of a change", text)
	}
	return audit.Seq(n), nil
}

// between reads [a..b] as two comparisons, of which an open end needs none.
func (p *parser) between(op Op, compare func(Op, string) (Node, error)) (Node, error) {
	start := p.pos
	inner, err := p.brackets()
	if err != nil {
		return nil, err
	}
	low, high, ok := cutRange(inner)
	switch {
	case op != Is:
		return nil, p.fail(start, "write NAME:[A..B]", "a range after a comparison")
	case !ok || !p.atEnd():
		return nil, p.fail(start, "write [A..B]", "not a range")
	}
	return p.ends(start, low, high, compare)
}

func (p *parser) ends(start int, low, high string, compare func(Op, string) (Node, error)) (Node, error) {
	if low == "" && high == "" {
		return nil, p.fail(start, "write [A..B]; one of them may be left out", "a range without ends")
	}
	// String needs parentheses around the two.
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	var both []Node
	for _, end := range []struct {
		op   Op
		text string
	}{{AtLeast, low}, {AtMost, high}} {
		if end.text == "" {
			continue
		}
		n, err := compare(end.op, end.text)
		if err != nil {
			return nil, err
		}
		both = append(both, n)
	}
	return and(both...), nil
}
