package index_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestFoundTellsAllWords compares the words that are told of each block with those that
// it has, but where a question finds more than may be told or a word that was cut.
func TestFoundTellsAllWords(t *testing.T) {
	x, words := lookups(t, 13, 12)
	all := slices.Concat(words...)
	told := 0
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		w := all[r.IntN(len(all))]
		start := w[:1+r.IntN(len(w))]
		if strings.ContainsAny(start, `*?\`) {
			return
		}
		begun, cut := func(w string) bool { return strings.HasPrefix(w, start) }, false
		n := 0
		for _, list := range words {
			for _, w := range list {
				if begun(w) {
					cut = cut || len(w) > 128
					n++
				}
			}
		}
		most := max(0, n+r.IntN(3)-1)
		blocks, has, ok, err := x.Found(t.Context(), start, most)
		want, _, failed := x.Blocks(t.Context(), start+"*", 0)
		if err != nil || failed != nil || !ok || !blocks.Equals(want) {
			t.Fatalf("Found(%q): %v, %v; %v, want %v, %v", start, ok, err, blocks, want, failed)
		}
		if has == nil {
			if most >= n && !cut {
				t.Fatalf("Found(%q, %d) tells no words of %d", start, most, n)
			}
			return
		}
		if told++; most < n || cut {
			t.Fatalf("Found(%q, %d) tells words, of which there are %d", start, most, n)
		}
		for b, list := range words {
			list := slices.Sorted(slices.Values(slices.DeleteFunc(slices.Clone(list), func(w string) bool { return !begun(w) })))
			if got := slices.Sorted(slices.Values(has[uint32(b)])); !slices.Equal(got, list) {
				t.Fatalf("Found(%q) in block %d: %q, want %q", start, b, got, list)
			}
		}
	})
	if told == 0 {
		t.Error("no words were told")
	}
}
