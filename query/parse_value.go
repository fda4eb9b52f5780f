package query

import (
	"errors"
	"strings"
	"unicode/utf8"

	"recourse/audit"
)

// attribute reads a path into an image, or of a number that changed, and the test
// of what is there.
func (p *parser) attribute(name string) (Node, error) {
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	op, err := p.operator()
	if err != nil {
		return nil, err
	}
	if p.atEnd() {
		return nil, p.fail(p.pos, `write :* for any value, :"" for the empty text`, "the attribute needs a value")
	}
	at := p.pos
	test, err := p.test(op)
	if name == "delta" || name == "ratio" {
		if err == nil {
			err = p.possible(at, name, test)
		}
		return Delta{name == "ratio", path, test}, err
	}
	return Attribute{name == "after", path, test}, err
}

// path reads the names of attributes from the record inwards, a dot before each.
func (p *parser) path() ([]string, error) {
	var path []string
	for p.take(".") {
		name, err := p.pathName()
		if err != nil {
			return nil, err
		}
		path = append(path, name)
	}
	return path, nil
}

func (p *parser) pathName() (string, error) {
	if p.peek() == '"' {
		return p.quoted()
	}
	start := p.pos
	for !p.eof() && isNameRune(p.peek()) {
		p.pos += utf8.RuneLen(p.peek())
	}
	if start == p.pos {
		return "", p.fail(start, "put a name with other characters than letters, digits, _, $ and - in quotes", "an attribute's name is missing")
	}
	return p.s[start:p.pos], nil
}

// test reads a value that may be of any type, and is there.
func (p *parser) test(op Op) (Test, error) {
	start := p.pos
	if p.peek() == '[' {
		return p.bracketTest(op)
	}
	if t, set, err := p.testSet(); set || err != nil {
		if err == nil && op != Is {
			err = p.fail(start, "write NAME:in(A,B)", "in(…) after a comparison")
		}
		return t, err
	}
	pattern, bare, err := p.pattern()
	if err != nil {
		return Test{}, err
	}
	text, single := pattern.Literal()
	switch {
	case !single && op != Is:
		return Test{}, p.fail(start, "put it in quotes", "a pattern cannot be compared by size")
	case !single && pattern.kind == glob && pattern.text == "*":
		return Test{Op: Exists}, nil
	case !single:
		return Test{Op: Like, Pattern: pattern}, nil
	}
	low := audit.Text(text)
	if v, typed := bareValue(text); bare && typed {
		low = v
	}
	return Test{Op: op, Low: low}, p.checkOrder(start, op, low)
}

// checkOrder refuses to compare by size what has no order.
func (p *parser) checkOrder(at int, op Op, v audit.Value) error {
	if op == Is || orderable(v) {
		return nil
	}
	return p.fail(at, "put it in quotes if it is text", "%s has no order", v.Kind())
}

// bracketTest reads a range, or an array.
func (p *parser) bracketTest(op Op) (Test, error) {
	start := p.pos
	inner, err := p.brackets()
	if err != nil {
		return Test{}, err
	}
	low, high, ranged := cutRange(inner)
	switch {
	case op != Is:
		return Test{}, p.fail(start, "write NAME:[A..B]", "a range after a comparison")
	case !p.atEnd():
		return Test{}, p.fail(p.pos, "put a space between", "something follows the bracket")
	case !ranged:
		v, err := arrayLiteral("[" + inner + "]")
		if err != nil {
			return Test{}, p.fail(start, `write [A..B] for a range, ["a",1] for an array`, "%v", err)
		}
		return Test{Op: Is, Low: v}, nil
	case low == "" && high == "":
		return Test{}, p.fail(start, "write [A..B]; one of them may be left out", "a range without ends")
	}
	t := Test{Op: Within}
	if t.Low, err = p.boundValue(start, low); err != nil {
		return Test{}, err
	}
	t.High, err = p.boundValue(start, high)
	return t, err
}

var errArray = errors.New("not a range, nor an array of texts, numbers, true, false and null")

func arrayLiteral(s string) (audit.Value, error) {
	v, err := audit.FromJSON([]byte(s))
	if err != nil {
		return nil, errArray
	}
	for e := range v.Elems() {
		switch e.Kind() {
		case audit.KindArray, audit.KindObject:
			return nil, errArray
		case audit.KindFloat:
			if f, _ := e.Float64(); !finite(f) {
				return nil, errArray
			}
		}
	}
	return v, nil
}

// boundValue reads one end of a range; an open end is nil.
func (p *parser) boundValue(at int, s string) (audit.Value, error) {
	if s == "" {
		return nil, nil
	}
	if strings.HasPrefix(s, `"`) {
		inner := &parser{s: s}
		text, err := inner.lone(inner.quoted())
		if err != nil || !inner.eof() {
			return nil, p.fail(at, "", "not the end of a range: %s", s)
		}
		return audit.Text(text), nil
	}
	if v, typed := bareValue(s); typed {
		return v, p.checkOrder(at, Within, v)
	}
	return audit.Text(s), nil
}

// timeValue reads a time, a day, a time ago up to now, or a range of those.
func (p *parser) timeValue(start int) (Node, error) {
	if p.peek() == '[' {
		return p.between(Is, func(op Op, text string) (Node, error) { return p.timeEnd(start, op, text) })
	}
	text, err := p.text()
	if err != nil {
		return nil, err
	}
	if low, high, ok := cutRange(text); ok {
		return p.ends(start, low, high, func(op Op, text string) (Node, error) { return p.timeEnd(start, op, text) })
	}
	sp, err := p.span(text)
	switch {
	case err != nil:
		return nil, p.fail(start, "", "time %q: %v", text, err)
	case sp.kind == agoSpan:
		return When{AtLeast, sp.from}, nil
	case sp.kind == daySpan:
		return p.ends(start, text, text, func(op Op, text string) (Node, error) { return p.timeEnd(start, op, text) })
	}
	return When{Is, sp.from}, nil
}

func (p *parser) timeOrder(op Op) (Node, error) {
	start := p.pos
	text, err := p.text()
	if err != nil {
		return nil, err
	}
	return p.timeEnd(start, op, text)
}

// timeEnd compares with a time; a day is compared as a whole.
func (p *parser) timeEnd(at int, op Op, text string) (Node, error) {
	sp, err := p.span(text)
	if err != nil {
		return nil, p.fail(at, "", "time %q: %v", text, err)
	}
	if sp.kind == daySpan {
		switch op {
		case AtMost:
			return When{Less, sp.to}, nil
		case More:
			return When{AtLeast, sp.to}, nil
		}
	}
	return When{op, sp.from}, nil
}

// transaction reads the exact time that the changes of a transaction share.
func (p *parser) transaction() (Node, error) {
	start := p.pos
	text, err := p.text()
	if err != nil {
		return nil, err
	}
	sp, err := p.span(text)
	if err != nil || sp.kind != instantSpan {
		return nil, p.fail(start, "write the number that Harper shows, such as txn:1795465916125.6418", "%q is not the time of a transaction", text)
	}
	return When{Is, sp.from}, nil
}
