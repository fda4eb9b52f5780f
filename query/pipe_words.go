package query

import (
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"recourse/audit"
)

// word takes letters, if they come next.
func (p *parser) word() string {
	start := p.pos
	for !p.eof() && unicode.IsLetter(p.peek()) {
		p.pos += utf8.RuneLen(p.peek())
	}
	return p.s[start:p.pos]
}

// option takes a word of the pipe's own, if it comes next and stands alone, and
// the space after it.
func (p *parser) option(word string) bool {
	p.space()
	if !p.keyword(word) {
		return false
	}
	p.space()
	return true
}

// number reads a whole number, least at least.
func (q *pipeParser) number(what string, least int) (int, error) {
	q.space()
	start := q.pos
	for !q.eof() && unicode.IsDigit(q.peek()) {
		q.pos += utf8.RuneLen(q.peek())
	}
	n, err := strconv.Atoi(q.s[start:q.pos])
	if err != nil || n < least || n > 1e9 {
		return 0, q.fail(start, "", "%s: want a whole number, %d or more", what, least)
	}
	return n, nil
}

// digits says whether a number comes next.
func (q *pipeParser) digits() bool {
	q.space()
	return unicode.IsDigit(q.peek())
}

// duration reads a time such as 5m, at least a millisecond.
func (q *pipeParser) duration(what string) (time.Duration, error) {
	q.space()
	start := q.pos
	text, err := q.text()
	if err != nil {
		return 0, err
	}
	d, err := parseDuration(text)
	if err != nil || d < time.Millisecond || d%time.Millisecond != 0 {
		return 0, q.fail(start, "write a time such as 90s, 15m, 1h or 7d", "%s: %q is no length of time", what, text)
	}
	return d, nil
}

// instant reads a time.
func (q *pipeParser) instant(what string) (audit.Time, error) {
	q.space()
	start := q.pos
	text, err := q.text()
	if err != nil {
		return 0, err
	}
	t, err := ParseTime(text, q.now)
	if err != nil {
		return 0, q.fail(start, "write a time such as 2026-11-23T20:31:56Z or -2h", "%s: %v", what, err)
	}
	return t, nil
}
