package store

import "sync"

// A blockRoom is memory for one block after another, each done with before the next
// comes: for the value that it is, and for what is found out of it. Of a nil one all is
// made anew, for a block that is kept.
type blockRoom struct {
	value  []byte
	block  block
	meta   blockMeta
	parts  slab[byte]
	ends   slab[int32]
	checks slab[int]
	counts slab[uint16]
	groups slab[group]
	shapes slab[shape]
	names  slab[[][]byte]
}

// blockRooms are those that are not in use.
var blockRooms = sync.Pool{New: func() any { return new(blockRoom) }}

// clear takes back all that was given out, but for the value.
func (r *blockRoom) clear() {
	r.parts.used, r.ends.used, r.checks.used, r.counts.used = 0, 0, 0, 0
	r.groups.used, r.shapes.used, r.names.used = 0, 0, 0
}

// newMeta is a zero blockMeta.
func (r *blockRoom) newMeta() *blockMeta {
	if r == nil {
		return new(blockMeta)
	}
	r.meta = blockMeta{}
	return &r.meta
}

// A slab is memory of which parts are given out, until all are taken back together.
type slab[T any] struct {
	all  []T
	used int
}

// from is n zeros of a slab of the room; of no room, in memory of their own.
func from[T any](r *blockRoom, of func(*blockRoom) *slab[T], n int) []T {
	if r == nil {
		return make([]T, n)
	}
	s := of(r)
	if len(s.all)-s.used < n { // what was given out stays where it is
		s.all, s.used = make([]T, max(2*len(s.all), 2*n)), 0
	}
	s.used += n
	part := s.all[s.used-n : s.used : s.used]
	clear(part)
	return part
}

func (r *blockRoom) bytesOf(n int) []byte {
	return from(r, func(r *blockRoom) *slab[byte] { return &r.parts }, n)
}

func (r *blockRoom) endsOf(n int) []int32 {
	return from(r, func(r *blockRoom) *slab[int32] { return &r.ends }, n)
}

func (r *blockRoom) checksOf(n int) []int {
	return from(r, func(r *blockRoom) *slab[int] { return &r.checks }, n)
}

func (r *blockRoom) countsOf(n int) []uint16 {
	return from(r, func(r *blockRoom) *slab[uint16] { return &r.counts }, n)
}

func (r *blockRoom) groupsOf(n int) []group {
	return from(r, func(r *blockRoom) *slab[group] { return &r.groups }, n)
}

func (r *blockRoom) shapesOf(n int) []shape {
	return from(r, func(r *blockRoom) *slab[shape] { return &r.shapes }, n)
}

func (r *blockRoom) namesOf(n int) [][][]byte {
	return from(r, func(r *blockRoom) *slab[[][]byte] { return &r.names }, n)
}
