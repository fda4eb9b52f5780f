package store

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// foldedSize is how many bytes of the changes that an alert knows by number alone
// are kept together. More are only ever appended, so whole pieces are written once.
const foldedSize = 4 << 10

// fold writes what is new of an alert's folded changes.
func (g *grown) fold(txn *badger.Txn, p *parting, folded audit.Seqs, old *alert) error {
	b := folded.Bytes()
	kept := map[uint64]bool{}
	whole := len(b) / foldedSize
	for i := range whole {
		some := b[i*foldedSize : (i+1)*foldedSize]
		next := piece{Sum: crc32.Checksum(some, castagnoli)}
		if i < len(old.FoldedPieces) && old.FoldedPieces[i].Sum == next.Sum {
			next = old.FoldedPieces[i]
			kept[next.Part] = true
		} else {
			var err error
			if next.Part, err = p.put(slices.Clone(some)); err != nil {
				return err
			}
		}
		g.Alert.FoldedPieces = append(g.Alert.FoldedPieces, next)
	}
	g.Alert.FoldedRest = bytes.Clone(b[whole*foldedSize:])
	for _, o := range old.FoldedPieces {
		if !kept[o.Part] {
			g.Gone = append(g.Gone, o.Part)
		}
	}
	return g.foldedHits(txn, folded, old, len(kept) == len(old.FoldedPieces))
}

// foldedHits notes what is new of an alert's folded changes; begin is whether all
// whole pieces of before are the begin of those now.
func (g *grown) foldedHits(txn *badger.Txn, folded audit.Seqs, old *alert, begin bool) error {
	b, size := folded.Bytes(), len(old.FoldedPieces)*foldedSize
	if begin && bytes.HasPrefix(b[size:], old.FoldedRest) { // it only grew, as it does but for what comes late
		before, err := audit.ReadSeqs(b[:size+len(old.FoldedRest)])
		if err != nil {
			return fmt.Errorf("%w: folded changes: %w", ErrCorrupt, err)
		}
		n := before.Len()
		for s := range folded.All() {
			if n--; n < 0 {
				g.Hits = append(g.Hits, uint64(s))
			}
		}
		return nil
	}
	before, err := old.folded(txn)
	if err != nil {
		return err
	}
	known := map[audit.Seq]bool{}
	for s := range before.All() {
		known[s] = true
	}
	for s := range folded.All() {
		if !known[s] {
			g.Hits = append(g.Hits, uint64(s))
		}
	}
	return nil
}

// folded are the changes that a stored alert knows by number alone.
func (d *alert) folded(txn *badger.Txn) (audit.Seqs, error) {
	var all []byte
	for _, p := range d.FoldedPieces {
		b, err := readPart(txn, p.Part)
		if err != nil {
			return audit.Seqs{}, fmt.Errorf("folded changes: %w", err)
		}
		all = append(all, b...)
	}
	s, err := audit.ReadSeqs(append(all, d.FoldedRest...))
	if err != nil {
		return s, fmt.Errorf("%w: folded changes: %w", ErrCorrupt, err)
	}
	return s, nil
}
