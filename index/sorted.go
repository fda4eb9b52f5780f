package index

import (
	"bytes"
	"cmp"
	"slices"
)

// A sortKey is a word's first eight bytes, as a number that sorts as they do, and the
// word's number.
type sortKey struct {
	start uint64
	n     uint32
}

// sorted are the words by their numbers, in order. Most are told apart by their
// first eight bytes, and nearly all others by their leads.
func (w *words) sorted() []uint32 {
	keys := make([]sortKey, len(w.entries))
	for n := range keys {
		keys[n] = sortKey{w.entries[n].lead[0], uint32(n)}
	}
	keys = byStart(keys)
	order := make([]uint32, len(keys))
	for i := 0; i < len(keys); {
		end := i + 1
		for end < len(keys) && keys[end].start == keys[i].start {
			end++
		}
		if end > i+1 {
			slices.SortFunc(keys[i:end], func(a, b sortKey) int { return w.compare(a.n, b.n) })
		}
		for ; i < end; i++ {
			order[i] = keys[i].n
		}
	}
	return order
}

// compare orders two words whose first eight bytes are the same.
func (w *words) compare(a, b uint32) int {
	if x, y := w.entries[a].lead[1], w.entries[b].lead[1]; x != y {
		return cmp.Compare(x, y)
	}
	return bytes.Compare(w.term(a), w.term(b))
}

// byStart puts keys in order: byte by byte, the last one first, which of many thousand
// takes a third of what comparing them does.
func byStart(keys []sortKey) []sortKey {
	var counts [8][256]uint32
	for _, k := range keys {
		for b := range counts {
			counts[b][byte(k.start>>(8*b))]++
		}
	}
	other := make([]sortKey, len(keys))
	for b := range counts {
		next, sum := &counts[b], uint32(0)
		for c, n := range next {
			next[c], sum = sum, sum+n
		}
		for _, k := range keys {
			at := &next[byte(k.start>>(8*b))]
			other[*at] = k
			*at++
		}
		keys, other = other, keys
	}
	return keys
}
