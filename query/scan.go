package query

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A parser reads a query from left to right.
type parser struct {
	s     string
	pos   int
	depth int
	regex int       // how many there were
	now   time.Time // what -2h is reckoned from
	known []string  // attributes that there are, to suggest; nil: not known
	// relative says that now has been made use of, or may be later.
	relative bool
}

// span reads a time; 2h is a time ago, as -2h is.
func (p *parser) span(text string) (span, error) {
	sp, err := parseSpan(text, p.now)
	if err != nil {
		if back, failed := parseSpan("-"+text, p.now); failed == nil && back.kind == agoSpan {
			sp, err = back, nil
		}
	}
	if err == nil && (sp.kind == agoSpan || strings.EqualFold(text, "now")) {
		p.relative = true
	}
	return sp, err
}

func (p *parser) fail(at int, hint, format string, args ...any) error {
	return &SyntaxError{Query: p.s, Offset: at, Reason: fmt.Sprintf(format, args...), hint: hint}
}

func (p *parser) rest() string { return p.s[p.pos:] }

func (p *parser) eof() bool { return p.pos >= len(p.s) }

// peek is the next character, or 0 at the end.
func (p *parser) peek() rune {
	if p.eof() {
		return 0
	}
	r, _ := utf8.DecodeRuneInString(p.rest())
	return r
}

func (p *parser) take(prefix string) bool {
	if strings.HasPrefix(p.rest(), prefix) {
		p.pos += len(prefix)
		return true
	}
	return false
}

func (p *parser) space() {
	p.pos += len(p.rest()) - len(strings.TrimLeftFunc(p.rest(), unicode.IsSpace))
}

// ends says whether a bare value ends before r.
func ends(r rune) bool { return unicode.IsSpace(r) || r == '(' || r == ')' || r == '"' || r == '|' }

// atEnd says whether a term has come to its end.
func (p *parser) atEnd() bool {
	return p.eof() || p.peek() != '"' && ends(p.peek())
}

// keyword takes the word if it comes next, on its own.
func (p *parser) keyword(word string) bool {
	rest := p.rest()
	if len(rest) < len(word) || !strings.EqualFold(rest[:len(word)], word) {
		return false
	}
	if after, _ := utf8.DecodeRuneInString(rest[len(word):]); len(rest) > len(word) && !ends(after) {
		return false
	}
	p.pos += len(word)
	return true
}

func (p *parser) atKeyword(word string) bool {
	start := p.pos
	defer func() { p.pos = start }()
	return p.keyword(word)
}

// bare takes a value without quotes, up to a space, parenthesis or quote. In
// its source a backslash stands before characters that are meant as they are.
func (p *parser) bare() (string, error) {
	start := p.pos
	for !p.eof() && !ends(p.peek()) {
		if p.take(`\`) && p.eof() {
			return "", p.fail(p.pos-1, `write \\ for a backslash`, "a backslash at the end")
		}
		p.pos += utf8.RuneLen(p.peek())
	}
	if p.peek() == '"' {
		return "", p.fail(p.pos, `put a space before it, or write \"`, "a quote within a word")
	}
	return p.s[start:p.pos], nil
}

// unescape takes the backslashes out, and says whether there were any, and
// whether there are wildcards without one.
func unescape(source string) (text string, escaped, wild bool) {
	var b strings.Builder
	for i := 0; i < len(source); i++ {
		switch source[i] {
		case '\\':
			i++
			escaped = true
		case '*', '?':
			wild = true
		}
		b.WriteByte(source[i])
	}
	return b.String(), escaped, wild
}

// quoted takes a text in quotes, whose escapes are those of JSON.
func (p *parser) quoted() (string, error) {
	start := p.pos
	n, ok := quotedLen(p.rest())
	if !ok {
		return "", p.fail(start, "", "a quote is not closed")
	}
	p.pos += n
	var b strings.Builder
	for i := range n {
		// People may type a line break where JSON wants an escape.
		if c := p.s[start+i]; c < 0x20 {
			fmt.Fprintf(&b, `\u%04x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	var text string
	if err := json.Unmarshal([]byte(b.String()), &text); err != nil {
		return "", p.fail(start, `write \\ for a backslash`, "an unknown escape in quotes")
	}
	return text, nil
}

// quotedLen is the length of the text in quotes with which s begins.
func quotedLen(s string) (int, bool) {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1, true
		}
	}
	return 0, false
}

// quote puts a text in quotes.
func quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return `""` // unreachable: a string always encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// regexp takes a regular expression between slashes.
func (p *parser) regexp() (Pattern, error) {
	start := p.pos
	var b strings.Builder
	for i := start + 1; i < len(p.s); i++ {
		switch c := p.s[i]; {
		case c == '\\' && i+1 < len(p.s):
			i++
			if p.s[i] != '/' {
				b.WriteByte(c)
			}
			b.WriteByte(p.s[i])
		case c == '/':
			p.pos = i + 1
			return p.compile(start, b.String())
		default:
			b.WriteByte(c)
		}
	}
	return Pattern{}, p.fail(start, "put text that begins with a slash in quotes", "a /regular expression/ is not closed")
}

func (p *parser) compile(start int, source string) (Pattern, error) {
	if !p.atEnd() {
		return Pattern{}, p.fail(p.pos, `write \/ for a slash within it; put text that begins with a slash in quotes`,
			"something follows a /regular expression/")
	}
	if p.regex++; p.regex > maxRegexps {
		return Pattern{}, p.fail(start, "", "more than %d regular expressions", maxRegexps)
	}
	pattern, err := regexPattern(source)
	if err != nil {
		return Pattern{}, p.fail(start, "the syntax is RE2's", "%v", err)
	}
	return pattern, nil
}

// brackets takes what stands between [ and the ] that closes it.
func (p *parser) brackets() (inner string, err error) {
	start, depth := p.pos, 0
	for i := start; i < len(p.s); i++ {
		switch p.s[i] {
		case '"':
			n, ok := quotedLen(p.s[i:])
			if !ok {
				return "", p.fail(i, "", "a quote is not closed")
			}
			i += n - 1
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				p.pos = i + 1
				return p.s[start+1 : i], nil
			}
		}
	}
	return "", p.fail(start, "", "a bracket is not closed")
}

// cutRange parts "a..b" at the dots, quotes respected.
func cutRange(s string) (low, high string, ok bool) {
	for i := 0; i < len(s); i++ {
		if s[i] == '"' {
			n, closed := quotedLen(s[i:])
			if !closed {
				return "", "", false
			}
			i += n - 1
		} else if strings.HasPrefix(s[i:], "..") {
			return strings.TrimSpace(s[:i]), strings.TrimSpace(s[i+2:]), true
		}
	}
	return "", "", false
}
