package query

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"recourse/audit"
)

// at reads what follows @: a time, what is around another thing, or a saved query.
func (p *parser) at(start int) (Node, error) {
	switch rest := p.rest(); {
	case strings.HasPrefix(rest, "q:"):
		p.pos += len("q:")
		name, err := p.text()
		if err == nil && name == "" {
			err = p.fail(p.pos, "write @q:NAME", "the saved query's name is missing")
		}
		now := p.now
		p.relative = true
		return Saved{name, p.place(start), func(s string) (Expr, error) { return parseFilter(s, now) }}, err
	case strings.HasPrefix(rest, "txn:"):
		p.pos += len("txn:")
		return p.around(start, "txn")
	case strings.HasPrefix(rest, "alert:"):
		p.pos += len("alert:")
		return p.around(start, "alert")
	case strings.HasPrefix(rest, "case:"):
		return nil, p.fail(start, absentNames["case"], "@case: means nothing")
	}
	return p.timeValue(start)
}

// around reads ID±D, with +- for ± as well; without it the stretch is as long as
// the thing itself.
func (p *parser) around(start int, what string) (Node, error) {
	text, err := p.text()
	if err != nil {
		return nil, err
	}
	id, width, wide := strings.Cut(text, "±")
	if !wide {
		id, width, wide = strings.Cut(text, "+-")
	}
	var around audit.Time
	if wide {
		d, err := parseDuration(width)
		if err != nil || d < 0 || d%time.Millisecond != 0 {
			return nil, p.fail(start, "write @"+what+":ID±5m", "%q is not how long before and after", width)
		}
		around = audit.Time(d / time.Millisecond)
	}
	if id == "" {
		return nil, p.fail(start, "write @"+what+":ID±5m", "the %s's id is missing", what)
	}
	if what == "alert" {
		return Near{id, around, p.place(start)}, nil
	}
	sp, err := p.span(id)
	if err != nil || sp.kind != instantSpan {
		return nil, p.fail(start, "write the number that Harper shows, such as @txn:1795465916125.6418±5m", "%q is not the time of a transaction", id)
	}
	if !wide {
		return When{Is, sp.from}, nil
	}
	// String needs parentheses around the two.
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	return and(When{AtLeast, sp.from - around}, When{AtMost, sp.from + around}), nil
}

// durationString is milliseconds as parseDuration reads them.
func durationString(ms audit.Time) string {
	d := time.Duration(ms) * time.Millisecond
	for _, u := range []struct {
		name string
		unit time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}} {
		if d >= u.unit && d%u.unit == 0 {
			return strconv.FormatInt(int64(d/u.unit), 10) + u.name
		}
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
}

// first reads fields joined by +.
func (p *parser) first() (Node, error) {
	start := p.pos
	text, err := p.text()
	if err != nil {
		return nil, err
	}
	var f First
	for name := range strings.SplitSeq(strings.ToLower(text), "+") {
		field := FieldName(name)
		if firstFields[field] == 0 {
			return nil, p.fail(start, "write first:user+table; it may be of user, op, table and node", "first: of %q is not known", name)
		}
		if slices.Contains(f.Fields, field) {
			return nil, p.fail(start, "", "first: names %s twice", name)
		}
		f.Fields = append(f.Fields, field)
	}
	return f, nil
}

// named reads what names another thing.
func (p *parser) named(field string) (Node, error) {
	start := p.pos
	switch field {
	case "alert":
		pattern, _, err := p.pattern()
		return Alerted{ID: pattern, at: p.place(start)}, err
	case "label":
		text, err := p.text()
		return Labelled{text, p.place(start)}, err
	}
	text, err := p.text()
	if err != nil {
		return nil, err
	}
	seq, err := p.seq(start, text)
	return Shaped{Seq: seq, at: p.place(start)}, err
}

// measure reads the test of what is worked out of a change.
func (p *parser) measure(name string, op Op) (Node, error) {
	start := p.pos
	test, err := p.test(op)
	if err != nil {
		return nil, err
	}
	if c, ok := compare(test.Low, test.High); test.Op == Within && ok && c > 0 {
		return nil, p.fail(start, "write ("+name+">=A or "+name+"<=B)", "the range ends before it begins")
	}
	if name == "op_reported" {
		return Measure{name, test}, nil
	}
	return Measure{name, test}, p.possible(start, name, test)
}
