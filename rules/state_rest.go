package rules

import (
	"cmp"
	"maps"
	"slices"
)

// ofRule writes what a rule has beside its groups. A delta has what is to be
// heard even if that is nothing, in place of what was.
func (w *stateWriter) ofRule(r *ruleState, delta bool) {
	if len(r.waiting) > 0 || delta && r.hears() {
		all := make([]*heard, 0, len(r.waiting))
		for _, id := range slices.Sorted(maps.Keys(r.waiting)) {
			all = append(all, r.waiting[id])
		}
		w.heard(all)
	}
	if r.learning != (learning{}) {
		w.learning(r.learning)
	}
}

// tables writes how many records the tables have, all or those that changed.
func (w *stateWriter) tables(e *Engine, all bool) {
	changed := make([]*tableRows, 0, len(e.tables))
	for _, t := range e.tables {
		if all || t.dirty {
			changed = append(changed, t)
		}
	}
	slices.SortFunc(changed, func(a, b *tableRows) int { return cmp.Compare(a.table.String(), b.table.String()) })
	for _, t := range changed {
		w.rows(t)
	}
}
