package rules

// A counter counts values, by their numbers, and forgets those that come to zero.
type counter map[uint32]int

func (c counter) add(value uint32, n int) {
	if c[value] += n; c[value] == 0 {
		delete(c, value)
	}
}

// tallies are how often each distinct value is among a group's entries, and among
// those of the window that ends with the newest. The zero value has none: of a few
// entries they are counted when they are asked for.
type tallies struct {
	all      []tally // a value stands where its number says, or in the next place that was free
	live     int32   // values that there are
	inWindow int32   // … in the window
}

// A tally is of one value; 0: the place is free.
type tally struct {
	value        uint32
	kept, window uint16 // no group has more entries; see mostEntries
}

const (
	// fewEntries are so few that their values are counted when they are asked for.
	fewEntries = 8
	// mostEntries is how many entries a group whose values are tallied may have.
	mostEntries = 1<<16 - 1
)

// find is where a value stands, or would.
func (t *tallies) find(value uint32) *tally {
	i := t.home(value)
	for t.all[i].value != 0 && t.all[i].value != value {
		i = (i + 1) & (len(t.all) - 1)
	}
	return &t.all[i]
}

// home is where a value stands if its place was free. There are 2ⁿ places.
func (t *tallies) home(value uint32) int {
	const golden = 0x9E3779B97F4A7C15
	return int(uint64(value)*golden>>32) & (len(t.all) - 1)
}

// take counts an entry's value.
func (t *tallies) take(value uint32) {
	if 4*(int(t.live)+1) > 3*len(t.all) {
		t.resize(max(2*len(t.all), 2*fewEntries))
	}
	n := t.find(value)
	if n.kept == 0 {
		n.value = value
		t.live++
	}
	n.kept++
}

func (t *tallies) resize(places int) {
	old := t.all
	t.all = make([]tally, places)
	for _, n := range old {
		if n.value != 0 {
			*t.find(n.value) = n
		}
	}
}

// drop takes an entry's value back. What stands further from its place than it has to
// is moved.
func (t *tallies) drop(value uint32) {
	n := t.find(value)
	if n.kept--; n.kept > 0 {
		return
	}
	if t.live--; t.live == 0 {
		*t = tallies{}
		return
	}
	last := len(t.all) - 1
	hole := t.home(value)
	for t.all[hole].value != value {
		hole = (hole + 1) & last
	}
	for i := (hole + 1) & last; t.all[i].value != 0; i = (i + 1) & last {
		if home := t.home(t.all[i].value); (i-home)&last >= (i-hole)&last {
			t.all[hole], hole = t.all[i], i
		}
	}
	t.all[hole] = tally{}
	if len(t.all) > 4*fewEntries && int(t.live) < len(t.all)/8 {
		t.resize(len(t.all) / 4)
	}
}

func (t *tallies) enter(value uint32) {
	n := t.find(value)
	if n.window++; n.window == 1 {
		t.inWindow++
	}
}

func (t *tallies) leave(value uint32) {
	n := t.find(value)
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

// tallied says that the group's values are tallied: all entries of all are counted
// then, and those from low on are in the window.
func (g *group) tallied() bool { return g.tallies.all != nil }

// tally begins to tally the values, of which there are many now.
func (g *group) tally() {
	for i := range g.entries {
		g.tallies.take(g.entries[i].counted)
		if i >= g.low {
			g.tallies.enter(g.entries[i].counted)
		}
	}
}

// distinct is how many distinct values the entries from low on have; low is 0 or
// where the window begins that ends with the newest.
func (g *group) distinct(low int) int {
	if g.tallied() && low == 0 {
		return int(g.tallies.live)
	}
	if g.tallied() {
		return int(g.tallies.inWindow)
	}
	n := 0
	for i := low; i < len(g.entries); i++ {
		first := low
		for g.entries[first].counted != g.entries[i].counted {
			first++
		}
		if first == i {
			n++
		}
	}
	return n
}
