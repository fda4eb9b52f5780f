package revert

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"recourse/audit"
)

// An idIndex finds ids in a sorted list. Ids are hashes, so their first bits say
// nearly where one stands. Most that are looked for are not in it, and the ids
// themselves are far from each other in memory: what is not theirs is told by a few
// of their bits, which stand close together.
type idIndex struct {
	ids   []audit.ChangeID
	tags  []uint32 // of each id: bits that do not order it
	shift int
	begin []uint32 // of each value of the first bits: where the ids that have it begin
}

// indexIDs makes an index of sorted ids with an entry for each few of them.
func indexIDs(ids []audit.ChangeID) idIndex {
	const each = 4
	n := bits.Len(uint(len(ids) / each))
	x := idIndex{ids: ids, tags: make([]uint32, len(ids)), shift: 64 - n, begin: make([]uint32, 1<<n+1)}
	for i := range ids {
		x.begin[x.bucket(&ids[i])+1]++
		x.tags[i] = tagOf(&ids[i])
	}
	for i := 1; i < len(x.begin); i++ {
		x.begin[i] += x.begin[i-1]
	}
	return x
}

func (x *idIndex) bucket(id *audit.ChangeID) uint64 {
	return binary.BigEndian.Uint64(id[:8]) >> x.shift
}

func tagOf(id *audit.ChangeID) uint32 { return binary.BigEndian.Uint32(id[len(id)-4:]) }

// find is where the id stands, and whether it does.
func (x *idIndex) find(id *audit.ChangeID) (int, bool) {
	if len(x.ids) == 0 {
		return 0, false
	}
	b, tag := x.bucket(id), tagOf(id)
	from, to := x.begin[b], x.begin[b+1]
	if to-from > usualIDs { // somebody has made a list of what are no hashes
		i, found := slices.BinarySearchFunc(x.ids[from:to], *id, compareIDs)
		return int(from) + i, found
	}
	for i := from; i < to; i++ {
		if x.tags[i] == tag && x.ids[i] == *id {
			return int(i), true
		}
	}
	return 0, false
}

// usualIDs is more than hashes with the same first bits are.
const usualIDs = 64
