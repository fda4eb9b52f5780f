package store

import (
	mathbits "math/bits"

	"recourse/audit"
)

// seqsOfAll are, of each of some hashes, the numbers of the changes that have it,
// ascending. Each group of hashes is read once, and what is in memory is gone
// through once, however many are looked for: it is for many. A batch that is being
// appended is not looked at.
func (r *reader) seqsOfAll(kind keyKind, hashes []uint32) ([][]audit.Seq, error) {
	sealed, err := r.sums.read(r.txn)
	if err != nil {
		return nil, err
	}
	found := newWantedHashes(hashes)
	found.seqs = make([][]audit.Seq, len(found.at))
	if err := r.findAll(kind, sealed, found); err != nil {
		return nil, err
	}
	all := make([][]audit.Seq, len(hashes))
	for i, h := range hashes {
		all[i] = found.seqs[found.at[h]]
	}
	return all, nil
}

// findAll gathers the numbers of the changes that have a hash which is looked for.
func (r *reader) findAll(kind keyKind, sealed *sealedSums, found *wantedHashes) error {
	l := r.sums.layout
	shelves := len(sealed.shelves)
	for shelf := range shelves {
		if err := r.groupsOf(kind, levelShelf, shelf, l.first(shelf*l.shelf), found); err != nil {
			return err
		}
	}
	for chunk := shelves * l.shelf; chunk < len(sealed.chunks); chunk++ {
		if err := r.groupsOf(kind, levelChunk, chunk, l.first(chunk), found); err != nil {
			return err
		}
	}
	for _, z := range r.opened.chunks {
		of := z.records
		if kind == kindIDHash {
			of = z.ids
		}
		for off, h := range of {
			if s := z.first(z.chunk) + audit.Seq(off); z.chunk >= len(sealed.chunks) && s <= r.known.head {
				found.add(h, s)
			}
		}
	}
	return nil
}

// wantedHashes are the numbers found for hashes that are looked for.
type wantedHashes struct {
	at map[uint32]int // hash: place in seqs
	// few has a bit for the lowest bits of each hash, as most that are met are not
	// looked for, and a map takes long to say so.
	few  []uint64
	seqs [][]audit.Seq // of each
	all  []uint64      // or a bit for the number of each change that has one of them
}

// newWantedHashes look for hashes; where what is found goes is still to be said.
func newWantedHashes(hashes []uint32) *wantedHashes {
	w := &wantedHashes{at: make(map[uint32]int, len(hashes)), few: make([]uint64, max(1, 1<<mathbits.Len(uint(len(hashes)/4))))}
	for _, h := range hashes {
		if _, have := w.at[h]; !have {
			w.at[h] = len(w.at)
		}
		i := h & (uint32(len(w.few))<<6 - 1)
		w.few[i>>6] |= 1 << (i & 63)
	}
	return w
}

func (w *wantedHashes) add(hash uint32, s audit.Seq) {
	i := hash & (uint32(len(w.few))<<6 - 1)
	if w.few[i>>6]>>(i&63)&1 == 0 {
		return
	}
	switch i, wanted := w.at[hash]; {
	case !wanted:
	case w.all == nil:
		w.seqs[i] = append(w.seqs[i], s)
	case int(s>>6) < len(w.all):
		w.all[s>>6] |= 1 << (s & 63)
	}
}

// groupsOf looks in one chunk or shelf, in the groups that the wanted hashes are
// of.
func (r *reader) groupsOf(kind keyKind, v level, number int, first audit.Seq, found *wantedHashes) error {
	l := r.sums.layout
	groups := map[int]bool{}
	for h := range found.at {
		groups[l.group(v, h)] = true
	}
	bits := l.offsetBits(v)
	for group := range groups {
		payload, there, err := get(r.txn, groupKey(kind, v, group, number))
		if err == nil && !there {
			err = missingGroup(number)
		}
		if err == nil {
			err = l.decodeGroup(v, group, payload, func(e hashed) {
				found.add(uint32(e>>bits), first+audit.Seq(e&(1<<bits-1)))
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}
