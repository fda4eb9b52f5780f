package store

import (
	"slices"
	"sort"

	"recourse/audit"
)

// seqsOfAll are, of each of some hashes, the numbers of the changes that have it,
// ascending. Each group of hashes is read once, and what is in memory is gone
// through once, however many are looked for: it is for many. A batch that is being
// appended is not looked at.
func (r *reader) seqsOfAll(kind keyKind, hashes []uint32) ([][]audit.Seq, error) {
	sealed, err := r.sealed()
	if err != nil {
		return nil, err
	}
	w := wantHashes(hashes)
	w.found = make([]foundSeq, 0, len(hashes)) // most have one at least
	if err := r.findAll(kind, sealed, w); err != nil {
		return nil, err
	}
	return w.seqs(), nil
}

// findAll gathers the numbers of the changes that have a hash which is looked for.
func (r *reader) findAll(kind keyKind, sealed *sealedSums, w *wantedHashes) error {
	l := r.sums.layout
	shelves := len(sealed.shelves)
	for shelf := range shelves {
		if err := r.groupsOf(kind, levelShelf, shelf, l.first(shelf*l.shelf), w); err != nil {
			return err
		}
	}
	for chunk := shelves * l.shelf; chunk < len(sealed.chunks); chunk++ {
		if err := r.groupsOf(kind, levelChunk, chunk, l.first(chunk), w); err != nil {
			return err
		}
	}
	for _, z := range r.opened.chunks {
		of := z.records
		if kind == kindIDHash {
			of = z.ids
		}
		for off, h := range of {
			s := z.first(z.chunk) + audit.Seq(off)
			if z.chunk < len(sealed.chunks) || s > r.known.head {
				continue
			}
			if i := w.place(h); i < len(w.hashes) && w.hashes[i] == h {
				w.add(s, i)
			}
		}
	}
	return nil
}

// wantedHashes are hashes that are looked for, and what was found of them.
type wantedHashes struct {
	hashes []uint32 // ascending, each once
	of     []int    // which of them each of those that were asked for is
	found  []foundSeq
	all    []uint64 // if not nil: a bit for each change that has any of them, and found stays empty
}

// A foundSeq is a change that has one of the hashes.
type foundSeq struct {
	seq audit.Seq
	at  int // of wantedHashes.hashes
}

func wantHashes(hashes []uint32) *wantedHashes {
	order := make([]uint64, len(hashes))
	for i, h := range hashes {
		order[i] = uint64(h)<<32 | uint64(i)
	}
	slices.Sort(order)
	w := &wantedHashes{hashes: make([]uint32, 0, len(hashes)), of: make([]int, len(hashes))}
	for _, o := range order {
		h := uint32(o >> 32)
		if n := len(w.hashes); n == 0 || w.hashes[n-1] != h {
			w.hashes = append(w.hashes, h)
		}
		w.of[uint32(o)] = len(w.hashes) - 1
	}
	return w
}

func (w *wantedHashes) add(s audit.Seq, at int) {
	switch {
	case w.all == nil:
		w.found = append(w.found, foundSeq{s, at})
	case int(s/64) < len(w.all):
		w.all[s/64] |= 1 << (s % 64)
	}
}

// place is where the first of the hashes is that is not less.
func (w *wantedHashes) place(h uint32) int {
	i, _ := slices.BinarySearch(w.hashes, h)
	return i
}

// seqs are the changes found, of each of the hashes that were asked for.
func (w *wantedHashes) seqs() [][]audit.Seq {
	ends := make([]int, len(w.hashes)+1)
	for _, f := range w.found {
		ends[f.at+1]++
	}
	for i := range w.hashes {
		ends[i+1] += ends[i]
	}
	all, next := make([]audit.Seq, len(w.found)), slices.Clone(ends)
	for _, f := range w.found {
		all[next[f.at]] = f.seq
		next[f.at]++
	}
	out := make([][]audit.Seq, len(w.of))
	for i, at := range w.of {
		out[i] = all[ends[at]:ends[at+1]:ends[at+1]]
	}
	return out
}

// groupsOf looks in one chunk or shelf, in the groups that the wanted hashes are
// of.
func (r *reader) groupsOf(kind keyKind, v level, number int, first audit.Seq, w *wantedHashes) error {
	l := r.sums.layout
	bits := l.offsetBits(v)
	for from := 0; from < len(w.hashes); {
		group, rest := l.group(v, w.hashes[from]), w.hashes[from:]
		to := from + sort.Search(len(rest), func(i int) bool { return l.group(v, rest[i]) != group })
		payload, there, err := get(r.txn, groupKey(kind, v, group, number))
		if err == nil && !there {
			err = missingGroup(number)
		}
		if err == nil {
			err = l.decodeGroup(v, group, payload, func(e hashed) { // they ascend, too
				h := uint32(e >> bits)
				for from < to && w.hashes[from] < h {
					from++
				}
				if from < to && w.hashes[from] == h {
					w.add(first+audit.Seq(e&(1<<bits-1)), from)
				}
			})
		}
		if err != nil {
			return err
		}
		from = to
	}
	return nil
}
