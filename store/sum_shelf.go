package store

import (
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// A shelf is some full chunks whose sets and hashes are kept together, so that
// one value or one record needs fewer entries. A set of a shelf is those of its
// chunks one after another; times, columns and counts stay with the chunks.
//
// A chunk that is summed up again is off its shelf until that is merged again.
type shelfSum struct {
	Merged []generation `cbor:"1,keyasint"`           // of each of its chunks
	Clean  bool         `cbor:"2,keyasint,omitempty"` // what it replaces is deleted
	writing
}

// has says that a chunk's sets are those of the shelf.
func (s *shelfSum) has(l layout, chunk int, g generation) bool {
	return s.Counts != 0 && s.Merged[chunk%l.shelf] == g
}

// A merger is one shelf being merged.
type merger struct {
	layout
	commit committer
	shelf  int
	old    shelfSum // as it was
	sum    shelfSum
	sets   []mergedSet
}

type mergedSet struct {
	facet audit.Facet
	value string
}

// mergeShelf puts sealed chunks on their shelf, in several transactions, or does
// so again after some were summed up again. Cut off anywhere it leaves what
// answers rightly, and can be called again.
func mergeShelf(commit committer, l layout, shelf int) error {
	m := &merger{layout: l, commit: commit, shelf: shelf}
	for _, step := range []func() error{m.begin, m.counts, m.mergeSets, m.hashes, m.end} {
		if err := step(); err != nil {
			return fmt.Errorf("merge shelf %d: %w", shelf, err)
		}
	}
	if err := cleanShelf(commit, l, shelf); err != nil {
		return fmt.Errorf("clean shelf %d: %w", shelf, err)
	}
	return nil
}

func (m *merger) begin() error {
	return m.commit(func(txn *badger.Txn) error {
		h, err := readSumsHead(txn)
		if err != nil {
			return err
		}
		if (m.shelf+1)*m.layout.shelf > h.Chunks || m.shelf > h.Shelves {
			return fmt.Errorf("%d chunks and %d shelves are there", h.Chunks, h.Shelves)
		}
		m.old = shelfSum{}
		if _, err := getDecoded(txn, shelfKey(m.shelf), &m.old); err != nil {
			return err
		}
		m.sum = m.old
		m.sum.Stale = slices.Clone(m.old.Stale)
		m.sum.begin()
		if err := setEncoded(txn, shelfKey(m.shelf), m.sum); err != nil {
			return err
		}
		m.sum.Merged = nil
		for i := range m.layout.shelf {
			c, err := readChunkSum(txn, m.shelf*m.layout.shelf+i)
			if err != nil {
				return err
			}
			m.sum.Merged = append(m.sum.Merged, c.Counts)
		}
		return nil
	})
}

// readChunkSum is that of a sealed chunk.
func readChunkSum(txn *badger.Txn, chunk int) (chunkSum, error) {
	var c chunkSum
	found, err := getDecoded(txn, chunkKey(chunk), &c)
	if err == nil && (!found || c.Counts == 0) {
		err = fmt.Errorf("%w: it is missing", ErrCorrupt)
	}
	if err != nil {
		return chunkSum{}, fmt.Errorf("read sums of chunk %d: %w", chunk, err)
	}
	return c, nil
}

// counts writes the counts of the shelf and finds out which sets it has.
func (m *merger) counts() error {
	var entries []entry
	err := m.commit(func(txn *badger.Txn) error {
		for _, f := range dimensionFacets {
			total := map[string]int{}
			for i, g := range m.sum.Merged {
				of, _, err := readCounts(txn, f, levelChunk, m.shelf*m.layout.shelf+i, g, true)
				if err != nil {
					return err
				}
				for _, c := range of {
					total[c.value] += c.n
				}
			}
			var counts []valueCount
			for v, n := range total {
				counts = append(counts, valueCount{v, n})
			}
			sortCounts(counts)
			for _, c := range counts {
				m.sets = append(m.sets, mergedSet{f, c.value})
			}
			entries = append(entries, countsEntries(counts, f, levelShelf, m.shelf, m.sum.Begun)...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return writeEntries(m.commit, entries)
}

func (m *merger) mergeSets() error {
	for at := 0; at < len(m.sets); {
		err := m.commit(func(txn *badger.Txn) error {
			for n, size := 0, 0; at < len(m.sets) && n < entriesCount && size < entriesBytes; at, n = at+1, n+1 {
				s := m.sets[at]
				payload, err := m.merged(txn, s.facet, s.value)
				if err != nil {
					return err
				}
				if err := set(txn, setKey(s.facet, s.value, levelShelf, m.shelf, m.sum.Begun), payload); err != nil {
					return err
				}
				size += len(payload)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// hashes merges the hashes of the chunks, unless that was done: they never change.
func (m *merger) hashes() error {
	if m.old.Counts != 0 {
		return nil
	}
	for _, kind := range []keyKind{kindRecordHash, kindIDHash} {
		for group := 0; group < 1<<m.chunkBits; {
			err := m.commit(func(txn *badger.Txn) error {
				for size := 0; group < 1<<m.chunkBits && size < entriesBytes; group++ {
					n, err := m.mergeGroup(txn, kind, group)
					if err != nil {
						return err
					}
					size += n
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// mergeGroup writes the groups of the shelf that one group of its chunks makes,
// and says how large they are.
func (m *merger) mergeGroup(txn *badger.Txn, kind keyKind, group int) (size int, err error) {
	var all []hashed
	below := m.offsetBits(levelChunk)
	for i := range m.layout.shelf {
		chunk := m.shelf*m.layout.shelf + i
		payload, found, err := get(txn, groupKey(kind, levelChunk, group, chunk))
		if err == nil && !found {
			err = missingGroup(chunk)
		}
		if err == nil {
			err = m.decodeGroup(levelChunk, group, payload, func(e hashed) {
				off := e&(1<<below-1) + hashed(i*m.layout.size)
				all = append(all, e>>below<<m.offsetBits(levelShelf)|off)
			})
		}
		if err != nil {
			return 0, err
		}
	}
	slices.Sort(all)
	each := 1 << (m.shelfBits - m.chunkBits)
	for g, payload := range m.groups(levelShelf, group*each, (group+1)*each, all) {
		key := groupKey(kind, levelShelf, g, m.shelf)
		if err := set(txn, key, payload); err != nil {
			return 0, err
		}
		size += len(key) + len(payload) + 64 // what Badger adds
	}
	return size, nil
}

// end is the step from which the shelf counts.
func (m *merger) end() error {
	return m.commit(func(txn *badger.Txn) error {
		h, err := readSumsHead(txn)
		if err != nil {
			return err
		}
		m.sum.writing.end()
		m.sum.Clean = false
		h.Shelves = max(h.Shelves, m.shelf+1)
		if err := setEncoded(txn, shelfKey(m.shelf), m.sum); err != nil {
			return err
		}
		return setEncoded(txn, sumsKey(), h)
	})
}

// dueShelf is the first shelf that is full and not merged, and whether there is
// one.
func dueShelf(txn *badger.Txn, l layout) (shelf int, due bool, err error) {
	h, err := readSumsHead(txn)
	return h.Shelves, err == nil && (h.Shelves+1)*l.shelf <= h.Chunks, err
}
