package rules

import (
	"cmp"
	"slices"

	"recourse/audit"
)

// An entry is one matching change in a group's window.
type entry struct {
	time     audit.Time
	distinct string // the value that is counted; empty when changes are
	evidence audit.Evidence
	unknown  bool
	late     bool
	alerted  bool    // it is evidence of an alert already
	open     bool    // it is to be decided when the watermark has passed it
	steps    uint16  // of a rule with inputs: which of them it is, a bit for each
	weight   float64 // what a sum adds, an alert's risk
	alert    string  // it is no change but this alert, which began with the change
	rule     string  // of which this is the rule
	tally    *tally
}

// A group is the matching changes of one rule that belong together, as far
// back as they can still matter, and the alerts that may still grow.
//
// Changes come in the order in which they were learned, which is not quite that
// of their times. Two stretches of time are kept: around the newest change, and
// around the last one that was much older. So reading an old part of the log
// does not disturb what is going on now, nor does a change dated in the future.
type group struct {
	values  []string // of the rule's by fields, and of each
	entries []*entry // by time, then seq
	tallies tallies  // the distinct values of the entries
	low     int      // the first entry of the window that ends with the newest
	newest  audit.Time
	cursor  audit.Time // in the other stretch: its last change
	begun   bool       // newest is set
	rewound bool       // cursor is set
	behind  bool       // the last change was in the other stretch
	alerts  []*openAlert
	term    term     // of a rule on what is new
	per     *group   // … by whose values it learns; nil: not found yet
	history *history // of a rule with a baseline; nil: nothing yet

	touched  uint64            // the rule's count of touches, for giving up the least recent
	observed audit.Time        // the engine's clocks at the last touch
	name     string            // its values, as the rule finds it
	fields   map[string]string // its values, as alerts show them; nil until there is one
	dirty    bool              // altered since the last State
	saved    bool              // State has told of it
	dropped  bool
}

// add takes a matching change into the group. The alerts that began or grew are
// then in w.touched.
func (g *group) add(e *entry, w *windowing) {
	w.touched = w.touched[:0]
	g.prune(e.time, w)
	i, _ := slices.BinarySearchFunc(g.entries, e, compareEntries)
	g.entries = slices.Insert(g.entries, i, e)
	w.kept++
	g.note(w, i)
	g.stretch(i, w)
	switch {
	case w.waits:
	case w.form == sequenceForm:
		for j := i; j < len(g.entries) && g.entries[j].time <= e.time+w.size; j++ {
			g.sequence(j, w)
		}
	default:
		if low, high, first, hot := g.hot(i, w); hot {
			g.alert(g.entries[low:high+1], g.entries[first], w)
		}
	}
	if len(g.entries) > w.maxEntries {
		if old := g.entries[0]; !old.alerted || old.open {
			w.stats.ChangesEvicted++
		}
		g.drop(0, 1, w)
	}
}

// entry is one to be filled in, of those that were dropped if there is one.
func (w *windowing) entry() *entry {
	n := len(w.free)
	if n == 0 {
		return &entry{}
	}
	e := w.free[n-1]
	w.free = w.free[:n-1]
	return e
}

// note counts what entry i holds, which is new.
func (g *group) note(w *windowing, i int) {
	if w.distinct != "" {
		g.entries[i].tally = g.tallies.take(g.entries[i].distinct)
	}
	g.slide(w, i)
}

// slide takes entry i into the window that ends with the newest, and lets go
// what that leaves behind.
func (g *group) slide(w *windowing, i int) {
	begin := g.entries[len(g.entries)-1].time - w.size
	if g.entries[i].time <= begin {
		g.low++ // it stands before the window
		return
	}
	g.tallies.enter(g.entries[i].tally)
	for ; g.entries[g.low].time <= begin; g.low++ {
		g.tallies.leave(g.entries[g.low].tally)
	}
}

// drop lets entries go.
func (g *group) drop(low, high int, w *windowing) {
	if low == high {
		return
	}
	last := high == len(g.entries)
	w.kept -= high - low
	for i, e := range g.entries[low:high] {
		if low+i >= g.low {
			g.tallies.leave(e.tally)
		}
		g.tallies.drop(e.tally)
		e.tally = nil
		const spare = 1024
		if len(w.free) < spare {
			w.free = append(w.free, e)
		}
	}
	if low == 0 { // as most are: nothing is moved
		clear(g.entries[:high])
		g.entries = g.entries[high:]
	} else {
		g.entries = slices.Delete(g.entries, low, high)
	}
	switch {
	case last && low > 0: // another is the newest now
		g.low = after(g.entries, g.entries[low-1].time-w.size)
		g.tallies.leaveAll()
		for _, e := range g.entries[g.low:] {
			g.tallies.enter(e.tally)
		}
	case high <= g.low:
		g.low -= high - low
	case low < g.low:
		g.low = low
	}
}

