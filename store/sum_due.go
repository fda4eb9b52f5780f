package store

import (
	"github.com/dgraph-io/badger/v4"
)

// sealFull seals the chunks that are full and merges the shelves that are, one
// after another. with runs in the step from which a chunk's sums count; nil is
// nothing. It is for the one writer, after commits were applied; views may be
// opened meanwhile. Cut off, it can be called again.
func (g *summing) sealFull(commit committer, with func(txn *badger.Txn, chunk int) error) error {
	for {
		open := g.open.freeze().chunks
		if len(open) == 0 || open[0].n < g.size {
			break
		}
		z := open[0]
		err := sealChunk(commit, z, func(txn *badger.Txn) error {
			if with == nil {
				return nil
			}
			return with(txn, z.chunk)
		})
		if err != nil {
			return err
		}
		g.open.apply(func(open []*sums) []*sums { return open[1:] })
	}
	for {
		shelf, due := 0, false
		err := commit(func(txn *badger.Txn) (err error) {
			shelf, due, err = dueShelf(txn, g.layout)
			return err
		})
		if err != nil || !due {
			return err
		}
		if err := mergeShelf(commit, g.layout, shelf); err != nil {
			return err
		}
	}
}

// dueShelf is the first shelf that is full and not merged, and whether there is
// one.
func dueShelf(txn *badger.Txn, l layout) (shelf int, due bool, err error) {
	h, err := readSumsHead(txn)
	return h.Shelves, err == nil && (h.Shelves+1)*l.shelf <= h.Chunks, err
}
