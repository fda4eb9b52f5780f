package query

import (
	"slices"
	"strconv"
	"strings"

	"recourse/audit"
)

// Words matches changes with these words side by side in one value.
type Words struct {
	Carries bool     // look at the whole images, not only at what the change wrote or removed
	Tokens  []string // words as [Tokens] has them; * and ? in them are wildcards
	Fuzzy   int      // how many characters of a single word without wildcards may differ: 0, 1 or 2
}

func (w Words) String() string {
	switch {
	case w.Fuzzy == 1:
		return carries(w.Carries) + w.Tokens[0] + "~"
	case w.Fuzzy > 1:
		return carries(w.Carries) + w.Tokens[0] + "~" + strconv.Itoa(w.Fuzzy)
	}
	return carries(w.Carries) + w.phrase()
}

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

// match looks at the whole images first, which costs less than to find out what
// the change wrote: whatever it wrote or removed is in them.
func (w Words) match(s *subject) bool {
	f := w.finder()
	return s.carries(f.in) && (w.Carries || s.wrote(f.in))
}

func (Words) might(*audit.Gap) (yes, no bool) { return true, true }

// Grep matches changes with a value whose text matches.
type Grep struct {
	Carries bool // look at the whole images, not only at what the change wrote or removed
	Pattern Pattern
}

func (g Grep) String() string { return carries(g.Carries) + g.Pattern.String() }

func (g Grep) match(s *subject) bool {
	return s.carries(g.in) && (g.Carries || s.wrote(g.in))
}

// in says whether the pattern holds of a single value's text.
func (g Grep) in(v audit.Value) bool {
	if b := v.TextBytes(); b != nil {
		return g.Pattern.matchBytes(b)
	}
	return g.Pattern.Match(textOf(v))
}

func (Grep) might(*audit.Gap) (yes, no bool) { return true, true }

func isKeyword(word string) bool {
	switch fold(word) {
	case "and", "or", "not":
		return true
	}
	return false
}
