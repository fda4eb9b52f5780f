package rules

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"iter"
	"math"
)

// held is the groups of a rule. They stand side by side in a few pieces of memory, and
// know one another by number.
type held struct {
	seed   maphash.Seed
	mask   uint64 // of hashes; fewer bits are for tests
	texts  texts  // the groups' names
	pool   *pool  // of the engine
	room   *room  // … of which the rule has taken bytes
	bytes  int
	pieces [][]group
	of     slots    // by the hash of the name
	free   []uint32 // numbers that have no group
	next   uint32   // the first number that never had one
	n      int
	// The least and the most recently touched; 0: there is none.
	front, back uint32
	none        *window   // of the groups that have none of their own
	windows     []*window // that are to be used again
	told        []hearsay // the alerts that entries are, by number, counted from 1
	untold      []uint32
}

// piece is how many groups stand side by side.
const piece = 64

func newHeld(pool *pool, room *room) *held {
	// Number 0 is nobody's.
	return &held{pool: pool, room: room, seed: maphash.MakeSeed(), mask: math.MaxUint64, next: 1, none: &window{}}
}

// hash is that of a text. Two texts may share one.
func (h *held) hash(s []byte) uint64 { return maphash.Bytes(h.seed, s) & h.mask }

// at is the group of a number; nil for 0.
func (h *held) at(number uint32) *group {
	if number == 0 {
		return nil
	}
	return &h.pieces[number/piece][number%piece]
}

// name is what a group is found by: its values, each after its length. It is good
// until a text is put.
func (h *held) name(g *group) []byte {
	name, _ := h.texts.at(g.name)
	return name
}

// find is the group of that name, or nil.
func (h *held) find(name []byte) *group {
	hash := uint32(h.hash(name))
	for number, at := h.of.find(hash, int(hash)); number != 0; number, at = h.of.find(hash, at+1) {
		if g := h.at(number); bytes.Equal(h.name(g), name) {
			return g
		}
	}
	return nil
}

// begin makes a group that has no changes yet, as the most recently touched.
func (h *held) begin(name []byte) *group {
	var number uint32
	if last := len(h.free) - 1; last >= 0 {
		number, h.free = h.free[last], h.free[:last]
	} else {
		number = h.next
		h.next++
		if int(number/piece) == len(h.pieces) {
			h.pieces = append(h.pieces, make([]group, piece))
		}
	}
	g := h.at(number)
	hash := uint32(h.hash(name))
	*g = group{number: number, hash: hash, name: h.texts.put(name), life: g.life + 1, window: h.none}
	h.of.put(hash, number)
	h.n++
	h.spend(h.rest(g))
	h.push(g)
	return g
}

// push makes a group the most recently touched.
func (h *held) push(g *group) {
	g.older, g.newer = h.back, 0
	if h.back != 0 {
		h.at(h.back).newer = g.number
	} else {
		h.front = g.number
	}
	h.back = g.number
}

func (h *held) pull(g *group) {
	if g.older != 0 {
		h.at(g.older).newer = g.newer
	} else {
		h.front = g.newer
	}
	if g.newer != 0 {
		h.at(g.newer).older = g.older
	} else {
		h.back = g.older
	}
}

// touch makes a group the most recently touched.
func (h *held) touch(g *group) {
	if h.back != g.number {
		h.pull(g)
		h.push(g)
	}
}

// drop lets a group go. Its number is free once nothing waits for it any more.
func (h *held) drop(g *group) {
	h.pull(g)
	h.of.drop(g.hash, g.number)
	h.n--
	h.spend(-h.rest(g))
	g.dropped = true
	if g.awaited == 0 {
		h.release(g)
	}
}

// release frees the number of a group that was dropped.
func (h *held) release(g *group) {
	h.texts.drop(g.name, 1)
	for i := range g.entries {
		h.forget(&g.entries[i])
	}
	h.empty(g)
	*g = group{number: g.number, life: g.life, dropped: true, window: h.none}
	h.free = append(h.free, g.number)
}

// done says that one thing less is awaited of a group.
func (h *held) done(g *group) {
	if g.awaited--; g.awaited == 0 && g.dropped {
		h.release(g)
	}
}

// clear lets go what entries have outside of themselves, of groups of which nothing is
// kept.
func (h *held) clear() {
	for number := uint32(1); number < h.next; number++ {
		g := h.at(number)
		for i := range g.entries {
			h.forget(&g.entries[i])
		}
	}
}

// unawaited says that nothing is awaited of any group any more.
func (h *held) unawaited() {
	for number := uint32(1); number < h.next; number++ {
		if g := h.at(number); g.awaited > 0 {
			g.awaited = 1
			h.done(g)
		}
	}
}

// values are what the changes of a group have in common.
func (h *held) values(g *group) []string {
	values := []string{}
	for name := h.name(g); len(name) > 0; {
		n, size := binary.Uvarint(name)
		values = append(values, string(name[size:size+int(n)]))
		name = name[size+int(n):]
	}
	return values
}

// all goes through the groups, the least recently touched first.
func (h *held) all() iter.Seq[*group] {
	return func(yield func(*group) bool) {
		for g := h.at(h.front); g != nil; g = h.at(g.newer) {
			if !yield(g) {
				return
			}
		}
	}
}

// tidy puts the texts together anew when half of them are of no use any more.
func (h *held) tidy() {
	if !h.texts.wasteful() {
		return
	}
	old := h.texts
	h.texts = texts{}
	for number := uint32(1); number < h.next; number++ {
		g := h.at(number)
		if g.dropped && g.awaited == 0 {
			continue
		}
		g.name = h.texts.copied(&old, g.name, 1)
	}
}
