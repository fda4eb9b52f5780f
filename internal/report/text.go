package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"recourse/audit"
)

// Visible is s with every character that a reader cannot see, or that a
// terminal obeys, written as \u001b and the like: control characters (C0 and
// C1, so also line breaks), the characters that turn the direction of text,
// those without width, and fillers. A byte that is not UTF-8 is \xff. So that
// nothing can pose as such an escape, a backslash before u or x is doubled.
func Visible(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r == '\\' || r == utf8.RuneError || hidden(r) }) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\\' && i+1 < len(s) && (s[i+1] == 'u' || s[i+1] == 'x'):
			b.WriteString(`\\`)
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		default:
			writeVisible(&b, r)
		}
	}
	return b.String()
}

// visibleJSON is JSON text in which hidden characters are escaped as JSON has
// it. They stand in strings alone, so that the text means what it meant.
func visibleJSON(s string) string {
	at := nextHidden(s)
	if at < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + len(s)/64)
	for ; at >= 0; at = nextHidden(s) {
		b.WriteString(s[:at])
		r, size := utf8.DecodeRuneInString(s[at:])
		writeVisible(&b, r)
		s = s[at+size:]
	}
	b.WriteString(s)
	return b.String()
}

// nextHidden is where in JSON text the first character stands that is hidden, or the
// first byte that is no UTF-8; -1 if nowhere. Line breaks are not: they stand between
// values, as a string has none.
func nextHidden(s string) int {
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c <= '~' || c == '\n' {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if hidden(r) || r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

func writeVisible(b *strings.Builder, r rune) {
	switch {
	case !hidden(r):
		b.WriteRune(r)
	case r > 0xffff: // as JSON escapes it, by two surrogates
		r -= 0x10000
		fmt.Fprintf(b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
	default:
		fmt.Fprintf(b, `\u%04x`, r)
	}
}

// hidden says that a character is not to reach a reader as it is.
func hidden(r rune) bool {
	switch {
	case r < ' ' || r == 0x7f:
		return true
	case r <= '~':
		return false
	}
	switch r {
	case 0x034f, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x2800, 0x3164, 0xffa0: // letters and marks that show nothing
		return true
	}
	return r != 0xfe0f && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs,
		unicode.Noncharacter_Code_Point, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// value is a value for a reader's eye: JSON on one line.
func value(v audit.Value) string {
	if v == nil {
		return "missing"
	}
	return visibleJSON(v.JSON())
}
