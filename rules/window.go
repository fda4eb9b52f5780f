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
	key     uint32 // the number of the record's key in the pool; of what is told that of the alert
	counted uint32 // the number of the value that is counted; 0 when changes are
	steps   uint16 // of a rule with inputs: which of them it is, a bit for each
	told    bool   // it is no change but an alert of another rule, which began with the change
	unknown bool
	late    bool
	alerted bool // it is evidence of an alert already
	open    bool // it is to be decided when the watermark has passed it
	taught  bool // the group's history has it
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

	// Of what was saved of its entries, so many of the first are gone, and so many that
	// followed are the first still, and as they were.
	cut, same int32

	begun   bool // newest is set
	rewound bool // cursor is set
	behind  bool // the last change was in the other stretch
	saved   bool // the State has it
	dropped bool
}

// A window is what a group has beside its name and its times. Many groups have
// nothing, of values that are known.
type window struct {
	entries []entry   // by time, then seq
	weights []float64 // of each entry, for a rule that weighs: what a sum adds, an alert's risk, a table's records
	tallies tallies   // the distinct values of the entries
	low     int       // the first entry of the window that ends with the newest
	alerts  []*openAlert
	clear   [2]int            // the entries from the first to before the second are all evidence
	history *history          // of a rule with a baseline; nil: nothing yet
	fields  map[string]string // the group's values, as alerts show them; nil until there is one

	entry [1]entry // most have no more than one
}

// add takes a matching change into the group, with what it weighs. The alerts that
// began or grew are then in w.touched.
func (g *group) add(e entry, weight float64, w *windowing) {
	w.touched = w.touched[:0]
	w.held.open(g)
	g.prune(e.time, w)
	i := len(g.entries)
	if i > 0 && w.compare(&g.entries[i-1], &e) >= 0 { // as few do
		i = sort.Search(i, func(i int) bool { return w.compare(&g.entries[i], &e) >= 0 })
	}
	g.entries = slices.Insert(roomy(g.entries), i, e)
	if w.weighs {
		g.weights = slices.Insert(roomy(g.weights), i, weight)
	}
	g.entered(i)
	w.holds(1)
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
			g.alert(low, high, nil, &g.entries[first], w)
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
		if g.tallied() {
			g.tallies.take(g.entries[i].counted)
		}
		return
	}
	if g.tallied() {
		g.tallies.take(g.entries[i].counted)
		g.tallies.enter(g.entries[i].counted)
	}
	for ; g.entries[g.low].time <= begin; g.low++ {
		if g.tallied() {
			g.tallies.leave(g.entries[g.low].counted)
		}
	}
	if w.tallies && !g.tallied() && len(g.entries) > fewEntries {
		g.tally()
	}
}

// roomy is a list with room for one more, of which not much is left over: there are
// many lists.
func roomy[T any](all []T) []T {
	if len(all) < cap(all) {
		return all
	}
	out := make([]T, len(all), len(all)+len(all)/8+1)
	copy(out, all)
	return out
}

// drop lets entries go.
func (g *group) drop(low, high int, w *windowing) {
	if low == high {
		return
	}
	last := high == len(g.entries)
	g.left(low, high)
	w.holds(low - high)
	for i := low; i < high; i++ {
		e := &g.entries[i]
		if g.tallied() {
			if i >= g.low {
				g.tallies.leave(e.counted)
			}
			g.tallies.drop(e.counted)
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
	if w.weighs {
		g.weights = slices.Delete(g.weights, low, high)
	}
	switch {
	case last && low > 0: // another is the newest now
		g.low = after(g.entries, newest-w.size)
		if g.tallied() {
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

// hot finds the entries of all windows that hold entry i and reach the count;
// first is the end of the earliest of them.
func (g *group) hot(i int, w *windowing) (low, high, first int, hot bool) {
	if w.form == sumForm {
		return g.hotSum(i, w)
	}
	if w.distinct != "" && g.distinct(0) < w.count {
		return 0, 0, 0, false
	}
	if i == len(g.entries)-1 { // the newest: there is one such window
		n := len(g.entries) - g.low
		if w.distinct != "" {
			n = g.distinct(g.low)
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
			sum += g.weights[k]
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
