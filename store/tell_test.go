package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"recourse/audit"
)

// A desk is a store whose clock a test sets, with two sinks: loud takes what is high
// or worse, wide takes all and the states.
type desk struct {
	t   *testing.T
	db  *DB
	now time.Time
}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, now: time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)}
	db, err := Open(t.TempDir(), Options{Memory: 1, NoSync: true, Now: func() time.Time { return d.now }})
	d.must(err)
	d.db = db
	t.Cleanup(func() { d.must(db.Close()) })
	d.must(db.Deliver(t.Context(), []audit.Route{{Sink: "loud", MinSeverity: "high"}, {Sink: "wide", States: true}}, 0))
	return d
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) save(alerts ...audit.Alert) {
	d.t.Helper()
	for i := range alerts {
		alerts[i].State = audit.AlertOpen
	}
	d.must(d.db.SaveAlerts(d.t.Context(), alerts, nil, 0))
}

func (d *desk) alert(id string) audit.Alert {
	d.t.Helper()
	a, err := d.db.Alert(d.t.Context(), id)
	d.must(err)
	return a
}

func (d *desk) act(id string, e audit.AlertEvent) {
	d.t.Helper()
	_, err := d.db.Act(d.t.Context(), id, e)
	d.must(err)
}

// waiting are the deliveries to a sink in short, and are then taken away.
func (d *desk) waiting(sink string) string {
	d.t.Helper()
	all, err := d.db.Waiting(d.t.Context(), sink, 0, 0)
	d.must(err)
	var said []string
	var done []uint64
	for _, w := range all {
		said = append(said, fmt.Sprintf("%s %s %s %d", w.Key(), w.Notice, w.Alert.State, w.Alert.Count))
		done = append(done, w.Number)
	}
	d.must(d.db.Settle(d.t.Context(), sink, audit.Settlement{Done: done}))
	return strings.Join(said, "; ")
}

func (d *desk) want(sink, want string) {
	d.t.Helper()
	if got := d.waiting(sink); got != want {
		d.t.Errorf("%s is to be told\n%s\nwant\n%s", sink, got, want)
	}
}

// TestWhoIsTold: of a new alert, of its growth and of a higher severity each sink
// that wants it is told, in the order of what happened; of less, nobody.
func TestWhoIsTold(t *testing.T) {
	d := newDesk(t)
	d.save(audit.Alert{ID: "b", Severity: "high", Count: 3, RaisedSeq: 9}, audit.Alert{ID: "a", Severity: "low", Count: 2, RaisedSeq: 10})
	d.want("loud", "b-1 raised open 3")
	d.want("wide", "b-1 raised open 3; a-1 raised open 2")
	d.save(audit.Alert{ID: "b", Severity: "high", Count: 29}, audit.Alert{ID: "a", Severity: "low", Count: 19})
	d.want("wide", "")
	d.save(audit.Alert{ID: "b", Severity: "high", Count: 30}, audit.Alert{ID: "a", Severity: "high", Count: 19})
	d.want("loud", "a-2 severity open 19; b-2 grown open 30")
	d.want("wide", "a-2 severity open 19; b-2 grown open 30")
	d.save(audit.Alert{ID: "b", Severity: "high", Count: 59, Realert: 2})
	d.want("wide", "")
	d.save(audit.Alert{ID: "b", Severity: "high", Count: 60, Realert: 2})
	d.want("wide", "b-3 grown open 60")
	if d.alert("b").RaisedSeq != 9 {
		t.Error("it is forgotten when it was raised")
	}
	mustBeWhole(t, d.db)
}

// TestWhatPeopleDo: the history, the verdicts, and who hears of it.
func TestWhatPeopleDo(t *testing.T) {
	d := newDesk(t)
	d.save(audit.Alert{ID: "a", Rule: "r", Severity: "high", Count: 2, Changes: evidenceOf(1, 2)}, audit.Alert{ID: "b", Rule: "r", Severity: "high", Count: 1})
	d.waiting("wide")
	d.act("a", audit.AlertEvent{Action: audit.ActionAcknowledged, By: "ann"})
	d.act("a", audit.AlertEvent{Action: audit.ActionAssigned, By: "ann", Assignee: "bob"})
	d.act("a", audit.AlertEvent{Action: audit.ActionNoted, By: "bob", Note: "looked"})
	d.now = d.now.Add(time.Minute)
	d.act("a", audit.AlertEvent{Action: audit.ActionResolved, By: "bob", Verdict: audit.VerdictBenign})
	d.act("b", audit.AlertEvent{Action: audit.ActionResolved, By: "bob", Verdict: audit.VerdictDuplicate, DuplicateOf: "a"})
	d.want("wide", "a-2 state acknowledged 2; a-3 state closed 2; b-2 state closed 1")
	d.want("loud", "a-1 raised open 2; b-1 raised open 1")
	h, err := d.db.AlertHistory(t.Context(), "a")
	d.must(err)
	var said []string
	for _, e := range h {
		said = append(said, fmt.Sprint(e.Number, e.Action, e.By, e.Note, e.Assignee, e.Verdict))
	}
	if len(h) != 4 || h[3].At != audit.TimeOf(d.now) || h[1].Assignee != "bob" || h[3].Verdict != audit.VerdictBenign {
		t.Errorf("history: %q", said)
	}
	if a := d.alert("a"); len(a.Changes) != 2 || a.Assignee != "bob" || a.State != audit.AlertClosed {
		t.Errorf("got %+v", a)
	}
	tallies, err := d.db.Tallies(t.Context())
	if got := tallies["r"]; got.Benign != 1 || got.Duplicates != 1 || err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	for id, e := range map[string]audit.AlertEvent{
		"a":    {Action: audit.ActionAcknowledged},
		"b":    {Action: audit.ActionResolved, Verdict: audit.VerdictTrue},
		"none": {Action: audit.ActionNoted, Note: "x"},
	} {
		if _, err := d.db.Act(t.Context(), id, e); err == nil {
			t.Errorf("%s of %s was possible", e.Action, id)
		}
	}
	d.act("a", audit.AlertEvent{Action: audit.ActionReopened})
	circle := audit.AlertEvent{Action: audit.ActionResolved, Verdict: audit.VerdictDuplicate, DuplicateOf: "b"}
	if _, err := d.db.Act(t.Context(), "a", circle); err == nil || !strings.Contains(err.Error(), "duplicate of this one") {
		t.Errorf("two alerts are duplicates of one another: %v", err)
	}
	circle.DuplicateOf = "none"
	if _, err := d.db.Act(t.Context(), "a", circle); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
	mustBeWhole(t, d.db)
}

