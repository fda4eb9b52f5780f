package store

import (
	"context"
	"errors"
	"testing"

	"recourse/audit"
)

// TestSinkThatIsNoMore: what was given up of a sink, and what waits for one that is no
// more, can be told another, in its order and with its keys, or be forgotten.
func TestSinkThatIsNoMore(t *testing.T) {
	ctx := context.Background()
	d := newDesk(t)
	fill := func(ids ...string) {
		t.Helper()
		d.must(d.db.Deliver(ctx, []audit.Route{{Sink: "old"}, {Sink: "new", MinSeverity: "high"}}, 2))
		for _, id := range ids {
			d.save(audit.Alert{ID: id, Severity: "low", Count: 1})
		}
	}
	fill("a", "b", "c") // the third is too many
	if n, err := d.db.Reroute(ctx, "old", "none", "ann"); n != 0 || !errors.Is(err, ErrNotFound) {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := d.db.Reroute(ctx, "old", "old", "ann"); n != 0 || !errors.Is(err, ErrNotFound) {
		t.Errorf("%d, %v", n, err)
	}
	// While there is the sink, what waits for it is its own.
	if n, err := d.db.Reroute(ctx, "old", "new", "ann"); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	d.must(d.db.Deliver(ctx, []audit.Route{{Sink: "new"}}, 0))
	if n, err := d.db.Reroute(ctx, "old", "new", "ann"); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	d.want("new", "a-1 raised open 1; b-1 raised open 1; c-1 raised open 1")
	if h, err := d.db.AlertHistory(ctx, "a"); err != nil || len(h) != 1 || h[0].Action != audit.ActionRedelivered || h[0].By != "ann" || h[0].Note != "old → new" {
		t.Errorf("history: %+v, %v", h, err)
	}
	if states, err := d.db.SinkStates(ctx); err != nil || len(states) != 0 {
		t.Errorf("%+v, %v", states, err)
	}

	fill("d", "e", "f")
	if n, err := d.db.Drop(ctx, "old", "ann"); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	d.must(d.db.Deliver(ctx, nil, 0))
	if n, err := d.db.Drop(ctx, "old", "ann"); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := d.db.Drop(ctx, "old", "ann"); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if h, err := d.db.AlertHistory(ctx, "f"); err != nil || len(h) != 2 || h[1].Action != audit.ActionDropped || h[1].By != "ann" || h[1].Note != "old" {
		t.Errorf("history: %+v, %v", h, err)
	}
	if states, err := d.db.SinkStates(ctx); err != nil || len(states) != 0 {
		t.Errorf("%+v, %v", states, err)
	}
	mustBeWhole(t, d.db)
}

// TestRepeatsDoNotWait: what a sink has taken, and is to be told again as it forgets,
// is none of those that wait.
func TestRepeatsDoNotWait(t *testing.T) {
	ctx := context.Background()
	d := newDesk(t)
	d.must(d.db.Deliver(ctx, []audit.Route{{Sink: "am"}}, 2))
	for _, id := range []string{"a", "b", "c", "d"} {
		d.save(audit.Alert{ID: id, Severity: "low", Count: 1})
		all, err := d.db.Waiting(ctx, "am", 0, 0)
		d.must(err)
		var s audit.Settlement
		for _, x := range all {
			x.Sent = audit.TimeOf(d.now)
			s.Later = append(s.Later, x)
		}
		d.must(d.db.Settle(ctx, "am", s))
	}
	for _, id := range []string{"e", "f", "g"} {
		d.save(audit.Alert{ID: id, Severity: "low", Count: 1})
	}
	states, err := d.db.SinkStates(ctx)
	if err != nil || len(states) != 1 || states[0].Repeats != 4 || states[0].Waiting != 2 || states[0].Dead != 1 {
		t.Errorf("%+v, %v", states, err)
	}
	// Those that were taken are no news to another sink.
	d.must(d.db.Deliver(ctx, []audit.Route{{Sink: "new"}}, 0))
	if n, err := d.db.Reroute(ctx, "am", "new", "ann"); n != 3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	d.want("new", "e-1 raised open 1; f-1 raised open 1; g-1 raised open 1")
}
