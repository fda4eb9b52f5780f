package query

import (
	"slices"
	"strings"

	"recourse/audit"
)

// Words matches changes with these words side by side in one value.
type Words struct {
	Carries bool     // look at the whole images, not only at what the change wrote or removed
	Tokens  []string // words as [Tokens] has them; * and ? in them are wildcards
}

func (w Words) String() string { return carries(w.Carries) + w.phrase() }

func carries(yes bool) string {
	if yes {
		return "carries:"
	}
	return ""
}

func (w Words) phrase() string {
	if slices.ContainsFunc(w.Tokens, isWild) {
		return strings.Join(w.Tokens, "-")
	}
	if len(w.Tokens) == 1 && (w.Carries || !isKeyword(w.Tokens[0])) {
		return w.Tokens[0]
	}
	return `"` + strings.Join(w.Tokens, " ") + `"`
}

func (w Words) match(s *subject) bool {
	for _, words := range s.tokens(w.Carries) {
		if hasPhrase(words, w.Tokens) {
			return true
		}
	}
	return false
}

func (Words) might(*audit.Gap) (yes, no bool) { return true, true }

// Grep matches changes with a value whose text matches.
type Grep struct {
	Carries bool // look at the whole images, not only at what the change wrote or removed
	Pattern Pattern
}

func (g Grep) String() string { return carries(g.Carries) + g.Pattern.String() }

func (g Grep) match(s *subject) bool {
	return slices.ContainsFunc(s.texts(g.Carries), g.Pattern.Match)
}

func (Grep) might(*audit.Gap) (yes, no bool) { return true, true }

func isKeyword(word string) bool {
	switch fold(word) {
	case "and", "or", "not":
		return true
	}
	return false
}
