package query

import (
	"strconv"
	"strings"
	"unicode"

	"recourse/audit"
)

// Attribute matches changes by a value in one of their images.
type Attribute struct {
	After bool     // the image after, else the one before
	Path  []string // names from the record inwards, at least one
	Test  Test
}

func (a Attribute) String() string {
	return side(a.After) + pathString(a.Path) + a.Test.String()
}

// pathString is a path as it follows before, after, delta or ratio.
func pathString(path []string) string {
	var b strings.Builder
	for _, name := range path {
		b.WriteByte('.')
		if isName(name) {
			b.WriteString(name)
		} else {
			b.WriteString(quote(name))
		}
	}
	return b.String()
}

// isName says whether an attribute's name can stand in a path without quotes.
func isName(s string) bool {
	for _, r := range s {
		if !isNameRune(r) {
			return false
		}
	}
	return s != ""
}

func isNameRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '$' || r == '-'
}

func (a Attribute) match(s *subject) bool {
	return within(image(s.c, a.After).Body, a.Path, a.Test.holds)
}

func (Attribute) might(*audit.Gap) (yes, no bool) { return true, true }

// within says whether a value at the path passes. An array stands for itself
// and for each of its elements; a number in a path counts its elements from 0.
func within(v audit.Value, path []string, pass func(audit.Value) bool) bool {
	if v == nil {
		return false
	}
	if len(path) == 0 && pass(v) {
		return true
	}
	if v.Kind() == audit.KindArray {
		i := 0
		for e := range v.Elems() {
			if within(e, path, pass) || len(path) > 0 && path[0] == strconv.Itoa(i) && within(e, path[1:], pass) {
				return true
			}
			i++
		}
		return false
	}
	return len(path) > 0 && within(v.Get(path[0]), path[1:], pass)
}