func compareEntries(a, b *entry) int {
	if c := cmp.Compare(a.time, b.time); c != 0 {
		return c
	}
	if c := cmp.Compare(a.evidence.Seq, b.evidence.Seq); c != 0 {
		return c
	}
	return cmp.Compare(a.alert, b.alert)
}

// prune drops what no window can reach any more.
func (g *group) prune(t audit.Time, w *windowing) {
	reach := w.reach
	switch {
	case !g.begun:
		g.newest, g.begun = t, true
	case t > g.newest+reach && !g.behind:
		// A leap. What is left behind is kept as the second stretch, for the
		// case that it is the leap that is wrong.
		g.cursor, g.rewound, g.newest = g.newest, true, t
	case t > g.newest:
		g.newest, g.behind = t, false
	case t < g.newest-reach:
		if !g.rewound || t < g.cursor-reach || t > g.cursor+reach {
			w.stats.Rewound++
		}
		g.cursor, g.rewound, g.behind = t, true, true
	default:
		g.behind = false
	}
	g.keepEntries(reach, w)
	g.alerts = slices.DeleteFunc(g.alerts, func(a *openAlert) bool {
		return a.to < g.newest-reach && !(g.rewound && a.to >= g.cursor-reach && a.from <= g.cursor+reach)
	})
}

// keepEntries drops the entries that are in neither stretch.
func (g *group) keepEntries(reach audit.Time, w *windowing) {
	if !g.rewound { // few pass at a time
		old := 0
		for old < len(g.entries) && g.entries[old].time < g.newest-reach {
			old++
		}
		g.drop(0, old, w)
		return
	}
	recent := from(g.entries, g.newest-reach)
	low, high := from(g.entries, g.cursor-reach), after(g.entries, g.cursor+reach)
	if recent > high {
		g.drop(high, recent, w)
	}
	g.drop(0, min(low, recent), w)
}

// hot finds the entries of all windows that hold entry i and reach the count;
// first is the end of the earliest of them.
func (g *group) hot(i int, w *windowing) (low, high, first int, hot bool) {
	if w.form == sumForm {
		return g.hotSum(i, w)
	}
	if w.distinct != "" && g.tallies.count() < w.count {
		return 0, 0, 0, false
	}
	if i == len(g.entries)-1 { // the newest: there is one such window
		n := len(g.entries) - g.low
		if w.distinct != "" {
			n = g.tallies.inWindow
		}
		return g.low, i, i, n >= w.count
	}
	t := g.entries[i].time
	low = after(g.entries, t-w.size)
	seen := counter{}
	for _, e := range g.entries[low:i] {
		seen.add(e.distinct, 1)
	}
	start := low
	for j := i; j < len(g.entries) && g.entries[j].time < t+w.size; j++ {
		seen.add(g.entries[j].distinct, 1)
		for ; g.entries[start].time <= g.entries[j].time-w.size; start++ {
			seen.add(g.entries[start].distinct, -1)
		}
		if w.distinct == "" && j-start+1 < w.count || w.distinct != "" && len(seen) < w.count {
			continue
		}
		if !hot {
			low, first = start, j
		}
		high, hot = j, true
	}
	return low, high, first, hot
}

// hotSum is hot for a sum. Each window is added up from its first entry to its
// last, so that the outcome depends on nothing but what the window holds.
func (g *group) hotSum(i int, w *windowing) (low, high, first int, hot bool) {
	t := g.entries[i].time
	for j := i; j < len(g.entries) && g.entries[j].time < t+w.size; j++ {
		start := after(g.entries, g.entries[j].time-w.size)
		sum := 0.0
		for _, n := range g.entries[start : j+1] {
			sum += n.weight
		}
		if sum < w.gte {
			continue
		}
		if !hot {
			low, first = start, j
		}
		high, hot = j, true
	}
	return low, high, first, hot
}

// after is the number of the first entry later than t.
func after(entries []*entry, t audit.Time) int {
	i, _ := slices.BinarySearchFunc(entries, t, func(e *entry, t audit.Time) int {
		if e.time <= t {
			return -1
		}
		return 1
	})
	return i
}

// from is the number of the first entry at t or later.
func from(entries []*entry, t audit.Time) int {
	i, _ := slices.BinarySearchFunc(entries, t, func(e *entry, t audit.Time) int { return cmp.Compare(e.time, t) })
	return i
}
