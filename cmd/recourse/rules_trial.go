package main

import (
	"context"
	"time"

	"recourse/audit"
	"recourse/rules"
)

// A trial is a set of rules that judges the stored changes once more, in a state of
// its own, of which nothing is kept.
type trial struct {
	set    *rules.Set
	engine *rules.Engine
	alerts map[string]audit.Alert
	order  []string // ids, as they were raised
}

// A stretch is what of the stored changes a trial is about.
type stretch struct {
	from, to audit.Time    // changes outside are judged, as windows reach back, and not counted
	warm     time.Duration // how long before from the judging begins; 0: with the first change stored
	timed    int           // one in so many changes is timed
}

// A judged says what went into trials.
type judged struct {
	Changes     uint64 // that were judged
	Counted     uint64 // of them, of the stretch
	First, Last audit.Time
	Took        time.Duration
}

// try has sets of rules judge the stored changes, all in one pass. It writes
// nothing.
func (w *workspace) try(ctx context.Context, s stretch, sets ...*rules.Set) ([]*trial, judged, error) {
	var did judged
	var err error
	if w.own, err = w.store.Own(ctx); err != nil {
		return nil, did, err
	}
	if w.counted, err = w.countedRows(ctx); err != nil {
		return nil, did, err
	}
	opts := w.rulesOptions()
	begin := time.Now()
	opts.Clock, opts.Timed = func() time.Duration { return time.Since(begin) }, s.timed
	var trials []*trial
	for _, set := range sets {
		trials = append(trials, &trial{set: set, engine: rules.NewEngine(set, opts), alerts: map[string]audit.Alert{}})
	}
	earliest := audit.Time(0)
	if s.warm > 0 {
		earliest = s.from - audit.Time(s.warm.Milliseconds())
	}
	var newest audit.Time
	var c audit.Change // one for all, as engines keep none
	for next, err := range w.store.Follow(ctx, 0) {
		if err != nil {
			return nil, did, err
		}
		if next.Observed == 0 || next.Time <= next.Observed { // no forged time moves it
			newest = max(newest, next.Time)
		}
		if next.Time < earliest || next.Time >= s.to {
			continue
		}
		c = next
		did.count(&c, s)
		for _, t := range trials {
			if err := t.judge(&c); err != nil {
				return nil, did, err
			}
		}
	}
	until, err := w.readUntil(ctx, newest)
	if err != nil {
		return nil, did, err
	}
	for _, t := range trials { // what waits is decided as far as the log was read
		t.take(t.engine.Advance(min(until, s.to)))
	}
	did.Took = time.Since(begin)
	return trials, did, nil
}

func (d *judged) count(c *audit.Change, s stretch) {
	d.Changes++
	if c.Time < s.from {
		return
	}
	if d.Counted++; d.Counted == 1 || c.Time < d.First {
		d.First = c.Time
	}
	d.Last = max(d.Last, c.Time)
}

// days is how long the stretch is of which there are changes, one day at least: of less
// nothing can be said by the day.
func (d *judged) days() float64 {
	const day = 86_400_000
	return max(float64(d.Last-d.First)/day, 1)
}

func (t *trial) judge(c *audit.Change) error {
	alerts, err := t.engine.Eval(c)
	t.take(alerts)
	return err
}

func (t *trial) take(alerts []audit.Alert) {
	for _, a := range alerts {
		if _, known := t.alerts[a.ID]; !known {
			t.order = append(t.order, a.ID)
		}
		t.alerts[a.ID] = a
	}
}

// raised are the alerts of a stretch: those that went on in it.
func (t *trial) raised(s stretch) []audit.Alert {
	var out []audit.Alert
	for _, id := range t.order {
		if a := t.alerts[id]; a.LastTime >= s.from && a.MergedInto == "" {
			out = append(out, a)
		}
	}
	return out
}
