package rules

import (
	"slices"
	"sort"

	"recourse/audit"
)

// restore takes a group in place of that of its name.
func (r *ruleState) restore(of *readGroup) {
	r.name = appendName(r.name[:0], of.values)
	if old := r.held.find(r.name); old != nil {
		r.held.drop(old)
	}
	g := r.held.begin(r.name)
	r.restoreHead(g, of)
	if of.history != nil {
		g.history = of.history
	}
	r.restoreEntries(g, of.entries)
}

// restoreGrown takes over what has changed of a group; false: it was another.
func (r *ruleState) restoreGrown(of *readGroup) bool {
	r.name = appendName(r.name[:0], of.values)
	g := r.held.find(r.name)
	cut, kept := int(of.cut), int(of.cut)+int(of.same)
	if g == nil || len(g.entries) < kept {
		return false
	}
	r.restoreHead(g, of)
	if h := of.history; h != nil {
		if g.history != nil {
			all := g.history.buckets
			low := sort.Search(len(all), func(i int) bool { return all[i].at >= of.oldest })
			high := sort.Search(len(all), func(i int) bool { return all[i].at >= of.begin })
			h.buckets = slices.Concat(all[min(low, high):high], h.buckets)
		}
		g.history = h
	}
	for i := range g.entries {
		if i < cut || i >= kept {
			r.held.forget(&g.entries[i])
		}
	}
	g.entries = slices.Delete(g.entries[:kept], 0, cut)
	if r.w.weighs {
		g.weights = slices.Delete(g.weights[:kept], 0, cut)
	}
	return r.restoreEntries(g, of.entries)
}

// restoreHead takes over what a group has beside its history and its entries.
func (r *ruleState) restoreHead(g *group, of *readGroup) {
	g.begun, g.rewound, g.behind, g.newest, g.cursor = of.begun, of.rewound, of.behind, of.newest, of.cursor
	g.touched, g.observed, g.term = of.touched, of.observed, of.term
	if of.history != nil || len(of.alerts) > 0 || len(of.entries) > 0 || len(g.entries) > 0 {
		r.held.open(g)
	}
	if g.window != r.held.none {
		g.alerts = of.alerts
	}
}

// restoreEntries puts entries behind those that a group has; false: they do not come
// after these.
func (r *ruleState) restoreEntries(g *group, all []readEntry) bool {
	if n := len(g.entries) + len(all); n > cap(g.entries) {
		g.entries = append(make([]entry, 0, n), g.entries...)
	}
	for i := range all {
		from := &all[i]
		n := from.entry
		key := audit.Key{Table: audit.Table{Database: from.evidence.Database, Name: from.evidence.Table}, ID: from.evidence.Key}
		if from.alert != "" {
			n.told, n.key = true, r.held.tell(hearsay{alert: from.alert, rule: from.rule, on: from.evidence})
		} else {
			n.key = r.held.pool.key(key)
		}
		switch {
		case r.w.distinct == "key" && !n.told:
			n.counted = r.held.pool.keyText(key)
		case r.w.distinct != "":
			n.counted = r.held.pool.text([]byte(from.counted))
		}
		n.taught = r.w.form == spikeForm && from.weight != 0
		if last := len(g.entries) - 1; i == 0 && last >= 0 && r.w.compare(&g.entries[last], &n) >= 0 {
			return false
		}
		g.entries = append(g.entries, n)
		if r.w.weighs {
			g.weights = append(g.weights, from.weight)
		}
	}
	return true
}