// TestGrownWhenClosed: an alert that grows much after it was closed is open again,
// but not a duplicate.
func TestGrownWhenClosed(t *testing.T) {
	d := newDesk(t)
	d.save(audit.Alert{ID: "a", Severity: "high", Count: 2}, audit.Alert{ID: "b", Severity: "high", Count: 2})
	d.act("a", audit.AlertEvent{Action: audit.ActionResolved, Verdict: audit.VerdictFalse})
	d.act("b", audit.AlertEvent{Action: audit.ActionResolved, Verdict: audit.VerdictDuplicate, DuplicateOf: "a"})
	d.waiting("wide")
	d.save(audit.Alert{ID: "a", Severity: "high", Count: 19}, audit.Alert{ID: "b", Severity: "high", Count: 19})
	if a := d.alert("a"); a.State != audit.AlertClosed || a.Verdict != audit.VerdictFalse {
		t.Errorf("a little more opened it: %+v", a)
	}
	d.save(audit.Alert{ID: "a", Severity: "high", Count: 20}, audit.Alert{ID: "b", Severity: "high", Count: 20})
	d.want("wide", "a-3 grown open 20")
	a, b := d.alert("a"), d.alert("b")
	if a.State != audit.AlertOpen || a.Verdict != "" || b.State != audit.AlertClosed {
		t.Errorf("got %+v and %+v", a, b)
	}
	h, err := d.db.AlertHistory(t.Context(), "a")
	if err != nil || len(h) != 2 || h[1].Action != audit.ActionReopened || h[1].By != "" || !strings.Contains(h[1].Note, "20") {
		t.Errorf("history: %+v, %v", h, err)
	}
}

// TestSilence: what a silence matches is recorded and counted, and nobody is told
// of it until the silence ends.
func TestSilence(t *testing.T) {
	ctx := context.Background()
	d := newDesk(t)
	s, err := d.db.AddSilence(ctx, audit.Silence{By: "ann", Reason: "load test", Expires: audit.TimeOf(d.now.Add(time.Hour)),
		Match: audit.SilenceMatch{Group: map[string][]string{"user": {"etl-*"}}}})
	d.must(err)
	etl := audit.Alert{ID: "a", Rule: "r", Severity: "high", Count: 2, Group: map[string]string{"user": "etl-1"}}
	d.save(etl, audit.Alert{ID: "b", Severity: "high", Count: 1, Group: map[string]string{"user": "eve"}})
	d.want("wide", "b-1 raised open 1")
	if a := d.alert("a"); a.Muted != audit.MutedSilence || a.MutedBy != s.ID || a.Withheld != 1 {
		t.Errorf("got %+v", a)
	}
	etl.Count = 20
	d.save(etl)
	if a := d.alert("a"); a.Withheld != 2 {
		t.Errorf("got %+v", a)
	}
	d.act("a", audit.AlertEvent{Action: audit.ActionAcknowledged})
	d.want("wide", "")
	d.now = d.now.Add(time.Hour)
	d.save(etl) // nothing happened
	d.want("wide", "")
	etl.Count = 21
	d.save(etl)
	d.want("wide", "a-1 raised acknowledged 21")
	all, err := d.db.Silences(ctx)
	if err != nil || len(all) != 1 || all[0].Matched != 1 {
		t.Errorf("got %+v, %v", all, err)
	}
	comment := func(s *audit.Silence) error {
		s.Ended, s.Log = audit.TimeOf(d.now), append(s.Log, audit.SilenceComment{At: 1.5, By: "bob", Text: "over"})
		return nil
	}
	_, err = d.db.UpdateSilence(ctx, s.ID, comment)
	d.must(err)
	all, err = d.db.Silences(ctx)
	if err != nil || all[0].Log[0].Text != "over" || all[0].Ended == 0 || all[0].Match.Group["user"][0] != "etl-*" {
		t.Errorf("got %+v, %v", all, err)
	}
	if _, err := d.db.AddSilence(ctx, audit.Silence{Reason: "all"}); err == nil {
		t.Error("a silence of everything is taken")
	}
	if _, err := d.db.UpdateSilence(ctx, "none", comment); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
	mustBeWhole(t, d.db)
}
