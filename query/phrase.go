package query

import (
	"unicode/utf8"

	"recourse/audit"
)

// in says whether the words stand side by side in a single value. Nothing is
// made of the value's text but where a word with wildcards or a fuzzy one is
// held against it.
func (w Words) in(v audit.Value) bool {
	if b := v.TextBytes(); b != nil {
		return w.inText(b)
	}
	switch v.Kind() {
	case audit.KindBool, audit.KindNull:
		return w.inText([]byte(v.JSON()))
	case audit.KindInt, audit.KindFloat, audit.KindDate:
		if w.noNumber() {
			return false
		}
	}
	return w.inText([]byte(textOf(v)))
}

// noNumber says that no number and no date has the first of the words: all words
// of these begin with a digit, but for NaN, Infinity and "Invalid Date".
func (w Words) noNumber() bool {
	first := w.Tokens[0]
	if w.Fuzzy > 0 || isWild(first) {
		return false
	}
	switch c := first[0]; {
	case c >= utf8.RuneSelf:
		return true
	case c < 'a' || c > 'z':
		return false
	case c == 'n' || c == 'i' || c == 'd':
		return false
	}
	return true
}

// inText goes through the words of a text.
func (w Words) inText(b []byte) bool {
	for i := 0; i < len(b); {
		start, end := nextWord(b, i)
		if start == end {
			return false
		}
		if w.at(b, start, end) {
			return true
		}
		i = end
	}
	return false
}

// at says whether the words are those of a text from one of its words on.
func (w Words) at(b []byte, start, end int) bool {
	for n, token := range w.Tokens {
		if n > 0 {
			start, end = nextWord(b, end)
		}
		if start == end || !w.isWord(token, b[start:end]) {
			return false
		}
	}
	return true
}

func (w Words) isWord(token string, word []byte) bool {
	switch {
	case w.Fuzzy > 0:
		return near(token, fold(string(word)), w.Fuzzy)
	case isWild(token):
		return globMatch(token, fold(string(word)))
	}
	return equalFolded(token, word)
}

// equalFolded says whether a word, folded, is the token.
func equalFolded(token string, word []byte) bool {
	for i, c := range word {
		if c >= utf8.RuneSelf {
			return token == fold(string(word))
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if i >= len(token) || token[i] != c {
			return false
		}
	}
	return len(token) == len(word)
}

// nextWord is where the first word of a text from a place on stands: one that
// is empty if there is none.
func nextWord(b []byte, from int) (start, end int) {
	i := from
	for i < len(b) {
		word, n := wordRune(b[i:])
		if word {
			break
		}
		i += n
	}
	start = i
	for i < len(b) {
		word, n := wordRune(b[i:])
		if !word {
			break
		}
		i += n
	}
	return start, i
}

// wordRune says whether a text begins with a character of a word, and how long
// that is.
func wordRune(b []byte) (bool, int) {
	if c := b[0]; c < utf8.RuneSelf {
		return asciiWord[c], 1
	}
	r, n := utf8.DecodeRune(b)
	return isWord(r), n
}

var asciiWord = func() (table [utf8.RuneSelf]bool) {
	for c := range table {
		table[c] = isWord(rune(c))
	}
	return table
}()
