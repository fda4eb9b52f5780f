package rules

import (
	"cmp"
	"slices"
	"sort"

	"recourse/audit"
)

// An entry is one matching change in a group's window.
type entry struct {
	time    audit.Time
	seq     audit.Seq
	weight  float64 // what a sum adds, an alert's risk
	key     int     // where the texts of the record's key stand
	counted int32   // the tally of the value that is counted; without meaning when changes are
	told    int32   // it is no change but this alert of another rule, which began with the change; 0: a change
	steps   uint16  // of a rule with inputs: which of them it is, a bit for each
	unknown bool
	late    bool
	alerted bool // it is evidence of an alert already
	open    bool // it is to be decided when the watermark has passed it
}

// A group is the matching changes of one rule that belong together, as far
// back as they can still matter, and the alerts that may still grow.
//
// Changes come in the order in which they were learned, which is not quite that
// of their times. Two stretches of time are kept: around the newest change, and
// around the last one that was much older. So reading an old part of the log
// does not disturb what is going on now, nor does a change dated in the future.
type group struct {
	*window
	newest   audit.Time
	cursor   audit.Time // in the other stretch: its last change
	term     term       // of a rule on what is new
	touched  uint64     // the rule's count of touches, for giving up the least recent
	observed audit.Time // the engine's clocks at the last touch
	name     int        // where the values stand, as the rule finds it
	dirtyAt  int        // its place in the rule's dirty, counted from 1; 0: not altered since the last State
	awaited  int32      // deadlines that are for it

	hash                 uint32 // of the name
	number, older, newer uint32 // see held
	life                 uint32 // how many groups have had the number
	per, perLife         uint32 // the group by whose values it learns; 0: not found yet

	begun   bool // newest is set
	rewound bool // cursor is set
	behind  bool // the last change was in the other stretch
	saved   bool // the State has it
	dropped bool
}

// A window is what a group has beside its name and its times. Many groups have
// nothing, of values that are known.
type window struct {
	entries []entry // by time, then seq
	tallies tallies // the distinct values of the entries
	low     int     // the first entry of the window that ends with the newest
	alerts  []*openAlert
	history *history          // of a rule with a baseline; nil: nothing yet
	fields  map[string]string // the group's values, as alerts show them; nil until there is one

	entry [1]entry // most have no more than one
	tally [1]tally
}

// add takes a matching change into the group, with the value that is counted. The
// alerts that began or grew are then in w.touched.
func (g *group) add(e entry, value []byte, w *windowing) {
	w.touched = w.touched[:0]
	w.held.open(g)
	g.prune(e.time, w)
	i := len(g.entries)
	if i > 0 && w.compare(&g.entries[i-1], &e) >= 0 { // as few do
		i = sort.Search(i, func(i int) bool { return w.compare(&g.entries[i], &e) >= 0 })
	}
	if w.distinct != "" {
		e.counted = g.tallies.take(w.held, value)
	}
	g.entries = slices.Insert(g.entries, i, e)
	w.kept++
	g.slide(w, i)
	g.stretch(i, w)
	switch {
	case w.waits:
	case w.form == sequenceForm:
		for j := i; j < len(g.entries) && g.entries[j].time <= e.time+w.size; j++ {
			g.sequence(j, w)
		}
	default:
		if low, high, first, hot := g.hot(i, w); hot {
			g.alert(g.entries[low:high+1], nil, &g.entries[first], w)
		}
	}
	if len(g.entries) > w.maxEntries {
		if old := g.entries[0]; !old.alerted || old.open {
			w.stats.ChangesEvicted++
		}
		g.drop(0, 1, w)
	}
}

// slide takes entry i into the window that ends with the newest, and lets go
// what that leaves behind.
func (g *group) slide(w *windowing, i int) {
	begin := g.entries[len(g.entries)-1].time - w.size
	if g.entries[i].time <= begin {
		g.low++ // it stands before the window
		return
	}
	if w.distinct == "" {
		for ; g.entries[g.low].time <= begin; g.low++ {
		}
		return
	}
	g.tallies.enter(g.entries[i].counted)
	for ; g.entries[g.low].time <= begin; g.low++ {
		g.tallies.leave(g.entries[g.low].counted)
	}
}

// drop lets entries go.
func (g *group) drop(low, high int, w *windowing) {
	if low == high {
		return
	}
	last := high == len(g.entries)
	w.kept -= high - low
	for i := low; i < high; i++ {
		e := &g.entries[i]
		if w.distinct != "" {
			if i >= g.low {
				g.tallies.leave(e.counted)
			}
			g.tallies.drop(w.held, e.counted)
		}
		w.held.forget(e)
	}
	newest := audit.Time(0)
	if low > 0 {
		newest = g.entries[low-1].time
	}
	const few = 8
	if low == 0 && len(g.entries)-high > few { // as many are: nothing is moved
		g.entries = g.entries[high:]
	} else {
		g.entries = slices.Delete(g.entries, low, high)
	}
	switch {
	case last && low > 0: // another is the newest now
		g.low = after(g.entries, newest-w.size)
		if w.distinct != "" {
			g.tallies.leaveAll()
			for i := g.low; i < len(g.entries); i++ {
				g.tallies.enter(g.entries[i].counted)
			}
		}
	case high <= g.low:
		g.low -= high - low
	case low < g.low:
		g.low = low
	}
}

// compare orders entries: by time, then by the change, then by the alert.
func (w *windowing) compare(a, b *entry) int {
	switch {
	case a.time != b.time:
		return cmp.Compare(a.time, b.time)
	case a.seq != b.seq:
		return cmp.Compare(a.seq, b.seq)
	}
	return cmp.Compare(w.held.alertOf(a), w.held.alertOf(b))
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
			n = int(g.tallies.inWindow)
		}
		return g.low, i, i, n >= w.count
	}
	t := g.entries[i].time
	low = after(g.entries, t-w.size)
	seen := counter{}
	for k := low; k < i; k++ {
		seen.add(g.entries[k].counted, 1)
	}
	start := low
	for j := i; j < len(g.entries) && g.entries[j].time < t+w.size; j++ {
		seen.add(g.entries[j].counted, 1)
		for ; g.entries[start].time <= g.entries[j].time-w.size; start++ {
			seen.add(g.entries[start].counted, -1)
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
		for k := start; k <= j; k++ {
			sum += g.entries[k].weight
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
func after(entries []entry, t audit.Time) int {
	return sort.Search(len(entries), func(i int) bool { return entries[i].time > t })
}

// from is the number of the first entry at t or later.
func from(entries []entry, t audit.Time) int {
	return sort.Search(len(entries), func(i int) bool { return entries[i].time >= t })
}
