package rules

import (
	"math"

	"recourse/audit"
)

func (w *stateWriter) float(f float64) { w.uint(math.Float64bits(f)) }

func (w *stateWriter) group(g *group) {
	w.b = append(w.b, recordFullGroup)
	w.uint(uint64(len(g.values)))
	for _, v := range g.values {
		w.text(v)
	}
	w.flags(g.begun, g.rewound, g.behind, g.term.seen, g.history != nil)
	w.at(g.newest)
	if g.rewound {
		w.at(g.cursor)
	}
	w.at(g.observed)
	w.uint(g.touched)
	if g.term.seen {
		w.at(g.term.first)
		w.at(g.term.last)
	}
	if g.history != nil {
		w.history(g.history)
	}
	w.uint(uint64(len(g.entries)))
	for _, e := range g.entries {
		w.entry(e)
	}
	w.uint(uint64(len(g.alerts)))
	for _, a := range g.alerts {
		w.alert(a)
	}
}

func (w *stateWriter) entry(e *entry) {
	w.flags(e.unknown, e.late, e.alerted, e.open, e.steps != 0, e.weight != 0, e.alert != "")
	w.evidence(e.evidence)
	w.text(e.distinct)
	if e.steps != 0 {
		w.uint(uint64(e.steps))
	}
	if e.weight != 0 {
		w.float(e.weight)
	}
	if e.alert != "" {
		w.text(e.alert)
		w.text(e.rule)
		w.at(e.time)
	}
}

func (w *stateWriter) evidence(e audit.Evidence) {
	w.number(e.Seq)
	w.at(e.Time)
	w.text(e.Database)
	w.text(e.Table)
	w.text(string(e.Key))
}

func (w *stateWriter) firing(f firing) {
	w.at(f.at)
	w.evidence(f.on)
}

func (w *stateWriter) alert(a *openAlert) {
	w.text(a.id)
	w.flags(a.unknown, a.late, a.told)
	for _, t := range []audit.Time{a.from, a.to, a.first, a.last} {
		w.at(t)
	}
	w.number(a.firstSeq)
	w.number(a.lastSeq)
	w.uint(uint64(a.count))
	w.uint(uint64(len(a.evidence)))
	w.firing(a.fired)
	w.uint(uint64(len(a.parts)))
	for _, id := range a.parts {
		w.text(id)
	}
}

func (w *stateWriter) history(h *history) {
	w.uint(uint64(h.first))
	w.uint(uint64(len(h.buckets)))
	last := h.first
	for _, b := range h.buckets {
		w.uint(uint64(b.at - last))
		last = b.at
		frozen := uint64(0)
		if b.frozen {
			frozen = 1
		}
		w.uint(uint64(b.count)<<1 | frozen)
	}
}

// heard is what a rule is to hear, in the order of the alerts' ids.
func (w *stateWriter) heard(all []*heard) {
	w.b = append(w.b, recordHeard)
	w.uint(uint64(len(all)))
	for _, h := range all {
		w.text(h.alert)
		w.text(h.rule)
		w.uint(uint64(h.steps))
		w.float(h.risk)
		w.flags(h.unknown)
		w.firing(h.fired)
		w.uint(uint64(len(h.values)))
		for _, v := range h.values {
			w.text(v)
		}
	}
}

func (w *stateWriter) learning(l learning) {
	w.b = append(w.b, recordLearning)
	w.flags(l.begun)
	w.at(l.since)
	w.at(l.evicted)
}

func (w *stateWriter) rows(t *tableRows) {
	w.b = append(w.b, recordRows)
	w.text(t.table.Database)
	w.text(t.table.Name)
	w.flags(t.known)
	w.int(t.rows)
	w.at(t.settled)
	w.uint(uint64(len(t.later)))
	for _, d := range t.later {
		w.at(d.time)
		w.int(d.by)
	}
}

// group reads a group; full is false for one of the first kind.
func (r *stateReader) group(full bool) *group {
	g := &group{values: make([]string, 0, 4)}
	for range r.count() {
		g.values = append(g.values, r.text())
	}
	g.name = groupName(g.values)
	history := false
	r.flags(&g.begun, &g.rewound, &g.behind, &g.term.seen, &history)
	g.newest = r.at()
	if g.rewound {
		g.cursor = r.at()
	}
	g.observed = r.at()
	g.touched = r.uint()
	if g.term.seen {
		g.term.first, g.term.last = r.at(), r.at()
	}
	if history {
		g.history = r.history()
	}
	for range r.count() {
		e := r.entry(full)
		if n := len(g.entries); n > 0 && compareEntries(g.entries[n-1], e) >= 0 || finite(float64(e.time)) == nil {
			r.bad, r.b = true, nil
			break
		}
		g.entries = append(g.entries, e)
	}
	for range r.count() {
		g.alerts = append(g.alerts, r.alert(full))
	}
	return g
}

func (r *stateReader) entry(full bool) *entry {
	e := &entry{}
	var steps, weight, alert bool
	r.flags(&e.unknown, &e.late, &e.alerted, &e.open, &steps, &weight, &alert)
	e.evidence = r.evidence()
	e.time = e.evidence.Time
	e.distinct = r.text()
	if steps {
		e.steps = uint16(r.uint())
	}
	if weight {
		e.weight = math.Float64frombits(r.uint())
	}
	if alert {
		e.alert, e.rule, e.time = r.text(), r.text(), r.at()
	}
	return e
}

func (r *stateReader) evidence() (e audit.Evidence) {
	e.Seq = r.number()
	e.Time = r.at()
	e.Database, e.Table = r.text(), r.text()
	e.Key = audit.ID(r.text())
	return e
}

func (r *stateReader) firing() firing { return firing{r.at(), r.evidence()} }

func (r *stateReader) alert(full bool) *openAlert {
	a := &openAlert{id: r.text()}
	r.flags(&a.unknown, &a.late, &a.told)
	a.from, a.to, a.first, a.last = r.at(), r.at(), r.at(), r.at()
	a.firstSeq, a.lastSeq = r.number(), r.number()
	a.count, a.listed = int(r.uint()), int(r.uint())
	if !full {
		return a
	}
	a.fired = r.firing()
	for range r.count() {
		a.parts = append(a.parts, r.text())
	}
	return a
}

func (r *stateReader) history() *history {
	h := &history{first: int64(r.uint())}
	last := h.first
	for range r.count() {
		last += int64(r.uint())
		n := r.uint()
		h.buckets = append(h.buckets, bucket{at: last, count: int(n >> 1), frozen: n&1 != 0})
	}
	return h
}

func (r *stateReader) heard() map[string]*heard {
	all := map[string]*heard{}
	for range r.count() {
		h := &heard{alert: r.text(), rule: r.text(), steps: uint16(r.uint())}
		h.risk = math.Float64frombits(r.uint())
		r.flags(&h.unknown)
		h.fired = r.firing()
		for range r.count() {
			h.values = append(h.values, r.text())
		}
		all[h.alert] = h
	}
	return all
}

func (r *stateReader) learning() (l learning) {
	r.flags(&l.begun)
	l.since, l.evicted = r.at(), r.at()
	return l
}

func (r *stateReader) rows() *tableRows {
	t := &tableRows{table: audit.Table{Database: r.text(), Name: r.text()}}
	r.flags(&t.known)
	t.rows, t.settled = int64(r.int()), r.at()
	for range r.count() {
		t.later = append(t.later, rowChange{r.at(), int64(r.int())})
	}
	return t
}
