package query

import (
	"slices"

	"recourse/audit"
)

// Terms are the words of a change, sorted, each once.
type Terms struct {
	Wrote   []string // of the values that the change wrote or removed, or may have
	Carried []string // of its images, but for those among Wrote
}

// TermsOf works out a change's terms.
func TermsOf(c *audit.Change) Terms {
	var wrote, carried []string
	c.EachTouched(func(old, next audit.Value) { wrote = appendWords(appendWords(wrote, old), next) })
	wrote = distinct(wrote, nil)
	carried = appendWords(appendWords(nil, c.Before.Body), c.After.Body)
	return Terms{Wrote: wrote, Carried: distinct(carried, wrote)}
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
