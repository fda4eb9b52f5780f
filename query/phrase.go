package query

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"recourse/audit"
)

// A finder looks for words that stand side by side in a single value. Nothing is
// made of a value's text but where a word with wildcards or a fuzzy one is held
// against it.
type finder struct {
	words []string
	fuzzy int
	wild  bool // one of the words has wildcards
	// rare is a small letter or a digit that stands in every text with the words,
	// as it is or as a capital; 0 if none is known.
	rare byte
	// numberless says that no number and no date has the words.
	numberless bool
}

func (w Words) finder() *finder {
	f := &finder{words: w.Tokens, fuzzy: w.Fuzzy}
	for _, token := range w.Tokens {
		f.wild = f.wild || isWild(token)
	}
	if f.fuzzy > 0 {
		return f
	}
	f.rare = rarest(w.Tokens)
	f.numberless = numberless(w.Tokens[0])
	return f
}

// folded are the letters to which characters beyond ASCII are folded as well:
// the Kelvin sign, the long s, and the Turkish letters i.
const folded = "iks"

// byFrequency is letters and digits, those first that texts have least of.
const byFrequency = "qzxjvkwybfpgmucdlhrsnioate"

func rarest(words []string) byte {
	best, least := byte(0), len(byFrequency)
	for _, w := range words {
		for i := range len(w) {
			c := w[i]
			rank := 3 // of a digit
			if c >= 'a' && c <= 'z' {
				rank = strings.IndexByte(byFrequency, c)
			} else if c < '0' || c > '9' {
				continue
			}
			if rank < least && strings.IndexByte(folded, c) < 0 {
				best, least = c, rank
			}
		}
	}
	return best
}

// numberless says that no number and no date has a word: all words of these begin
// with a digit, but for NaN, Infinity and "Invalid Date".
func numberless(word string) bool {
	c := word[0]
	return c >= utf8.RuneSelf || c >= 'a' && c <= 'z' && c != 'n' && c != 'i' && c != 'd'
}

// in says whether a single value has the words.
func (f *finder) in(v audit.Value) bool {
	if b := v.TextBytes(); b != nil {
		return f.inText(b)
	}
	switch v.Kind() {
	case audit.KindInt, audit.KindFloat, audit.KindDate:
		if f.numberless {
			return false
		}
	}
	return f.inText([]byte(textOf(v)))
}

// inText goes through the words of a text.
func (f *finder) inText(b []byte) bool {
	if c := f.rare; c != 0 && bytes.IndexByte(b, c) < 0 && (c <= '9' || bytes.IndexByte(b, c-'a'+'A') < 0) {
		return false
	}
	for i := 0; i < len(b); {
		start, end := nextWord(b, i)
		if start == end {
			return false
		}
		if f.at(b, start, end) {
			return true
		}
		i = end
	}
	return false
}

// at says whether the words are those of a text from one of its words on.
func (f *finder) at(b []byte, start, end int) bool {
	for n, word := range f.words {
		if n > 0 {
			start, end = nextWord(b, end)
		}
		if start == end || !f.is(word, b[start:end]) {
			return false
		}
	}
	return true
}

func (f *finder) is(word string, found []byte) bool {
	if f.fuzzy == 0 && (!f.wild || !isWild(word)) {
		return equalFolded(word, found)
	}
	if f.fuzzy > 0 {
		if n := utf8.RuneCount(found) - utf8.RuneCountInString(word); n > f.fuzzy || n < -f.fuzzy {
			return false
		}
		return near(word, fold(string(found)), f.fuzzy)
	}
	return globMatch(word, fold(string(found)))
}

// equalFolded says whether a word that was found, folded, is another.
func equalFolded(word string, found []byte) bool {
	for i, c := range found {
		if c >= utf8.RuneSelf {
			return word == fold(string(found))
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if i >= len(word) || word[i] != c {
			return false
		}
	}
	return len(word) == len(found)
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
