package index

import "strings"

// A Lookup is how a word is looked up.
type Lookup uint8

// The ways, from the cheapest to the dearest.
const (
	LookupNone   Lookup = iota // not at all: nothing can be said
	LookupWord                 // one page of each segment
	LookupPrefix               // the words that begin with something
	LookupRange                // the same, each held against the pattern
	LookupWalk                 // all words, each held against the pattern
)

var lookupNames = [...]string{"none", "word", "prefix", "range", "walk"}

func (l Lookup) String() string { return lookupNames[l] }

// A question is a word, a pattern, or a word that may differ, as it is asked of
// each segment.
type question struct {
	way     Lookup
	start   string   // what the words begin with; the word itself for LookupWord
	machine *machine // of LookupRange and LookupWalk
}

func newQuestion(word string, fuzzy int) question {
	wild := strings.IndexAny(word, "*?")
	switch {
	case fuzzy > 0 && (wild >= 0 || fuzzy > maxDistance || len(word) > 2*maxTerm):
		return question{}
	case fuzzy > 0:
		return question{way: LookupWalk, machine: newFuzzy(word, fuzzy)}
	case wild < 0:
		return question{way: LookupWord, start: word}
	case strings.Trim(word, "*") == "":
		return question{} // every word
	case wild == len(word)-1 && word[wild] == '*' && !strings.Contains(word, `\`):
		return question{way: LookupPrefix, start: word[:wild]}
	}
	m := newGlob(word)
	if m == nil {
		return question{}
	}
	q := question{way: LookupWalk, start: literalStart(word), machine: m}
	if q.start != "" {
		q.way = LookupRange
	}
	return q
}
