package store

import (
	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// sealedHash is the numbers of the changes in sealed chunks that have a hash,
// ascending.
func (l layout) sealedHash(txn *badger.Txn, s *sealedSums, kind keyKind, hash uint32) ([]audit.Seq, error) {
	var seqs []audit.Seq
	shelves := len(s.shelves)
	err := l.findHash(txn, kind, levelShelf, hash, 0, shelves, func(shelf, off int) {
		seqs = append(seqs, l.first(shelf*l.shelf)+audit.Seq(off))
	})
	if err != nil {
		return nil, err
	}
	err = l.findHash(txn, kind, levelChunk, hash, shelves*l.shelf, len(s.chunks), func(chunk, off int) {
		seqs = append(seqs, l.first(chunk)+audit.Seq(off))
	})
	return seqs, err
}

// idAt is the numbers of the changes in sealed chunks that may have an id and a
// time. A change's id holds its time, so only the chunks with such times are
// looked at: for a change that is new and of now, none.
func (l layout) idAt(txn *badger.Txn, s *sealedSums, id audit.ChangeID, at audit.Time) ([]audit.Seq, error) {
	var seqs []audit.Seq
	hash, u := idHash(id), sortable(at)
	for chunk := 0; chunk < len(s.chunks); chunk++ {
		c := &s.chunks[chunk]
		if u < sortable(c.Min) || u > sortable(c.Max) {
			continue
		}
		v, number := levelChunk, chunk
		if shelf := chunk / l.shelf; shelf < len(s.shelves) {
			v, number = levelShelf, shelf
			chunk = (shelf+1)*l.shelf - 1 // all of it is looked at
		}
		err := l.findHash(txn, kindIDHash, v, hash, number, number+1, func(_, off int) {
			first := l.first(number)
			if v == levelShelf {
				first = l.first(number * l.shelf)
			}
			seqs = append(seqs, first+audit.Seq(off))
		})
		if err != nil {
			return nil, err
		}
	}
	return seqs, nil
}
