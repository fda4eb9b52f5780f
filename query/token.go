package query

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Tokens are the words of a text, in order: the runs of letters, digits and
// the marks on them, folded so that case does not matter. It is the one
// definition of a word; the index uses it as well.
func Tokens(s string) []string {
	var tokens []string
	start := -1
	for i, r := range s {
		switch word := isWord(r); {
		case word && start < 0:
			start = i
		case !word && start >= 0:
			tokens = append(tokens, fold(s[start:i]))
			start = -1
		}
	}
	if start >= 0 {
		tokens = append(tokens, fold(s[start:]))
	}
	return tokens
}

func isWord(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r)
}

// fold makes equal what differs in case only.
func fold(s string) string { return strings.Map(foldRune, s) }

// foldRune goes by way of the upper case, because some letters have two lower
// forms, such as the Greek sigma.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	return unicode.ToLower(unicode.ToUpper(r))
}

// isWild says whether a word's pattern has wildcards in it; words themselves
// never do.
func isWild(pattern string) bool { return strings.ContainsAny(pattern, "*?") }

// globMatch matches all of s: * is any text, ? is any one character, and a
// backslash takes the next character as it is.
func globMatch(pattern, s string) bool {
	p, i := 0, 0
	star, mark := -1, 0 // where the last * stood, and what it had eaten
	for i < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			star, mark = p, i
			p++
			continue
		}
		pn, sn, ok := globOne(pattern[p:], s[i:])
		if ok {
			p, i = p+pn, i+sn
			continue
		}
		if star < 0 {
			return false
		}
		_, n := utf8.DecodeRuneInString(s[mark:])
		mark += n
		p, i = star+1, mark
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// globOne matches one character, and tells the lengths of both sides.
func globOne(pattern, s string) (pn, sn int, ok bool) {
	if pattern == "" {
		return 0, 0, false
	}
	r, sn := utf8.DecodeRuneInString(s)
	if pattern[0] == '?' {
		return 1, sn, true
	}
	esc := 0
	if pattern[0] == '\\' {
		esc = 1
	}
	want, pn := utf8.DecodeRuneInString(pattern[esc:])
	return pn + esc, sn, want == r && pn == sn
}

// Fold makes equal what differs in case only, as words and op: are compared.
func Fold(s string) string { return fold(s) }
