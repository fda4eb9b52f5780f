package query

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Pattern is what a text is held against: another text, one with wildcards,
// or a regular expression. The zero Pattern is the empty text.
type Pattern struct {
	kind patternKind
	text string
	re   *regexp.Regexp
	part string // what stands in every text that re matches
	set  *textSet
}

type patternKind uint8

const (
	exactly patternKind = iota
	glob                // * and ? are wildcards; a backslash takes them as they are
	matches             // a regular expression
	among               // one of a set of texts
	alike               // the text but for one character, ~, or two, ~~, in any case
)

// Exactly is the pattern of one text alone.
func Exactly(s string) Pattern { return Pattern{kind: exactly, text: s} }

func globPattern(source string) Pattern { return Pattern{kind: glob, text: source} }

func regexPattern(source string) (Pattern, error) {
	re, err := regexp.Compile(source)
	if err != nil {
		return Pattern{}, fmt.Errorf("not a regular expression: %w", err)
	}
	part, _ := re.LiteralPrefix()
	return Pattern{kind: matches, text: source, re: re, part: part}, nil
}

// Match says whether the pattern holds of s. Wildcards hold of no empty text.
func (p Pattern) Match(s string) bool {
	switch p.kind {
	case glob:
		return s != "" && globMatch(p.text, s)
	case matches:
		return p.re.MatchString(s)
	case among:
		return p.set.has(s)
	case alike:
		return nearly(p.text, s)
	default:
		return p.text == s
	}
}

// matchBytes is Match of a text in UTF-8.
func (p Pattern) matchBytes(b []byte) bool {
	switch p.kind {
	case glob:
		return len(b) > 0 && globMatch(p.text, string(b))
	case matches:
		return (p.part == "" || bytes.Contains(b, []byte(p.part))) && p.re.Match(b)
	case among, alike:
		return p.Match(string(b))
	default:
		return p.text == string(b)
	}
}

// Literal is the text that alone matches, and whether there is only one.
func (p Pattern) Literal() (string, bool) { return p.text, p.kind == exactly }

// Prefix is what every text that matches starts with; empty for nothing
// certain.
func (p Pattern) Prefix() string {
	switch p.kind {
	case exactly:
		return p.text
	case matches, among, alike:
		return ""
	}
	var b strings.Builder
	for i := 0; i < len(p.text); {
		switch p.text[i] {
		case '*', '?':
			return b.String()
		case '\\':
			i++
		}
		_, n := utf8.DecodeRuneInString(p.text[i:])
		b.WriteString(p.text[i : i+n])
		i += n
	}
	return b.String()
}

// Prefixed says whether a text matches if it is longer than the pattern's
// Prefix and starts with it: the pattern is that and a single star.
func (p Pattern) Prefixed() bool {
	if p.kind != glob {
		return false
	}
	rest, star := strings.CutSuffix(p.text, "*")
	return star && rest == globEscape(p.Prefix())
}

// String is the pattern in the language.
func (p Pattern) String() string {
	switch p.kind {
	case exactly:
		return literal(p.text)
	case matches:
		return "/" + escapeSlash(p.text) + "/"
	case among:
		return p.set.String()
	case alike:
		word := strings.TrimLeft(p.text, "~")
		return p.text[:len(p.text)-len(word)] + literal(word)
	}
	return p.text
}

func escapeSlash(re string) string {
	var b strings.Builder
	for i := 0; i < len(re); i++ {
		switch {
		case re[i] == '\\' && i+1 < len(re):
			b.WriteByte(re[i])
			i++
		case re[i] == '/':
			b.WriteByte('\\')
		}
		b.WriteByte(re[i])
	}
	return b.String()
}

// literal is a text as a value in the language, in quotes if it needs them.
func literal(s string) string {
	if isSafe(s) {
		return s
	}
	return quote(s)
}

// isSafe says whether s means itself without quotes, wherever a value stands.
func isSafe(s string) bool {
	if s == "" || strings.Contains(s, "..") || strings.HasSuffix(s, ".") {
		return false
	}
	for i, r := range s {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '_':
		case i > 0 && (r == '.' || r == '@' || r == '-'):
		default:
			return false
		}
	}
	return true
}

// globEscape is a text as part of a pattern that holds of it alone.
func globEscape(s string) string {
	var b strings.Builder
	for _, r := range s {
		if !isPlain(r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// isPlain says whether a character needs no backslash in a value.
func isPlain(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_.@-", r)
}
