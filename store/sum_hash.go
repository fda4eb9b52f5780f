package store

import (
	"encoding/binary"
	"iter"

	"recourse/audit"
)

// hashBits are the bits of a hash that are kept. What is found by them may be
// something else, in one of 2^28 cases by chance and whenever somebody wants it:
// it is read and compared.
const hashBits = 28

const (
	fnvBasis = 14695981039346656037
	fnvPrime = 1099511628211
)

func fnv(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	return h
}

// tableSeed begins the hashes of a table's records. The length keeps the two
// names apart.
func tableSeed(t audit.Table) uint64 {
	return fnv(fnv((fnvBasis^uint64(len(t.Database)))*fnvPrime, t.Database), t.Name)
}

// recordHash is of a record in all clusters: FNV-1a, stirred as MurmurHash3 does
// in the end, since FNV leaves the first bits alike of short texts.
func recordHash(seed uint64, id audit.ID) uint32 {
	h := fnv((seed^0xff)*fnvPrime, string(id))
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return uint32(h >> (64 - hashBits))
}

func recordHashOf(k audit.Key) uint32 { return recordHash(tableSeed(k.Table), k.ID) }

// idHash is the begin of a change's id, which is a hash already.
func idHash(id audit.ChangeID) uint32 { return binary.BigEndian.Uint32(id[:]) >> (32 - hashBits) }

// hashes are a hash of each change of a chunk, and where each is.
type hashes struct {
	all   []uint32
	heads []int32 // by the last bits of a hash: 1 + the offset of the last change that has it
	next  []int32 // by offset: 1 + that of the one before it
}

func (h *hashes) add(hash uint32, size int) {
	if h.heads == nil {
		n := 1
		for n < size {
			n *= 2
		}
		h.heads = make([]int32, n)
	}
	head := &h.heads[int(hash)&(len(h.heads)-1)]
	h.next = append(h.next, *head)
	h.all = append(h.all, hash)
	*head = int32(len(h.all))
}

// find is the offsets of the changes that have a hash, the newest first.
func (h *hashes) find(hash uint32, yield func(offset int) bool) {
	if h.heads == nil {
		return
	}
	for at := h.heads[int(hash)&(len(h.heads)-1)]; at != 0; at = h.next[at-1] {
		if h.all[at-1] == hash && !yield(int(at-1)) {
			return
		}
	}
}

// hashes are those of the records or of the ids.
func (s *sums) hashes(kind keyKind) *hashes {
	if kind == kindIDHash {
		return &s.ids
	}
	return &s.records
}

// recordOffsets yields the changes that may be of a record, the newest first.
func (s *sums) recordOffsets(k audit.Key) iter.Seq[int] {
	return func(yield func(int) bool) { s.records.find(recordHashOf(k), yield) }
}

// idOffsets yields the changes that may have an id, the newest first.
func (s *sums) idOffsets(id audit.ChangeID) iter.Seq[int] {
	return func(yield func(int) bool) { s.ids.find(idHash(id), yield) }
}
