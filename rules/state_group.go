package rules

import (
	"encoding/binary"
	"math"
	"sort"

	"recourse/audit"
)

func (w *stateWriter) float(f float64) { w.uint(math.Float64bits(f)) }

// group writes a group whole.
func (w *stateWriter) group(h *held, g *group) {
	w.b = append(w.b, recordFullGroup)
	w.head(h, g)
	if g.history != nil {
		w.history(g.history)
	}
	w.entries(h, g, 0)
}

// changed writes what has changed of a group since it was saved, if it was.
func (w *stateWriter) changed(h *held, g *group) {
	if !g.saved {
		w.group(h, g)
		return
	}
	w.b = append(w.b, recordGrown)
	w.head(h, g)
	if g.history != nil {
		w.historyFrom(g.history)
	}
	w.uint(uint64(g.cut))
	w.uint(uint64(g.same))
	w.entries(h, g, int(g.same))
}

// head writes what a group has beside its history, its entries and its alerts.
func (w *stateWriter) head(h *held, g *group) {
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
}

// entries writes a group's entries from a number on, and its alerts.
func (w *stateWriter) entries(h *held, g *group, from int) {
	w.uint(uint64(len(g.entries) - from))
	for i := from; i < len(g.entries); i++ {
		w.entry(h, g, i)
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

// entry writes a group's entry i. Of one that its history has it has always written a
// weight of 1.
func (w *stateWriter) entry(h *held, g *group, i int) {
	e, weight := &g.entries[i], 0.0
	switch {
	case e.taught:
		weight = 1
	case len(g.weights) > 0:
		weight = g.weights[i]
	}
	w.flags(e.unknown, e.late, e.alerted, e.open, e.steps != 0, weight != 0, e.told)
	if e.told {
		w.evidence(h.evidence(e, audit.Evidence{}))
	} else {
		w.number(e.seq)
		w.at(e.time)
		db, table, id := h.pool.keyAt(e.key)
		w.bytes(db)
		w.bytes(table)
		w.bytes(id)
	}
	if e.counted != 0 && e.counted != e.key {
		w.bytes(h.pool.valueAt(e.counted))
	} else { // nothing, or the key, of a rule that counts keys
		w.text("")
	}
	if e.steps != 0 {
		w.uint(uint64(e.steps))
	}
	if weight != 0 {
		w.float(weight)
	}
	if e.told {
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
	w.uint(uint64(a.stored + len(a.evidence)))
	w.firing(a.fired)
	w.uint(uint64(len(a.parts)))
	for _, id := range a.parts {
		w.text(id)
	}
}

func (w *stateWriter) history(h *history) {
	w.uint(uint64(h.first))
	w.buckets(h.first, h.buckets)
}

// historyFrom writes what has changed of a history: the stretches from one on. Of
// those before it the ones that are older than another are gone.
func (w *stateWriter) historyFrom(h *history) {
	i := sort.Search(len(h.buckets), func(i int) bool { return h.buckets[i].at >= h.from })
	oldest, begin := h.first, h.from
	if len(h.buckets) > 0 {
		oldest = h.buckets[0].at
	}
	if i == len(h.buckets) {
		begin = math.MaxInt64
	} else {
		begin = h.buckets[i].at
	}
	w.uint(uint64(h.first))
	w.int(oldest)
	w.int(begin)
	w.buckets(begin, h.buckets[i:])
}

func (w *stateWriter) buckets(last int64, all []bucket) {
	w.uint(uint64(len(all)))
	for _, b := range all {
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
