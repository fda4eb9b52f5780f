package rules

import (
	"cmp"
	"time"

	"recourse/audit"
)

// lateness is how much later than the newest change another may come and still
// be in time, unless Options say otherwise.
const lateness = 30 * time.Second

// A deadline is a moment at which something is decided, or heard, because no
// change of before it is to come any more.
type deadline struct {
	at    audit.Time
	depth int // of the rule: those that it hears of come first
	order int // of the rule in the set
	seq   audit.Seq
	r     *ruleState
	g     *group     // whose entries are decided; nil: heard is
	time  audit.Time // of the entries
	heard *heard
}

func (a *deadline) compare(b *deadline) int {
	if c := cmp.Compare(a.at, b.at); c != 0 {
		return c
	}
	if c := cmp.Compare(a.depth, b.depth); c != 0 {
		return c
	}
	if c := cmp.Compare(a.order, b.order); c != 0 {
		return c
	}
	if c := cmp.Compare(a.seq, b.seq); c != 0 {
		return c
	}
	return cmp.Compare(a.text(), b.text())
}

func (a *deadline) text() string {
	if a.g != nil {
		return string(a.r.held.name(a.g))
	}
	return a.heard.alert
}

// deadlines is a heap of them, with those that are done to be used again.
type deadlines struct {
	heap []*deadline
	free []*deadline
}

// push takes one in; most come in their order, and then nothing is moved.
func (d *deadlines) push(x deadline) {
	var n *deadline
	if k := len(d.free); k > 0 {
		n, d.free = d.free[k-1], d.free[:k-1]
	} else {
		n = &deadline{}
	}
	*n = x
	d.heap = append(d.heap, n)
	for i := len(d.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if d.heap[up].compare(d.heap[i]) <= 0 {
			break
		}
		d.heap[up], d.heap[i] = d.heap[i], d.heap[up]
		i = up
	}
}

// pop takes the first out.
func (d *deadlines) pop() deadline {
	first, last := d.heap[0], len(d.heap)-1
	d.heap[0], d.heap[last] = d.heap[last], nil
	d.heap = d.heap[:last]
	for i := 0; ; {
		least := i
		for _, below := range [...]int{2*i + 1, 2*i + 2} {
			if below < last && d.heap[below].compare(d.heap[least]) < 0 {
				least = below
			}
		}
		if least == i {
			break
		}
		d.heap[i], d.heap[least] = d.heap[least], d.heap[i]
		i = least
	}
	out := *first
	*first = deadline{}
	d.free = append(d.free, first)
	return out
}

// clock takes note of a change's times. The watermark is so far behind the
// newest that what is older comes late. A time that is later than when it was
// read cannot move it.
func (e *Engine) clock(c *audit.Change) {
	e.eventClock, e.observedClock = max(e.eventClock, c.Time), max(e.observedClock, c.Observed)
	t := c.Time
	if c.Observed != 0 {
		t = min(t, c.Observed)
	}
	e.newest = max(e.newest, t)
	e.late = e.begun && c.Time < e.watermark
	if mark := t - e.lateness; mark > e.watermark || !e.begun {
		e.watermark, e.begun = mark, true
	}
}

// Advance says that the log was read up to t and that no change of before t is
// to come but late: what waited for that is decided. It returns the alerts that
// began or grew. It does nothing that the next change after t would not do, so
// a stream gives the same alerts with it or without, only sooner.
func (e *Engine) Advance(t audit.Time) []audit.Alert {
	if finite(float64(t)) == nil || e.begun && t <= e.watermark {
		return nil
	}
	e.watermark, e.begun, e.late = t, true, false
	return latest(e.decide(nil))
}

// Watermark is the time before which all changes have been seen, but for late
// ones. It is 0 before the first.
func (e *Engine) Watermark() audit.Time { return e.watermark }

// Newest is the newest time of a change, or 0: not later than when it was read.
func (e *Engine) Newest() audit.Time {
	if !e.begun {
		return 0
	}
	return e.newest
}

// Waits says that something waits for time to pass.
func (e *Engine) Waits() bool { return len(e.due.heap) > 0 }

// decide does all that the watermark has passed.
func (e *Engine) decide(alerts []audit.Alert) []audit.Alert {
	for len(e.due.heap) > 0 && e.due.heap[0].at < e.watermark {
		d := e.due.pop()
		switch {
		case d.g == nil:
			alerts = e.hear(d.r, d.heard, alerts)
		case !d.g.dropped:
			alerts = e.settle(d.r, d.g, d.time, alerts)
		}
		if d.g != nil {
			d.r.held.done(d.g)
		}
	}
	return alerts
}

// settle decides the group's entries of time t.
func (e *Engine) settle(r *ruleState, g *group, t audit.Time, alerts []audit.Alert) []audit.Alert {
	r.w.behind, r.w.watermark = e.late, e.watermark
	for i := from(g.entries, t); i < len(g.entries) && g.entries[i].time == t; i++ {
		if !g.entries[i].open {
			continue
		}
		g.entries[i].open = false
		g.altered(i)
		r.changed = true
		g.mark(r)
		r.w.touched = r.w.touched[:0]
		e.decideEntry(r, g, i)
		alerts = e.raise(r, g, alerts)
		if r.w.form == termsForm && !g.dropped { // the group remembers it without
			g.drop(i, i+1, &r.w)
			i--
		}
	}
	if r.w.form == termsForm && !g.dropped && len(g.entries) == 0 && len(g.alerts) == 0 {
		r.held.empty(g)
	}
	return alerts
}

// reopen has decided again what a late entry bears on.
func (e *Engine) reopen(r *ruleState, g *group, late *entry) {
	if r.w.form == absenceForm || r.w.form == termsForm {
		return
	}
	for i := from(g.entries, late.time); i < len(g.entries); i++ {
		n := &g.entries[i]
		if n.time > late.time+r.w.size {
			return
		}
		if !n.open && r.w.decides(n) {
			e.await(r, g, n)
			g.altered(i)
		}
	}
}

// due is when an entry is decided.
func (w *windowing) due(n *entry) audit.Time {
	if w.form == absenceForm {
		return n.time + w.size
	}
	return n.time
}

// decides says that something is to be decided when the watermark passes the
// entry, rather than that it only bears on what others decide.
func (w *windowing) decides(n *entry) bool {
	switch {
	case !w.waits:
		return false
	case w.form == sequenceForm:
		return n.steps&w.last != 0
	case w.form == absenceForm:
		return n.steps&1 != 0
	}
	return true
}

// await has an entry decided in time. What has passed already is decided by the
// decide that follows.
func (e *Engine) await(r *ruleState, g *group, n *entry) {
	n.open = true
	g.awaited++
	e.due.push(deadline{at: r.w.due(n), depth: r.depth, order: r.rank, seq: n.seq, r: r, g: g, time: n.time})
}

// decideEntry decides entry i of a group of a rule that waits.
func (e *Engine) decideEntry(r *ruleState, g *group, i int) {
	switch r.w.form {
	case sequenceForm:
		g.sequence(i, &r.w)
	case absenceForm:
		g.absence(i, &r.w)
	case termsForm:
		e.term(r, g, i)
	case riskForm:
		g.risk(i, &r.w)
	case fractionForm:
		e.fraction(r, g, i)
	case spikeForm:
		before := g.stretches()
		e.spike(r, g, i)
		r.held.spend((g.stretches() - before) * stretchBytes)
	}
}
