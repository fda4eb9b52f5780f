package querytest

import (
	"context"
	"slices"
	"strings"

	"recourse/audit"
	"recourse/query"
)

var _ query.Sieve = (*view)(nil)

// Sieve implements query.Sieve, and leaves out every change that it may.
func (v *view) Sieve(_ context.Context, seqs []audit.Seq, word string, prefix bool) (left []audit.Seq, err error) {
	for _, s := range seqs {
		words := v.wordsOf(s)
		at, has := slices.BinarySearch(words, word)
		if has || prefix && at < len(words) && strings.HasPrefix(words[at], word) || v.m.doubt[int(s)-1] {
			left = append(left, s)
		}
	}
	return left, nil
}

// wordsOf are the words of a change's images, sorted.
func (v *view) wordsOf(s audit.Seq) []string {
	if words, known := v.words.Load(s); known {
		return words.([]string)
	}
	terms := query.TermsOf(&v.changes[s-1])
	words := slices.Sorted(slices.Values(append(terms.Wrote, terms.Carried...)))
	v.words.Store(s, words)
	return words
}
