package ingest

import (
	"context"
	"maps"
	"math"
	"slices"

	"recourse/audit"
)

func (t *Tailer) scan(tb *table, server audit.Time, emit func(context.Context, *reading) error) *scan {
	now := t.o.Now()
	return &scan{
		source: t.o.Server, table: tb.table, primary: tb.primary, json: t.o.JSON,
		stamp: Stamp{
			Cluster: t.o.Cluster, Node: t.o.Node, Observed: audit.TimeOf(now),
			Lossy: t.o.JSON, UpdatedTime: tb.updated, PrimaryKey: tb.primary,
		},
		now: t.o.Now, server: server, deadline: now.Add(t.o.Deadline), holes: tb.memory.holes(),
		known: t.isKnown, stored: t.stored, ahead: tb.ahead, oneClock: tb.oneClock, emit: emit, most: t.o.MaxAnswer,
	}
}

func (t *Tailer) isKnown(ctx context.Context, id audit.ChangeID) (bool, error) {
	_, known, err := t.o.Store.Lookup(ctx, id)
	return known, err
}

// stored is a change as it is stored, and whether it is.
func (t *Tailer) stored(ctx context.Context, id audit.ChangeID) (audit.Change, bool, error) {
	seq, known, err := t.o.Store.Lookup(ctx, id)
	if err != nil || !known {
		return audit.Change{}, false, err
	}
	c, err := t.o.Store.Get(ctx, seq)
	return c, err == nil, err
}

// lookAhead finds, once, which stored changes a reading from a time on may not
// show although they are of a later time: those that were dated into the future.
func (t *Tailer) lookAhead(ctx context.Context, tb *table, from audit.Time) error {
	if tb.ahead != nil {
		maps.DeleteFunc(tb.ahead, func(_ audit.ID, at audit.Time) bool { return at < from })
		return nil
	}
	ahead := map[audit.ID]audit.Time{}
	if from > 0 {
		for c, err := range t.o.Store.TableChanges(ctx, tb.table, from, audit.Time(math.MaxFloat64)) {
			if err != nil {
				return err
			}
			if c.Cluster == t.o.Cluster && c.Op.Kind() != audit.KindMessage && !t.clock.behind(&c) {
				ahead[c.Key.ID] = max(ahead[c.Key.ID], c.Time)
			}
		}
	}
	tb.ahead = ahead
	return nil
}

// store stores the changes of a reading that are new, or say more than what is
// stored, and notes in shown what there was.
func (t *Tailer) store(ctx context.Context, tb *table, r *reading, shown *recent) (audit.Appended, error) {
	tb.events.improve(r.changes)
	fresh := make([]audit.Change, 0, len(r.changes))
	for i := range r.changes {
		c := &r.changes[i]
		shown.add(c)
		same := tb.recent.holds(c)
		if !same && c.After.Trust <= audit.Provisional && c.After.State != audit.Absent {
			// That a patch reads otherwise once its record has changed again is how
			// Harper is, and would make a divergence of every poll.
			known, err := t.isKnown(ctx, c.ID)
			if err != nil {
				return audit.Appended{}, err
			}
			same = known
		}
		if !same {
			fresh = append(fresh, *c)
		}
	}
	late, err := t.lateAlarm(ctx, tb, fresh)
	if err != nil {
		return audit.Appended{}, err
	}
	got, err := commit(ctx, t.o.Store, audit.Batch{Changes: fresh, Alerts: late})
	got.Known += len(r.changes) - len(fresh)
	if got.New > 0 && t.o.Stored != nil {
		t.o.Stored(ctx, tb.table, got)
	}
	return got, err
}

// lateAlarm is what is said of the late changes among these that are new.
func (t *Tailer) lateAlarm(ctx context.Context, tb *table, changes []audit.Change) ([]audit.Alert, error) {
	var late []audit.Change
	for i := range changes {
		if !changes[i].Late {
			continue
		}
		known, err := t.isKnown(ctx, changes[i].ID)
		if err != nil {
			return nil, err
		}
		if !known {
			late = append(late, changes[i])
		}
	}
	if len(late) == 0 {
		return nil, nil
	}
	return []audit.Alert{LateAlarm(t.o.Node, tb.table, late).Alert()}, nil
}

// hiding are the gaps that hide something.
func hiding(gaps []audit.Gap) []audit.Gap {
	return slices.DeleteFunc(slices.Clone(gaps), func(g audit.Gap) bool { return g.Healed != 0 })
}

// keep stores what is no change, and says so of the gaps that are new.
func (t *Tailer) keep(ctx context.Context, tb *table, b audit.Batch) (audit.Appended, error) {
	if len(b.Gaps)+len(b.Cursors)+len(b.Spans)+len(b.Slow)+len(b.Alerts)+len(b.Healed) == 0 {
		return audit.Appended{}, nil
	}
	for _, a := range GapAlarms(hiding(b.Gaps), tb.memory.gaps) {
		b.Alerts = append(b.Alerts, a.Alert())
	}
	for _, w := range b.Slow {
		b.Alerts = append(b.Alerts, SlowAlarm(w).Alert())
	}
	got, err := commit(ctx, t.o.Store, b)
	if err != nil {
		return got, err
	}
	got.Gaps = min(got.Gaps, t.tell(tb, hiding(b.Gaps)))
	tb.memory.remember(logMemory{gaps: b.Gaps, slow: b.Slow, spans: b.Spans})
	tb.memory.forget(b.Healed)
	return got, nil
}

// tell logs gaps, and says how many there are. That a log begins somewhere, and
// that it is switched off, is told elsewhere.
func (t *Tailer) tell(tb *table, gaps []audit.Gap) int {
	const some = 3 // an attack, or an odd component, makes hundreds
	n := 0
	var last audit.Gap
	for _, g := range gaps {
		if g.Kind == audit.GapBefore || g.Kind == audit.GapUnaudited {
			continue
		}
		if n++; n <= some {
			t.o.Log.Warn("gap in the audit log", "node", t.o.Node, "table", tb.name(), "kind", g.Kind, "from", g.From.ISO(), "to", g.To.ISO(), "reason", g.Reason)
		}
		last = g
	}
	if n > some {
		t.o.Log.Warn("more gaps in the audit log", "node", t.o.Node, "table", tb.name(), "more", n-some, "until", last.To.ISO())
	}
	return n
}

// A logMemory is what the store remembers of one table's log on this node.
type logMemory struct {
	gaps  []audit.Gap
	slow  []audit.SlowWindow
	spans []audit.Span
	read  bool // there was ever a span, be it doubted now
}

// load reads what is remembered, once.
func (t *Tailer) load(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.memory != nil {
		return nil
	}
	gaps, err := t.o.Store.Gaps(ctx)
	if err != nil {
		return err
	}
	slow, err := t.o.Store.SlowWindows(ctx)
	if err != nil {
		return err
	}
	spans, err := t.o.Store.Spans(ctx)
	if err != nil {
		return err
	}
	t.memory = map[audit.Table]logMemory{}
	for _, g := range gaps {
		if g.Node == t.o.Node {
			m := t.memory[g.Table]
			m.gaps = append(m.gaps, g)
			t.memory[g.Table] = m
		}
	}
	for _, s := range slow {
		if s.Node == t.o.Node {
			m := t.memory[s.Table]
			m.slow = append(m.slow, s)
			t.memory[s.Table] = m
		}
	}
	for _, s := range spans {
		if s.Node == t.o.Node {
			m := t.memory[s.Table]
			m.spans, m.read = append(m.spans, s), true
			t.memory[s.Table] = m
		}
	}
	return nil
}
