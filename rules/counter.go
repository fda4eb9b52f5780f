package rules

import (
	"bytes"
)

// A counter counts values, by their tallies, and forgets those that come to zero.
type counter map[int32]int

func (c counter) add(value int32, n int) {
	if c[value] += n; c[value] == 0 {
		delete(c, value)
	}
}

// tallies are how often each distinct value is among a group's entries, and among
// those of the window that ends with the newest. The zero value has none. Most
// groups only ever have a few, for which a map would be most of their memory.
type tallies struct {
	all      []tally          // by number
	of       map[uint64]int32 // one of each hash, once there are more than leastMapped
	free     int32            // one of all that is free, counted from 1; 0: none
	live     int32            // values that there are
	inWindow int32            // … in the window
}

type tally struct {
	hash         uint64
	text         int   // the value
	next         int32 // another of the same hash, or another that is free, counted from 1; 0: none
	kept, window int32
}

const leastMapped = 8

// count is how many distinct values there are.
func (t *tallies) count() int { return int(t.live) }

// take counts an entry's value. Its number stays the entry's until drop.
func (t *tallies) take(h *held, value []byte) int32 {
	hash := h.hash(value)
	i := t.find(h, hash, value)
	if i < 0 {
		i = t.put(tally{hash: hash, text: h.texts.put(value)})
	}
	t.all[i].kept++
	return i
}

func (t *tallies) find(h *held, hash uint64, value []byte) int32 {
	same := func(n *tally) bool {
		text, _ := h.texts.at(n.text)
		return bytes.Equal(text, value)
	}
	if t.of == nil {
		for i := range t.all {
			if n := &t.all[i]; n.hash == hash && n.kept > 0 && same(n) {
				return int32(i)
			}
		}
		return -1
	}
	i, known := t.of[hash]
	for known {
		if same(&t.all[i]) {
			return i
		}
		i = t.all[i].next - 1
		known = i >= 0
	}
	return -1
}

func (t *tallies) put(n tally) int32 {
	t.live++
	i := t.free - 1
	if i >= 0 {
		t.free = t.all[i].next
		t.all[i] = n
	} else {
		i = int32(len(t.all))
		t.all = append(t.all, n)
	}
	switch {
	case t.of != nil:
		t.link(i)
	case len(t.all) > leastMapped:
		t.of = make(map[uint64]int32, 2*leastMapped)
		for j := range t.all {
			if int32(j) == i || t.all[j].kept > 0 {
				t.link(int32(j))
			}
		}
	}
	return i
}

func (t *tallies) link(i int32) {
	n := &t.all[i]
	n.next = 0
	if first, known := t.of[n.hash]; known {
		n.next = first + 1
	}
	t.of[n.hash] = i
}

// drop takes an entry's value back.
func (t *tallies) drop(h *held, i int32) {
	n := &t.all[i]
	if n.kept--; n.kept > 0 {
		return
	}
	t.live--
	h.texts.drop(n.text, 1)
	if t.of != nil {
		t.unlink(i)
	}
	*n = tally{next: t.free}
	t.free = i + 1
	if t.live == 0 {
		*t = tallies{all: t.all[:0]}
	}
}

func (t *tallies) unlink(i int32) {
	n := &t.all[i]
	first := t.of[n.hash]
	switch {
	case first != i:
		for j := first; ; j = t.all[j].next - 1 {
			if t.all[j].next-1 == i {
				t.all[j].next = n.next
				return
			}
		}
	case n.next > 0:
		t.of[n.hash] = n.next - 1
	default:
		delete(t.of, n.hash)
	}
}

func (t *tallies) enter(i int32) {
	n := &t.all[i]
	if n.window++; n.window == 1 {
		t.inWindow++
	}
}

func (t *tallies) leave(i int32) {
	n := &t.all[i]
	if n.window--; n.window == 0 {
		t.inWindow--
	}
}

// leaveAll empties the window.
func (t *tallies) leaveAll() {
	for i := range t.all {
		t.all[i].window = 0
	}
	t.inWindow = 0
}
