package query

import (
	"slices"
	"strings"
	"unicode/utf8"

	"recourse/audit"
)

// maxSet is how many values in(…) may have in a query. A list may have more.
const maxSet = 1000

// A textSet is the texts of in(…), or a list that is known by its name.
type textSet struct {
	list  listName
	texts []string // as they were written
	index map[string]bool
}

func newTextSet(texts []string) *textSet {
	s := &textSet{texts: texts, index: make(map[string]bool, len(texts))}
	for _, t := range texts {
		s.index[t] = true
	}
	return s
}

func (s *textSet) has(text string) bool { return s.index[text] }

// String is the set in the language: a list by its name.
func (s *textSet) String() string {
	if s.list.name != "" {
		return s.list.String()
	}
	parts := make([]string, len(s.texts))
	for i, t := range s.texts {
		parts[i] = literal(t)
	}
	return "in(" + strings.Join(parts, ",") + ")"
}

// A valueSet is the values of in(…), or a list that is known by its name.
type valueSet struct {
	list   listName
	values []audit.Value
	texts  map[string]bool // those that are texts; the others are tried one by one
	others []audit.Value
}

func newValueSet(values []audit.Value) *valueSet {
	s := &valueSet{values: values, texts: map[string]bool{}}
	for _, v := range values {
		if v.Kind() == audit.KindText {
			s.texts[v.Text()] = true
			// A date, and whatever else has no literal, equals a text.
			if _, err := parseDate(v.Text()); err != nil {
				continue
			}
		}
		s.others = append(s.others, v)
	}
	return s
}

// has says whether one of the values equals v, as a test by : alone has it.
func (s *valueSet) has(v audit.Value) bool {
	switch v.Kind() {
	case audit.KindText:
		if s.texts[v.Text()] {
			return true
		}
	case audit.KindBytes, audit.KindFloat:
		if s.texts[textOf(v)] && equal(v, audit.Text(textOf(v))) {
			return true
		}
	}
	return slices.ContainsFunc(s.others, func(lit audit.Value) bool { return equal(v, lit) })
}

// String is the set in the language.
func (s *valueSet) String() string {
	if s.list.name != "" {
		return s.list.String()
	}
	parts := make([]string, len(s.values))
	for i, v := range s.values {
		parts[i] = valueString(v)
	}
	return "in(" + strings.Join(parts, ",") + ")"
}

// listName is a list that a query names; the zero listName is none.
type listName struct {
	name string
	at   place
}

func (l listName) String() string { return "in(list:" + literal(l.name) + ")" }

// set reads in(…) if that comes next: the values, each with whether it stood
// without quotes, or the name of a list.
func (p *parser) set() (items []setItem, list listName, ok bool, err error) {
	if !strings.HasPrefix(p.rest(), "in(") {
		return nil, list, false, nil
	}
	start := p.pos
	p.pos += len("in(")
	if p.take("list:") {
		list.at = p.place(p.pos)
		if list.name, err = p.setValue(); err != nil {
			return nil, list, true, err
		}
		if list.name == "" {
			return nil, list, true, p.fail(p.pos, "write in(list:NAME)", "the list's name is missing")
		}
		return nil, list, true, p.closeSet()
	}
	for {
		p.space()
		item := setItem{bare: p.peek() != '"'}
		if item.text, err = p.setValue(); err != nil {
			return nil, list, true, err
		}
		if item.bare && item.text == "" {
			return nil, list, true, p.fail(p.pos, `write in(A,B); "" is the empty text`, "a value is missing")
		}
		if items = append(items, item); len(items) > maxSet {
			return nil, list, true, p.fail(start, "put them into a list, and write in(list:NAME)", "more than %d values", maxSet)
		}
		p.space()
		if !p.take(",") {
			return items, list, true, p.closeSet()
		}
	}
}

func (p *parser) closeSet() error {
	p.space()
	if !p.take(")") {
		return p.fail(p.pos, "write in(A,B)", "in( is not closed")
	}
	if !p.atEnd() {
		return p.fail(p.pos, "put a space between", "something follows in(…)")
	}
	return nil
}

// A setItem is a value of in(…) as it was written.
type setItem struct {
	text string
	bare bool // without quotes and backslashes: it may be of another type than text
}

// setValue reads a text of in(…), up to the comma or parenthesis after it.
func (p *parser) setValue() (string, error) {
	if p.peek() == '"' {
		return p.quoted()
	}
	start := p.pos
	for !p.eof() && p.peek() != ',' && !ends(p.peek()) {
		p.pos += utf8.RuneLen(p.peek())
	}
	return p.s[start:p.pos], nil
}

// patternSet is in(…) of texts, if that comes next.
func (p *parser) patternSet() (Pattern, bool, error) {
	items, list, ok, err := p.set()
	if !ok || err != nil {
		return Pattern{}, ok, err
	}
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = item.text
	}
	s := newTextSet(texts)
	s.list = list
	return Pattern{kind: among, set: s}, true, nil
}

// testSet is in(…) of values of any type, if that comes next.
func (p *parser) testSet() (Test, bool, error) {
	items, list, ok, err := p.set()
	if !ok || err != nil {
		return Test{}, ok, err
	}
	values := make([]audit.Value, len(items))
	for i, item := range items {
		values[i] = item.value()
	}
	s := newValueSet(values)
	s.list = list
	return Test{Op: Among, Set: s}, true, nil
}

func (i setItem) value() audit.Value {
	if v, typed := bareValue(i.text); i.bare && typed {
		return v
	}
	return audit.Text(i.text)
}

// nearly says whether s is a text but for as many characters as there are ~
// before it, in any case.
func nearly(pattern, s string) bool {
	word := strings.TrimLeft(pattern, "~")
	return near(word, fold(s), len(pattern)-len(word))
}
