package rules

import "slices"

// A counter counts values, and forgets those that come to zero. A nil one does
// not count.
type counter map[string]int

func (c counter) add(s string, n int) {
	if c == nil {
		return
	}
	if c[s] += n; c[s] == 0 {
		delete(c, s)
	}
}

// tallies are how often each distinct value is among a group's entries, and among
// those of the window that ends with the newest. The zero value has none. Most
// groups only ever have a few, for which a map would be most of their memory.
type tallies struct {
	few      []*tally // while there are at most so many as leastMapped
	of       map[string]*tally
	inWindow int // values that the window has
}

type tally struct {
	value        string
	kept, window int32
}

const leastMapped = 8

// count is how many distinct values there are.
func (t *tallies) count() int { return len(t.few) + len(t.of) }

// take counts an entry's value. Its tally stays the entry's until drop.
func (t *tallies) take(value string) *tally {
	n := t.find(value)
	if n == nil {
		n = &tally{value: value}
		t.put(n)
	}
	n.kept++
	return n
}

func (t *tallies) find(value string) *tally {
	for _, n := range t.few {
		if n.value == value {
			return n
		}
	}
	return t.of[value]
}

func (t *tallies) put(n *tally) {
	if t.of == nil && len(t.few) < leastMapped {
		t.few = append(t.few, n)
		return
	}
	if t.of == nil {
		t.of = make(map[string]*tally, 2*leastMapped)
	}
	for _, other := range t.few {
		t.of[other.value] = other
	}
	t.few = nil
	t.of[n.value] = n
}

// drop takes an entry's value back. A nil tally is of an entry without one.
func (t *tallies) drop(n *tally) {
	if n == nil {
		return
	}
	if n.kept--; n.kept > 0 {
		return
	}
	if i := slices.Index(t.few, n); i >= 0 {
		t.few = slices.Delete(t.few, i, i+1)
		return
	}
	delete(t.of, n.value)
}

func (t *tallies) enter(n *tally) {
	if n == nil {
		return
	}
	if n.window++; n.window == 1 {
		t.inWindow++
	}
}

func (t *tallies) leave(n *tally) {
	if n == nil {
		return
	}
	if n.window--; n.window == 0 {
		t.inWindow--
	}
}

// leaveAll empties the window.
func (t *tallies) leaveAll() {
	for _, n := range t.few {
		n.window = 0
	}
	for _, n := range t.of {
		n.window = 0
	}
	t.inWindow = 0
}
