package revert

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"recourse/audit"
)

// An idIndex finds ids in a sorted list. Ids are hashes, so their first bits say
// nearly where one stands.
type idIndex struct {
	ids   []audit.ChangeID
	shift int
	begin []uint32 // of each value of the first bits: where the ids that have it begin
}

// indexIDs makes an index of sorted ids with an entry for each few of them.
func indexIDs(ids []audit.ChangeID) idIndex {
	const each = 4
	n := bits.Len(uint(len(ids) / each))
	x := idIndex{ids: ids, shift: 64 - n, begin: make([]uint32, 1<<n+1)}
	for i := range ids {
		x.begin[x.bucket(&ids[i])+1]++
	}
	for i := 1; i < len(x.begin); i++ {
		x.begin[i] += x.begin[i-1]
	}
	return x
}

func (x *idIndex) bucket(id *audit.ChangeID) uint64 {
	return binary.BigEndian.Uint64(id[:8]) >> x.shift
}

// find is where the id stands, and whether it does.
func (x *idIndex) find(id audit.ChangeID) (int, bool) {
	if len(x.ids) == 0 {
		return 0, false
	}
	b := x.bucket(&id)
	from, to := x.begin[b], x.begin[b+1]
	i, found := slices.BinarySearchFunc(x.ids[from:to], id, compareIDs)
	return int(from) + i, found
}
