package index_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"recourse/audit"
	"recourse/index"
	"recourse/store"
)

func openStore(t testing.TB) *store.DB {
	t.Helper()
	db, err := store.Open(t.TempDir(), store.Options{Memory: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func openIndex(t testing.TB, dir string) *index.Index {
	t.Helper()
	x, err := index.Open(dir, index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

func follow(t testing.TB, x *index.Index, s index.Reader) int {
	t.Helper()
	n, err := x.Follow(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// found are the blocks that the index proposes.
func found(t testing.TB, x *index.Index, word string, fuzzy int) []uint32 {
	t.Helper()
	blocks, ok, err := x.Blocks(context.Background(), word, fuzzy)
	if err != nil || !ok {
		t.Fatalf("Blocks(%.40q, %d): %v, %v", word, fuzzy, ok, err)
	}
	return blocks.ToArray()
}

// A held is what an index holds: words, cut as they are, by block.
type held map[uint32][]string

func holds(t testing.TB, x *index.Index) held {
	t.Helper()
	h := held{}
	if err := x.Everything(func(word []byte, block uint32) { h[block] = append(h[block], string(word)) }); err != nil {
		t.Fatal(err)
	}
	for _, words := range h {
		slices.Sort(words)
	}
	return h
}

// wanted is what an index of the first blocks of changes is to hold.
func wanted(m memory, blocks int) held {
	h := held{}
	for i := range m[:blocks*audit.BlockSize] {
		b := uint32(i / audit.BlockSize)
		for _, w := range shown(&m[i]) {
			if len(w) > 128 {
				n := 128
				for w[n]&0xc0 == 0x80 {
					n--
				}
				w = w[:n] + "\xff"
			}
			h[b] = append(h[b], w)
		}
	}
	for b, words := range h {
		slices.Sort(words)
		h[b] = slices.Compact(words)
	}
	return h
}

func same(t testing.TB, got, want held) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d blocks, want %d", len(got), len(want))
	}
	for b, words := range want {
		for i := range max(len(words), len(got[b])) {
			if i >= len(words) || i >= len(got[b]) || words[i] != got[b][i] {
				t.Fatalf("block %d has %d words, want %d; they differ at %.60q, %.60q", b, len(got[b]), len(words), at(got[b], i), at(words, i))
			}
		}
	}
}

func at(words []string, i int) string {
	if i < len(words) {
		return words[i]
	}
	return "(none)"
}

// vocabulary are all words of all changes, sorted.
func vocabulary(m memory) []string {
	set := map[string]bool{}
	for i := range m {
		for _, w := range shown(&m[i]) {
			set[w] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}
