package rules

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"iter"

	"recourse/audit"
)

// held is the groups of a rule. They stand side by side in a few pieces of memory, and
// know one another by number.
type held struct {
	seed   maphash.Seed
	texts  texts
	pieces [][]group
	of     map[uint64]uint32 // one of each hash of a name
	free   []uint32          // numbers that have no group
	next   uint32            // the first number that never had one
	n      int
	// The least and the most recently touched; 0: there is none.
	front, back uint32
	none        *window   // of the groups that have none of their own
	windows     []*window // that are to be used again
	told        []hearsay // the alerts that entries are, by number, counted from 1
	untold      []int32
}

// hearsay is what an entry has beside that is an alert of another rule.
type hearsay struct {
	alert, rule string
	on          audit.Evidence
}

// piece is how many groups stand side by side.
const piece = 64

func newHeld() *held {
	// Number 0 is nobody's.
	return &held{seed: maphash.MakeSeed(), of: map[uint64]uint32{}, next: 1, none: &window{}}
}

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
	for g := h.at(h.of[maphash.Bytes(h.seed, name)]); g != nil; g = h.at(g.same) {
		if bytes.Equal(h.name(g), name) {
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
	hash := maphash.Bytes(h.seed, name)
	*g = group{number: number, hash: hash, name: h.texts.put(name), same: h.of[hash], life: g.life + 1, window: h.none}
	h.of[hash] = number
	h.n++
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
	if first := h.at(h.of[g.hash]); first != g {
		for ; first.same != g.number; first = h.at(first.same) {
		}
		first.same = g.same
	} else if g.same != 0 {
		h.of[g.hash] = g.same
	} else {
		delete(h.of, g.hash)
	}
	h.n--
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
	for i := range g.tallies.all {
		if n := &g.tallies.all[i]; n.kept > 0 {
			h.texts.drop(n.text, 1)
		}
	}
	h.empty(g)
	*g = group{number: g.number, life: g.life, dropped: true, window: h.none}
	h.free = append(h.free, g.number)
}

// open gives a group a window of its own.
func (h *held) open(g *group) {
	if g.window != h.none {
		return
	}
	if last := len(h.windows) - 1; last >= 0 {
		g.window, h.windows = h.windows[last], h.windows[:last]
		return
	}
	w := &window{}
	w.entries, w.tallies.all = w.entry[:0], w.tally[:0]
	g.window = w
}

// empty takes a group's window away.
func (h *held) empty(g *group) {
	w := g.window
	if w == h.none {
		return
	}
	g.window = h.none
	const spare = 1024
	if len(h.windows) == spare {
		return
	}
	*w = window{}
	w.entries, w.tallies.all = w.entry[:0], w.tally[:0]
	h.windows = append(h.windows, w)
}

// done says that one thing less is awaited of a group.
func (h *held) done(g *group) {
	if g.awaited--; g.awaited == 0 && g.dropped {
		h.release(g)
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

// tell keeps what an entry has that is an alert.
func (h *held) tell(t hearsay) int32 {
	if last := len(h.untold) - 1; last >= 0 {
		i := h.untold[last]
		h.untold = h.untold[:last]
		h.told[i-1] = t
		return i
	}
	h.told = append(h.told, t)
	return int32(len(h.told))
}

// alertOf is the alert of another rule that an entry is, or "".
func (h *held) alertOf(e *entry) string {
	if e.told == 0 {
		return ""
	}
	return h.told[e.told-1].alert
}

// ruleOf is the rule whose alert an entry is, or "".
func (h *held) ruleOf(e *entry) string {
	if e.told == 0 {
		return ""
	}
	return h.told[e.told-1].rule
}

// evidence is the change that an entry is, or that its alert began with. What is
// written as in like shares its memory.
func (h *held) evidence(e *entry, like audit.Evidence) audit.Evidence {
	if e.told != 0 {
		return h.told[e.told-1].on
	}
	db, table, id := h.texts.keyAt(e.key)
	out := audit.Evidence{Seq: e.seq, Database: like.Database, Table: like.Table, Key: audit.ID(id), Time: e.time}
	if string(db) != out.Database {
		out.Database = string(db)
	}
	if string(table) != out.Table {
		out.Table = string(table)
	}
	return out
}

// forget lets go what an entry has outside of itself.
func (h *held) forget(e *entry) {
	if e.told == 0 {
		h.texts.drop(e.key, keyTexts)
		return
	}
	h.told[e.told-1] = hearsay{}
	h.untold = append(h.untold, e.told)
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
		for i := range g.entries {
			if e := &g.entries[i]; e.told == 0 {
				e.key = h.texts.copied(&old, e.key, keyTexts)
			}
		}
		for i := range g.tallies.all {
			if n := &g.tallies.all[i]; n.kept > 0 {
				n.text = h.texts.copied(&old, n.text, 1)
			}
		}
	}
}
