package rules

import (
	"encoding/binary"
	"math"

	"recourse/audit"
)

func (w *stateWriter) float(f float64) { w.uint(math.Float64bits(f)) }

func (w *stateWriter) group(h *held, g *group) {
	w.b = append(w.b, recordFullGroup)
	name := h.name(g)
	w.uint(parts(name))
	for len(name) > 0 {
		n, size := binary.Uvarint(name)
		w.bytes(name[size : size+int(n)])
		name = name[size+int(n):]
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
	for i := range g.entries {
		w.entry(h, g, &g.entries[i])
	}
	w.uint(uint64(len(g.alerts)))
	for _, a := range g.alerts {
		w.alert(a)
	}
}

// parts is how many values a name has.
func parts(name []byte) (n uint64) {
	for ; len(name) > 0; n++ {
		length, size := binary.Uvarint(name)
		name = name[size+int(length):]
	}
	return n
}

func (w *stateWriter) entry(h *held, g *group, e *entry) {
	w.flags(e.unknown, e.late, e.alerted, e.open, e.steps != 0, e.weight != 0, e.told != 0)
	if e.told != 0 {
		w.evidence(h.evidence(e, audit.Evidence{}))
	} else {
		w.number(e.seq)
		w.at(e.time)
		db, table, id := h.texts.keyAt(e.key)
		w.bytes(db)
		w.bytes(table)
		w.bytes(id)
	}
	if len(g.tallies.all) > 0 {
		text, _ := h.texts.at(g.tallies.all[e.counted].text)
		w.bytes(text)
	} else {
		w.text("")
	}
	if e.steps != 0 {
		w.uint(uint64(e.steps))
	}
	if e.weight != 0 {
		w.float(e.weight)
	}
	if e.told != 0 {
		w.text(h.alertOf(e))
		w.text(h.ruleOf(e))
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

// A readEntry is an entry with all that it has elsewhere.
type readEntry struct {
	entry
	evidence    audit.Evidence
	counted     string
	alert, rule string
}

// A readGroup is a group as it was saved.
type readGroup struct {
	group
	values  []string
	entries []readEntry
	alerts  []*openAlert
	history *history
}

// group reads a group; full is false for one of the first kind.
func (r *stateReader) group(full bool) *readGroup {
	g := &readGroup{}
	for range r.count() {
		g.values = append(g.values, r.text())
	}
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
		if n := len(g.entries); n > 0 && !g.entries[n-1].before(&e) || finite(float64(e.time)) == nil {
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

// before says that an entry comes before another, as windowing.compare has it.
func (e *readEntry) before(o *readEntry) bool {
	switch {
	case e.time != o.time:
		return e.time < o.time
	case e.seq != o.seq:
		return e.seq < o.seq
	}
	return e.alert < o.alert
}

func (r *stateReader) entry(full bool) (e readEntry) {
	var steps, weight, alert bool
	r.flags(&e.unknown, &e.late, &e.alerted, &e.open, &steps, &weight, &alert)
	e.evidence = r.evidence()
	e.time, e.seq = e.evidence.Time, e.evidence.Seq
	e.counted = r.text()
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
