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
	alerted  bool // it is evidence of an alert already
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
	kept    counter  // the distinct values of the entries; nil when changes are counted
	newest  audit.Time
	cursor  audit.Time // in the other stretch: its last change
	begun   bool       // newest is set
	rewound bool       // cursor is set
	behind  bool       // the last change was in the other stretch
	alerts  []*openAlert

	touched  uint64     // the rule's count of touches, for giving up the least recent
	observed audit.Time // the engine's clocks at the last touch
	key      string
}

// An openAlert is an alert that may still grow.
type openAlert struct {
	id       string
	from, to audit.Time // the stretch of matching changes without a silence
	first    audit.Time // of the evidence
	last     audit.Time
	firstSeq audit.Seq
	lastSeq  audit.Seq
	count    int
	evidence []audit.Evidence // by seq
	unknown  bool
	late     bool
}

// add takes a matching change into the group. It returns the alert that began
// or grew, or nil.
func (g *group) add(e *entry, w *windowing) *openAlert {
	g.prune(e.time, w)
	i, _ := slices.BinarySearchFunc(g.entries, e, compareEntries)
	g.entries = slices.Insert(g.entries, i, e)
	g.note(w, e)
	for _, a := range g.alerts {
		if e.time >= a.from-w.size && e.time <= a.to+w.size {
			a.from, a.to = min(a.from, e.time), max(a.to, e.time)
		}
	}
	var grown *openAlert
	if low, high, hot := g.hot(i, w); hot {
		grown = g.alert(low, high, w)
	}
	if len(g.entries) > w.maxEntries {
		if !g.entries[0].alerted {
			w.stats.ChangesEvicted++
		}
		g.drop(0, 1)
	}
	return grown
}

// note counts what an entry holds.
func (g *group) note(w *windowing, e *entry) {
	if w.distinct == "" {
		return
	}
	if g.kept == nil {
		g.kept = counter{}
	}
	g.kept.add(e.distinct, 1)
}

// drop lets entries go.
func (g *group) drop(low, high int) {
	if g.kept != nil {
		for _, e := range g.entries[low:high] {
			g.kept.add(e.distinct, -1)
		}
	}
	g.entries = slices.Delete(g.entries, low, high)
}

func compareEntries(a, b *entry) int {
	if c := cmp.Compare(a.time, b.time); c != 0 {
		return c
	}
	return cmp.Compare(a.evidence.Seq, b.evidence.Seq)
}

// prune drops what no window can reach any more.
func (g *group) prune(t audit.Time, w *windowing) {
	reach := 2 * w.size
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
	g.keepEntries(reach)
	g.alerts = slices.DeleteFunc(g.alerts, func(a *openAlert) bool {
		return a.to < g.newest-reach && !(g.rewound && a.to >= g.cursor-reach && a.from <= g.cursor+reach)
	})
}

// keepEntries drops the entries that are in neither stretch.
func (g *group) keepEntries(reach audit.Time) {
	recent := from(g.entries, g.newest-reach)
	if !g.rewound {
		g.drop(0, recent)
		return
	}
	low, high := from(g.entries, g.cursor-reach), after(g.entries, g.cursor+reach)
	if recent > high {
		g.drop(high, recent)
	}
	g.drop(0, min(low, recent))
}

// hot finds the entries of all windows that hold entry i and reach the count.
func (g *group) hot(i int, w *windowing) (low, high int, hot bool) {
	t := g.entries[i].time
	low = after(g.entries, t-w.size)
	if w.distinct != "" && len(g.kept) < w.count {
		return 0, 0, false
	}
	if i == len(g.entries)-1 { // the newest: there is one such window
		return low, i, w.enough(g.entries[low:])
	}
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
			low = start
		}
		high, hot = j, true
	}
	return low, high, hot
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

// A counter counts values, and forgets those that come to zero.
type counter map[string]int

func (c counter) add(s string, n int) {
	if c[s] += n; c[s] == 0 {
		delete(c, s)
	}
}

// enough says that the entries, which are one window, reach the rule's count.
func (w *windowing) enough(entries []*entry) bool {
	if w.distinct == "" || len(entries) < w.count {
		return len(entries) >= w.count
	}
	seen := make(map[string]struct{}, w.count)
	for _, e := range slices.Backward(entries) {
		if seen[e.distinct] = struct{}{}; len(seen) >= w.count {
			return true
		}
	}
	return false
}

// alert makes the entries evidence: of the alert that they continue, or of a
// new one when none is within a window's size of them.
func (g *group) alert(low, high int, w *windowing) *openAlert {
	from, to := g.entries[low].time, g.entries[high].time
	i := slices.IndexFunc(g.alerts, func(a *openAlert) bool { return to >= a.from-w.size && from <= a.to+w.size })
	if i < 0 {
		first := slices.MinFunc(g.entries[low:high+1], compareEntries).evidence.Seq
		g.alerts = append(g.alerts, &openAlert{
			id: w.alertID(g.values, first), from: from, to: to, first: from, last: to, firstSeq: first, lastSeq: first,
		})
		i = len(g.alerts) - 1
		w.stats.Alerts++
	}
	a := g.alerts[i]
	a.from, a.to = min(a.from, from), max(a.to, to)
	for _, e := range g.entries[low : high+1] {
		if !e.alerted {
			e.alerted = true
			a.take(e, w)
		}
	}
	return a
}

func (a *openAlert) take(e *entry, w *windowing) {
	a.count++
	a.first, a.last = min(a.first, e.time), max(a.last, e.time)
	a.firstSeq, a.lastSeq = min(a.firstSeq, e.evidence.Seq), max(a.lastSeq, e.evidence.Seq)
	a.unknown, a.late = a.unknown || e.unknown, a.late || e.late
	if len(a.evidence) >= w.maxEvidence {
		w.stats.EvidenceCut++
		return
	}
	// Alerts that were handed out share this memory, so it is only ever
	// appended to; what comes out of order goes into a copy.
	if n := len(a.evidence); n > 0 && a.evidence[n-1].Seq > e.evidence.Seq {
		i, _ := slices.BinarySearchFunc(a.evidence, e.evidence.Seq, func(x audit.Evidence, s audit.Seq) int {
			return cmp.Compare(x.Seq, s)
		})
		a.evidence = slices.Insert(slices.Clone(a.evidence), i, e.evidence)
		return
	}
	a.evidence = append(a.evidence, e.evidence)
}
