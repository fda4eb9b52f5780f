package query

import (
	"errors"
	"slices"
	"strings"
)

// readWhere reads the condition of a rule on changes, and tests of columns on
// rows.
func (q *pipeParser) readWhere(start int) (Pipe, error) {
	if q.columns != nil {
		return q.readRowTests()
	}
	at := q.pos
	end := conditionLen(q.rest())
	text := strings.TrimSpace(q.s[at : at+end])
	if text == "" {
		return nil, q.fail(at, "write where after.total > 2 * before.total", "where needs a condition")
	}
	if q.language.Condition == nil {
		return nil, q.fail(start, "", "conditions are not taken here")
	}
	cond, err := q.language.Condition(text)
	if err != nil {
		offset := 0
		var placed interface{ Offset() int }
		if errors.As(err, &placed) && placed.Offset() >= 0 && placed.Offset() <= len(text) {
			offset = placed.Offset()
		}
		return nil, q.fail(at+offset, "docs/rules.md says what a condition may say", "%v", err)
	}
	q.pos = at + end
	w := Where{Text: text}
	narrow := cond.Root()
	if all, ok := narrow.(And); ok {
		for i, n := range all {
			if inner, is := n.(Where); is {
				w.Holds, narrow = inner.Holds, append(slices.Clone(all[:i]), all[i+1:]...)
			}
		}
		w.needs = narrow
	} else if inner, is := narrow.(Where); is {
		w.Holds = inner.Holds
	}
	return PipeWhere{w}, nil
}

// conditionLen is where the condition ends with which s begins: at the next | by
// itself that is not within quotes or parentheses.
func conditionLen(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '"', '\'', '`':
			i += textLen(s[i:], c) - 1
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case '|':
			if strings.HasPrefix(s[i:], "||") {
				i++
			} else if depth <= 0 {
				return i
			}
		}
	}
	return len(s)
}

// textLen is the length of a text in such quotes; all of s if it is not closed.
func textLen(s string, quote byte) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quote != '`':
			i++
		case s[i] == quote:
			return i + 1
		}
	}
	return len(s)
}

// readRowTests reads tests such as count>10 -user:eve, which must all hold.
func (q *pipeParser) readRowTests() (Pipe, error) {
	var p PipeRows
	for {
		q.space()
		if q.option("and") {
			continue
		}
		if q.eof() || q.peek() == '|' {
			if p.Tests == nil {
				return nil, q.fail(q.pos, "write where count>10", "where needs a test")
			}
			return p, nil
		}
		t := RowTest{Not: q.take("-") || q.option("not")}
		f, err := q.pipeField(q.columns)
		if err != nil {
			return nil, err
		}
		t.Column = f.Name
		q.space()
		op, err := q.operator()
		if err != nil {
			return nil, err
		}
		q.space()
		if q.atEnd() {
			return nil, q.fail(q.pos, "", "%s needs a value", f.Name)
		}
		if t.Test, err = q.test(op); err != nil {
			return nil, err
		}
		p.Tests = append(p.Tests, t)
	}
}
