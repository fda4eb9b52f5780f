package store

import (
	"encoding/binary"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

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
