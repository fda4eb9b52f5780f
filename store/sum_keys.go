package store

import (
	"encoding/binary"

	"recourse/audit"
)

// A layout is how many changes are summed up together, and how their hashes are
// spread over keys.
type layout struct {
	size  int // changes of a chunk, at most 65,536
	shelf int // chunks of a shelf, at most 16
	// How many of a hash's first bits say in which group of a chunk it is, and in
	// which of a shelf.
	chunkBits, shelfBits uint
}

// standard is the layout of every store.
func standard() layout { return layout{size: audit.ChunkSize, shelf: 16, chunkBits: 8, shelfBits: 12} }

// first is the number of a chunk's first change.
func (l layout) first(chunk int) audit.Seq { return audit.Seq(chunk*l.size + 1) }

func (l layout) chunkOf(s audit.Seq) int { return int(s-1) / l.size }

// A level says of what a sum is.
type level byte

const (
	levelChunk level = 0
	levelShelf level = 1
)

// A generation is one summing up of a chunk or shelf; the first is 1. An entry
// of another generation than the one that counts is void.
type generation uint32

func appendNumber(dst []byte, n int) []byte { return binary.BigEndian.AppendUint32(dst, uint32(n)) }

func appendSum(dst []byte, l level, number int, g generation) []byte {
	return binary.BigEndian.AppendUint32(appendNumber(append(dst, byte(l)), number), uint32(g))
}

func sumsKey() []byte                  { return []byte{byte(kindSums)} }
func chunkKey(chunk int) []byte        { return appendNumber([]byte{byte(kindChunk)}, chunk) }
func shelfKey(shelf int) []byte        { return appendNumber([]byte{byte(kindShelf)}, shelf) }
func timesKey(chunk int) []byte        { return appendNumber([]byte{byte(kindTimes)}, chunk) }
func doubtfulKey(chunk int) []byte     { return appendNumber([]byte{byte(kindDoubtful)}, chunk) }
func facetPrefix(f audit.Facet) []byte { return []byte{byte(kindSet), byte(f)} }

func columnKey(f audit.Facet, chunk int, g generation) []byte {
	return binary.BigEndian.AppendUint32(appendNumber([]byte{byte(kindColumn), byte(f)}, chunk), uint32(g))
}

func countsKey(f audit.Facet, l level, number int, g generation, page int) []byte {
	return appendNumber(appendSum([]byte{byte(kindCounts), byte(f)}, l, number, g), page)
}

// setKey has the value before the number, so that one value of one facet over
// all shelves is one range, and over all chunks that are on none another.
func setKey(f audit.Facet, value string, l level, number int, g generation) []byte {
	return appendSum(appendText(facetPrefix(f), value), l, number, g)
}

// groupPrefix begins the keys of one group of all chunks or all shelves.
func groupPrefix(kind keyKind, l level, group int) []byte {
	return binary.BigEndian.AppendUint16([]byte{byte(kind), byte(l)}, uint16(group))
}

func groupKey(kind keyKind, l level, group, number int) []byte {
	return appendNumber(groupPrefix(kind, l, group), number)
}

// hitsPrefix begins the keys of a rule's hits in one chunk.
func hitsPrefix(rule string, chunk int) []byte {
	return appendNumber(appendText([]byte{byte(kindHits)}, rule), chunk)
}

func hitsKey(rule string, chunk int, lowest uint16) []byte {
	return binary.BigEndian.AppendUint16(hitsPrefix(rule, chunk), lowest)
}

// cutNumber reads the number that a key ends with.
func cutNumber(key []byte) (int, bool) {
	if len(key) < 5 {
		return 0, false
	}
	return int(binary.BigEndian.Uint32(key[len(key)-4:])), true
}
