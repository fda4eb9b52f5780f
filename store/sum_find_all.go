package store

import (
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
	l := r.sums.layout
	found := wantedHashes{at: make(map[uint32]int, len(hashes))}
	for _, h := range hashes {
		if _, have := found.at[h]; !have {
			found.at[h] = len(found.seqs)
			found.seqs = append(found.seqs, nil)
		}
	}
	shelves := len(sealed.shelves)
	for shelf := range shelves {
		if err := r.groupsOf(kind, levelShelf, shelf, l.first(shelf*l.shelf), &found); err != nil {
			return nil, err
		}
	}
	for chunk := shelves * l.shelf; chunk < len(sealed.chunks); chunk++ {
		if err := r.groupsOf(kind, levelChunk, chunk, l.first(chunk), &found); err != nil {
			return nil, err
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
	all := make([][]audit.Seq, len(hashes))
	for i, h := range hashes {
		all[i] = found.seqs[found.at[h]]
	}
	return all, nil
}

// wantedHashes are the numbers found for hashes that are looked for.
type wantedHashes struct {
	at   map[uint32]int // hash: place in seqs
	seqs [][]audit.Seq
}

func (w *wantedHashes) add(hash uint32, s audit.Seq) {
	if i, wanted := w.at[hash]; wanted {
		w.seqs[i] = append(w.seqs[i], s)
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
