package store

import (
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// A chunkSum is what is known of a chunk whose sums are on disk, or are being
// written.
type chunkSum struct {
	N     int    `cbor:"1,keyasint"`
	Min   uint64 `cbor:"2,keyasint"` // sortable
	Max   uint64 `cbor:"3,keyasint"` // sortable
	Falls bool   `cbor:"4,keyasint,omitempty"`
	writing
}

// A writing is which generation of sums counts, and which others may be there.
type writing struct {
	Counts generation   `cbor:"5,keyasint,omitempty"` // 0: none is whole yet
	Begun  generation   `cbor:"6,keyasint,omitempty"` // that may be there in part
	Stale  []generation `cbor:"7,keyasint,omitempty"` // to be deleted
}

// begin starts a generation that was never written before.
func (w *writing) begin() {
	if w.Begun != 0 {
		w.Stale = append(w.Stale, w.Begun)
	}
	w.Begun = max(w.Counts, w.Begun) + 1
}

// end makes what was begun count.
func (w *writing) end() {
	if w.Counts != 0 {
		w.Stale = append(w.Stale, w.Counts)
	}
	w.Counts, w.Begun = w.Begun, 0
}

// describe is the chunk as readers know it.
func (c *chunkSum) describe(l layout, chunk int) audit.Chunk {
	return audit.Chunk{Index: chunk, First: l.first(chunk), N: c.N, Min: unsortable(c.Min), Max: unsortable(c.Max), Ordered: !c.Falls}
}

// sumsHead is how far sums are on disk: of the chunks and of the shelves below
// these numbers.
type sumsHead struct {
	Chunks  int `cbor:"1,keyasint,omitempty"`
	Shelves int `cbor:"2,keyasint,omitempty"`
}

// getDecoded reads what setEncoded wrote; nothing if it is not there.
func getDecoded(txn *badger.Txn, key []byte, v any) (found bool, err error) {
	payload, found, err := get(txn, key)
	if err == nil && found {
		err = decode(payload, v)
	}
	return found, err
}

func readSumsHead(txn *badger.Txn) (sumsHead, error) {
	var h sumsHead
	if _, err := getDecoded(txn, sumsKey(), &h); err != nil {
		return sumsHead{}, fmt.Errorf("read how far sums are: %w", err)
	}
	return h, nil
}

// A committer runs f in one transaction and commits it.
type committer func(f func(*badger.Txn) error) error

// Entries of one transaction: well below what Badger takes (422 KiB, and some
// 4,400 entries). Values that go to its value log count as pointers.
const (
	entriesBytes = 256 << 10
	entriesCount = 2000
)

// writeEntries writes entries in as many transactions as they need.
func writeEntries(commit committer, entries []entry) error {
	for len(entries) > 0 {
		n, size := 0, 0
		for n < len(entries) && n < entriesCount && size < entriesBytes {
			size += len(entries[n].key)
			if p := len(entries[n].payload); p < valueThreshold {
				size += p
			}
			n++
		}
		part := entries[:n]
		entries = entries[n:]
		err := commit(func(txn *badger.Txn) error {
			for _, e := range part {
				if err := set(txn, e.key, e.payload); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// deleteKeys is writeEntries for what is to go.
func deleteKeys(commit committer, keys [][]byte) error {
	for len(keys) > 0 {
		part := keys[:min(len(keys), entriesCount)]
		keys = keys[len(part):]
		err := commit(func(txn *badger.Txn) error {
			for _, k := range part {
				if err := txn.Delete(k); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sealChunk writes the sums of a chunk that is full, or sums it up again, in
// several transactions. It counts from that one on in which with runs (nil:
// nothing), the last but for the deletion of what it replaces. Cut off anywhere,
// it leaves what was there before or the new sums, and can be called again, with
// other sums too.
//
// Chunks are sealed one after another.
func sealChunk(commit committer, z *frozen, with func(*badger.Txn) error) error {
	if z.n != z.size {
		return fmt.Errorf("seal chunk %d: it has %d changes, not %d", z.chunk, z.n, z.size)
	}
	var c chunkSum
	err := commit(func(txn *badger.Txn) error {
		c = chunkSum{}
		if _, err := getDecoded(txn, chunkKey(z.chunk), &c); err != nil {
			return err
		}
		c.N, c.Min, c.Max, c.Falls = z.n, z.span.min, z.span.max, z.span.falls
		c.begin()
		return setEncoded(txn, chunkKey(z.chunk), c)
	})
	var entries []entry
	if err == nil {
		entries, err = z.seal(c.Begun)
	}
	if err == nil {
		err = writeEntries(commit, entries)
	}
	if err == nil {
		err = commit(func(txn *badger.Txn) error { return countChunk(txn, z.chunk, c, with) })
	}
	if err == nil {
		err = cleanChunk(commit, z.chunk)
	}
	if err != nil {
		return fmt.Errorf("seal chunk %d: %w", z.chunk, err)
	}
	return nil
}

// countChunk is the step from which the begun sums of a chunk count.
func countChunk(txn *badger.Txn, chunk int, c chunkSum, with func(*badger.Txn) error) error {
	h, err := readSumsHead(txn)
	if err != nil {
		return err
	}
	if chunk > h.Chunks {
		return fmt.Errorf("chunk %d is not sealed", h.Chunks)
	}
	c.end()
	h.Chunks = max(h.Chunks, chunk+1)
	if err := setEncoded(txn, chunkKey(chunk), c); err != nil {
		return err
	}
	if err := setEncoded(txn, sumsKey(), h); err != nil {
		return err
	}
	if with == nil {
		return nil
	}
	return with(txn)
}

// unused is the generations that do not count, when none is being written.
func (w *writing) unused() []generation {
	if w.Begun == 0 {
		return w.Stale
	}
	return append(slices.Clone(w.Stale), w.Begun)
}

// cleanChunk deletes the sums of a chunk that do not count.
func cleanChunk(commit committer, chunk int) error {
	var c chunkSum
	err := commit(func(txn *badger.Txn) error {
		c = chunkSum{}
		_, err := getDecoded(txn, chunkKey(chunk), &c)
		return err
	})
	if err != nil || len(c.unused()) == 0 {
		return err
	}
	for _, g := range c.unused() {
		if err := dropGeneration(commit, levelChunk, chunk, g); err != nil {
			return err
		}
	}
	c.Begun, c.Stale = 0, nil
	return commit(func(txn *badger.Txn) error { return setEncoded(txn, chunkKey(chunk), c) })
}

// dropGeneration deletes one summing up. Its counts name its sets, so they were
// written before those and go after them.
func dropGeneration(commit committer, v level, number int, g generation) error {
	sets, counts, err := keysOf(commit, v, number, g)
	if err != nil {
		return err
	}
	for _, f := range dimensionFacets {
		if v == levelChunk && f.Single() {
			sets = append(sets, columnKey(f, number, g))
		}
	}
	if err := deleteKeys(commit, sets); err != nil {
		return err
	}
	slices.Reverse(counts) // the first page leads to the others
	return deleteKeys(commit, counts)
}

// keysOf is the keys of all sets that one summing up may have, and of its counts,
// of which the last may be missing.
func keysOf(commit committer, v level, number int, g generation) (sets, counts [][]byte, err error) {
	err = commit(func(txn *badger.Txn) error {
		for _, f := range dimensionFacets {
			of, pages, err := readCounts(txn, f, v, number, g, false)
			if err != nil {
				return err
			}
			for _, c := range of {
				sets = append(sets, setKey(f, c.value, v, number, g))
			}
			for page := range pages {
				counts = append(counts, countsKey(f, v, number, g, page))
			}
		}
		return nil
	})
	return sets, counts, err
}
