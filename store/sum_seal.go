package store

import (
	"slices"
)

// An entry is a key and the payload under it.
type entry struct{ key, payload []byte }

// seal is all of a chunk's sums as they are stored, but for its chunkSum. What
// names the others' keys comes first, see dropGeneration.
func (z *frozen) seal(g generation) ([]entry, error) {
	var first, others []entry
	for d := range dimensions {
		f := dimensionFacets[d]
		counts, sets, err := z.sealDimension(d, g)
		if err != nil {
			return nil, err
		}
		first = append(first, countsEntries(counts, f, levelChunk, z.chunk, g)...)
		others = append(others, sets...)
		if !d.lists() {
			payload, err := z.sealColumn(d, counts)
			if err != nil {
				return nil, err
			}
			others = append(others, entry{columnKey(f, z.chunk, g), payload})
		}
	}
	others = append(others, entry{timesKey(z.chunk), encodeTimes(z.times)})
	return slices.Concat(first, others, z.sealHashes(kindRecordHash, z.records), z.sealHashes(kindIDHash, z.ids)), nil
}

// sealDimension is the counts of a dimension, and a set for each value.
func (z *frozen) sealDimension(d dimension, g generation) ([]valueCount, []entry, error) {
	f := dimensionFacets[d]
	var counts []valueCount
	var sets []entry
	for v, b := range z.sets(d) {
		counts = append(counts, valueCount{v, int(b.GetCardinality())})
		payload, err := encodeSet(b)
		if err != nil {
			return nil, nil, err
		}
		sets = append(sets, entry{setKey(f, v, levelChunk, z.chunk, g), payload})
	}
	sortCounts(counts)
	return counts, sets, nil
}

// sealColumn is each change's value as its place among the counts.
func (z *frozen) sealColumn(d dimension, counts []valueCount) ([]byte, error) {
	number := make(map[string]uint16, len(counts))
	for i, c := range counts {
		number[c.value] = uint16(i)
	}
	col := z.columns[d]
	of := make([]uint16, len(col.values))
	for code, v := range col.values {
		of[code] = number[v] // 0 for a value of no change, which is not used
	}
	codes := make([]uint16, z.n)
	for off, code := range col.codes {
		codes[off] = of[code]
	}
	return encodeColumn(codes, len(counts))
}

func (z *frozen) sealHashes(kind keyKind, hashes []uint32) []entry {
	entries := make([]entry, 0, 1<<z.chunkBits)
	for group, payload := range z.groups(levelChunk, 0, 1<<z.chunkBits, z.hashedOf(hashes)) {
		entries = append(entries, entry{groupKey(kind, levelChunk, group, z.chunk), payload})
	}
	return entries
}
