package rules

import (
	"slices"

	"recourse/audit"
)

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
	before := len(g.alerts)
	g.alerts = slices.DeleteFunc(g.alerts, func(a *openAlert) bool {
		return a.to < g.newest-reach && !(g.rewound && a.to >= g.cursor-reach && a.from <= g.cursor+reach)
	})
	if n := len(g.alerts) - before; n < 0 {
		w.held.spend(n * alertBytes)
	}
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
