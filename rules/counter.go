package rules

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
// those of the window that ends with the newest. The zero value has none.
type tallies struct {
	of       map[string]*tally
	inWindow int // values that the window has
}

type tally struct{ kept, window int }

// take counts an entry's value. Its tally stays the entry's until drop.
func (t *tallies) take(value string) *tally {
	n := t.of[value]
	if n == nil {
		if t.of == nil {
			t.of = map[string]*tally{}
		}
		n = &tally{}
		t.of[value] = n
	}
	n.kept++
	return n
}

// drop takes an entry's value back. A nil tally is of an entry without one.
func (t *tallies) drop(n *tally, value string) {
	if n == nil {
		return
	}
	if n.kept--; n.kept == 0 {
		delete(t.of, value)
	}
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
	for _, n := range t.of {
		n.window = 0
	}
	t.inWindow = 0
}
