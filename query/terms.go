package query

import (
	"slices"

	"recourse/audit"
)

// Terms are what an index needs of a change to propose it for every question
// whose answer it is. All lists are sorted, and name a thing once.
type Terms struct {
	Attributes []string // what attr: looks at
	Set, Unset []string // what set: and unset: look at
	Wrote      []string // the words of the values that the change wrote or removed
	Carried    []string // the words of its images that are not among Wrote
}

// TermsOf works out a change's terms.
func TermsOf(c *audit.Change) Terms {
	s := &subject{c: c}
	var wrote, carried []string
	for _, e := range s.diff() {
		wrote = appendWords(appendWords(wrote, e.Old), e.New)
	}
	wrote = distinct(wrote, nil)
	carried = appendWords(appendWords(nil, c.Before.Body), c.After.Body)
	return Terms{
		Attributes: s.attributes(),
		Set:        s.gained(),
		Unset:      s.lost(),
		Wrote:      wrote,
		Carried:    distinct(carried, wrote),
	}
}

func appendWords(dst []string, v audit.Value) []string {
	v.Leaves(func(leaf audit.Value) bool {
		dst = append(dst, Tokens(textOf(leaf))...)
		return true
	})
	return dst
}

// distinct are the words of a list but those of a sorted one.
func distinct(words, but []string) []string {
	slices.Sort(words)
	return slices.DeleteFunc(slices.Compact(words), func(w string) bool {
		_, found := slices.BinarySearch(but, w)
		return found
	})
}
