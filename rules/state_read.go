package rules

import (
	"math"
	"recourse/audit"
)

// A readEntry is an entry with all that it has elsewhere.
type readEntry struct {
	entry
	evidence    audit.Evidence
	counted     string
	weight      float64
	alert, rule string
}

// A readGroup is a group as it was saved. Its entries are good until another is read.
type readGroup struct {
	group
	values  []string
	entries []readEntry
	alerts  []*openAlert
	history *history
	// Of one that has grown: the stretches of its history from the first to before the
	// second are as they were.
	oldest, begin int64
}

// group reads a group; full is false for one of the first kind.
func (r *stateReader) group(full bool) *readGroup {
	g, taught := r.head()
	if taught {
		g.history = r.history()
	}
	r.rest(g, full)
	return g
}

// grown reads what has changed of a group.
func (r *stateReader) grown() *readGroup {
	g, taught := r.head()
	if taught {
		h := &history{first: int64(r.uint())}
		g.oldest, g.begin = int64(r.int()), int64(r.int())
		h.buckets = r.buckets(g.begin)
		g.history = h
	}
	g.cut, g.same = r.length(), r.length()
	r.rest(g, true)
	return g
}

// head reads what a group has beside its history, its entries and its alerts, and
// whether it has a history.
func (r *stateReader) head() (g *readGroup, taught bool) {
	g = &readGroup{}
	for range r.count() {
		g.values = append(g.values, r.text())
	}
	r.flags(&g.begun, &g.rewound, &g.behind, &g.term.seen, &taught)
	g.newest = r.at()
	if g.rewound {
		g.cursor = r.at()
	}
	g.observed = r.at()
	g.touched = r.uint()
	if g.term.seen {
		g.term.first, g.term.last = r.at(), r.at()
	}
	return g, taught
}

// rest reads a group's entries and its alerts.
func (r *stateReader) rest(g *readGroup, full bool) {
	g.entries = r.entries[:0]
	for range r.count() {
		e := r.entry(full)
		if n := len(g.entries); n > 0 && !g.entries[n-1].before(&e) || finite(float64(e.time)) == nil {
			r.bad, r.b = true, nil
			break
		}
		g.entries = append(g.entries, e)
	}
	r.entries = g.entries
	for range r.count() {
		g.alerts = append(g.alerts, r.alert(full))
	}
}

// length is how many entries there were.
func (r *stateReader) length() int32 {
	n := r.uint()
	if n > math.MaxInt32 {
		r.bad, r.b = true, nil
		return 0
	}
	return int32(n)
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
	h.buckets = r.buckets(h.first)
	return h
}

func (r *stateReader) buckets(last int64) (all []bucket) {
	for range r.count() {
		last += int64(r.uint())
		n := r.uint()
		all = append(all, bucket{at: last, count: int32(n >> 1), frozen: n&1 != 0})
	}
	return all
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
