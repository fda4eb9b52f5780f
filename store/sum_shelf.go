package store

import (
	"encoding/binary"
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

// merged is a set of the shelf: for each chunk the length of its set, 0 for none,
// and then the sets.
func (m *merger) merged(txn *badger.Txn, f audit.Facet, value string) ([]byte, error) {
	var was []byte
	if m.old.Counts != 0 {
		var err error
		if was, _, err = get(txn, setKey(f, value, levelShelf, m.shelf, m.old.Counts)); err != nil {
			return nil, err
		}
	}
	var payload, sets []byte
	for i, g := range m.sum.Merged {
		chunk := m.shelf*m.layout.shelf + i
		var part []byte
		var err error
		switch {
		case !m.old.has(m.layout, chunk, g):
			part, err = chunkPart(txn, f, value, chunk, g)
		case was != nil:
			part, err = shelfPart(was, m.layout.shelf, i)
		}
		if err != nil {
			return nil, fmt.Errorf("read set of chunk %d: %w", chunk, err)
		}
		payload = binary.AppendUvarint(payload, uint64(len(part)))
		sets = append(sets, part...)
	}
	return append(payload, sets...), nil
}

// chunkPart is the set of a chunk as it is written, nil if it is empty.
func chunkPart(txn *badger.Txn, f audit.Facet, value string, chunk int, g generation) ([]byte, error) {
	part, found, err := get(txn, setKey(f, value, levelChunk, chunk, g))
	if err == nil && found && len(part) == 0 {
		err = damagedSum("an empty set")
	}
	return part, err
}

// shelfPart is the set of one of n chunks, nil if it is empty.
func shelfPart(payload []byte, n, i int) ([]byte, error) {
	rest := payload
	from, to := uint64(0), uint64(0)
	for j := range n {
		size, after, ok := cutUvarint(rest)
		if rest = after; !ok || size > uint64(len(payload)) {
			return nil, damagedSum("a broken shelf")
		}
		if j <= i {
			from, to = to, to+size
		}
	}
	switch {
	case to > uint64(len(rest)):
		return nil, damagedSum("a broken shelf")
	case from == to:
		return nil, nil
	}
	return rest[from:to], nil
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
		key := groupKey(kind, levelChunk, group, m.shelf*m.layout.shelf+i)
		payload, found, err := get(txn, key)
		if err == nil && !found {
			err = fmt.Errorf("%w: a group of hashes is missing", ErrCorrupt)
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

// cleanShelf deletes what a shelf took the place of, and what was begun of it.
func cleanShelf(commit committer, l layout, shelf int) error {
	var s shelfSum
	err := commit(func(txn *badger.Txn) error {
		s = shelfSum{}
		_, err := getDecoded(txn, shelfKey(shelf), &s)
		return err
	})
	if err != nil || s.tidy() {
		return err
	}
	if !s.Clean && s.Counts != 0 {
		for i, g := range s.Merged {
			if err := cleanMerged(commit, l, shelf*l.shelf+i, g); err != nil {
				return err
			}
		}
	}
	for _, g := range s.unused() {
		if err := dropGeneration(commit, levelShelf, shelf, g); err != nil {
			return err
		}
	}
	s.Begun, s.Stale, s.Clean = 0, nil, s.Counts != 0
	return commit(func(txn *badger.Txn) error { return setEncoded(txn, shelfKey(shelf), s) })
}

func (s *shelfSum) tidy() bool { return s.Clean == (s.Counts != 0) && len(s.unused()) == 0 }

// cleanMerged deletes of a chunk what its shelf has.
func cleanMerged(commit committer, l layout, chunk int, g generation) error {
	keys, _, err := keysOf(commit, levelChunk, chunk, g)
	if err != nil {
		return err
	}
	for group := range 1 << l.chunkBits {
		keys = append(keys, groupKey(kindRecordHash, levelChunk, group, chunk), groupKey(kindIDHash, levelChunk, group, chunk))
	}
	return deleteKeys(commit, keys)
}

// tidySums deletes what was left where writing sums was cut off. It is for when
// no other writes sums, such as the opening of a store.
func tidySums(commit committer, l layout) error {
	var h sumsHead
	err := commit(func(txn *badger.Txn) (err error) {
		h, err = readSumsHead(txn)
		return err
	})
	if err != nil {
		return fmt.Errorf("tidy sums: %w", err)
	}
	// One more of each may have been begun.
	for chunk := range h.Chunks + 1 {
		if err := cleanChunk(commit, chunk); err != nil {
			return fmt.Errorf("tidy sums of chunk %d: %w", chunk, err)
		}
	}
	for shelf := range h.Shelves + 1 {
		if err := cleanShelf(commit, l, shelf); err != nil {
			return fmt.Errorf("tidy sums of shelf %d: %w", shelf, err)
		}
	}
	return nil
}

// dueShelf is the first shelf that is full and not merged, and whether there is
// one.
func dueShelf(txn *badger.Txn, l layout) (shelf int, due bool, err error) {
	h, err := readSumsHead(txn)
	return h.Shelves, err == nil && (h.Shelves+1)*l.shelf <= h.Chunks, err
}
