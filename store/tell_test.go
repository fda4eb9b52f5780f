package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// TestInhibited: an alert explains those of the rules that it names, on the same
// entity and at the same time.
func TestInhibited(t *testing.T) {
	const hour = 3_600_000
	eve := map[string]string{"user": "eve", "table": "shop.orders"}
	wiped := audit.Alert{ID: "wiped", Rule: "table-wiped", Severity: "critical", Count: 1, Group: map[string]string{"table": "shop.orders"},
		Inhibits: []string{"mass-delete", "drip"}, FirstTime: hour, LastTime: 2 * hour, RaisedSeq: 50}
	mass := audit.Alert{ID: "mass", Rule: "mass-delete", Severity: "high", Count: 1, Group: eve, FirstTime: 2 * hour, LastTime: 2 * hour, RaisedSeq: 50}
	for name, c := range map[string]struct {
		edit func(wiped, mass *audit.Alert)
		want bool
	}{
		"same":    {func(_, _ *audit.Alert) {}, true},
		"rule":    {func(_, m *audit.Alert) { m.Rule = "other" }, false},
		"table":   {func(w, _ *audit.Alert) { w.Group = map[string]string{"table": "shop.items"} }, false},
		"nothing": {func(w, _ *audit.Alert) { w.Group = map[string]string{"db": "shop"} }, false},
		"op": {func(w, m *audit.Alert) {
			w.Group, m.Group = map[string]string{"op": "delete"}, map[string]string{"op": "delete"}
		}, false},
		"before":  {func(_, m *audit.Alert) { m.RaisedSeq = 49 }, false},
		"unknown": {func(_, m *audit.Alert) { m.RaisedSeq = 0 }, true},
		"later":   {func(_, m *audit.Alert) { m.FirstTime, m.LastTime = 3*hour+1, 4*hour }, false},
		"earlier": {func(_, m *audit.Alert) { m.FirstTime, m.LastTime = -1, -1 }, false},
		"shadow":  {func(w, _ *audit.Alert) { w.Experimental = true }, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			w, m := wiped, mass
			c.edit(&w, &m)
			d.save(m, w)
			a := d.alert("mass")
			if got := a.Muted == audit.MutedInhibited; got != c.want || got && a.MutedBy != "wiped" {
				t.Errorf("got %+v", a)
			}
			mustBeWhole(t, d.db)
		})
	}
	// One that repeats another is told of through that.
	d := newDesk(t)
	first := wiped
	first.ID, first.Group, first.RaisedSeq = "first", map[string]string{"table": "shop.items"}, 40
	first.Dedupe, first.GroupBy = 10*hour, []string{}
	again := wiped
	again.Dedupe, again.GroupBy = first.Dedupe, first.GroupBy
	d.save(first, again, mass)
	if w, a := d.alert("wiped"), d.alert("mass"); w.Muted != audit.MutedRepeat || a.Muted != audit.MutedInhibited || a.MutedBy != "wiped" {
		t.Errorf("got %+v and %+v", w, a)
	}
	mustBeWhole(t, d.db)
	d = newDesk(t)
	d.save(wiped)
	d.act("wiped", audit.AlertEvent{Action: audit.ActionResolved, Verdict: audit.VerdictTrue})
	d.save(mass)
	if a := d.alert("mass"); a.Muted != "" {
		t.Errorf("a closed alert inhibits: %+v", a)
	}
}

// TestRepeats: an alert of the same rule and group within the rule's time is counted
// with the first one, which is told again when that makes it so much more.
func TestRepeats(t *testing.T) {
	d := newDesk(t)
	one := func(id string, at audit.Time, count int) audit.Alert {
		return audit.Alert{ID: id, Rule: "r", Severity: "high", Group: map[string]string{"user": "eve"}, FirstTime: at, LastTime: at, Count: count, Dedupe: 100,
			RaisedSeq: audit.Seq(at)}
	}
	d.save(one("a", 1000, 5), one("b", 1100, 5))
	d.want("wide", "a-1 raised open 5")
	if b := d.alert("b"); b.Muted != audit.MutedRepeat || b.MutedBy != "a" || b.Withheld != 1 {
		t.Errorf("got %+v", b)
	}
	d.save(one("b", 1100, 10), one("c", 1200, 34)) // since b, not since a
	if a := d.alert("a"); a.Repeats != 2 || a.RepeatedChanges != 44 {
		t.Errorf("got %+v", a)
	}
	d.want("wide", "")
	d.save(one("c", 1200, 35)) // 5 + 10 + 35 are ten times 5
	d.want("wide", "a-2 grown open 5")
	d.save(one("d", 1301, 1))
	d.want("wide", "d-1 raised open 1")
	other := one("e", 1302, 1)
	other.Group = map[string]string{"user": "ann"}
	d.save(other)
	d.want("wide", "e-1 raised open 1")
	d.act("d", audit.AlertEvent{Action: audit.ActionResolved, Verdict: audit.VerdictTrue})
	d.waiting("wide")
	d.save(one("f", 1303, 1))
	d.want("wide", "f-1 raised open 1")
	mustBeWhole(t, d.db)
}

// TestNobodyIsTold: without sinks alerts are stored alone; what happens to them
// later is told as it is then.
func TestNobodyIsTold(t *testing.T) {
	d := newDesk(t)
	d.must(d.db.Deliver(t.Context(), nil, 0))
	d.save(audit.Alert{ID: "a", Severity: "high", Count: 2}, audit.Alert{ID: "x", Severity: "high", Count: 2, Experimental: true})
	d.must(d.db.Deliver(t.Context(), []audit.Route{{Sink: "wide"}}, 0))
	d.want("wide", "")
	d.save(audit.Alert{ID: "a", Severity: "high", Count: 19}, audit.Alert{ID: "x", Severity: "high", Count: 20, Experimental: true})
	d.want("wide", "")
	d.save(audit.Alert{ID: "a", Severity: "high", Count: 20})
	d.want("wide", "a-2 grown open 20")
	if x := d.alert("x"); x.Muted != audit.MutedExperimental || x.Withheld != 2 {
		t.Errorf("got %+v", x)
	}
}

// TestAlertsOfIngest: who is to be told of what the ingestor finds is told of it.
func TestAlertsOfIngest(t *testing.T) {
	d := newDesk(t)
	for _, count := range []int{1, 1, 2, 11} {
		_, err := d.db.Append(t.Context(), audit.Batch{Alerts: []audit.Alert{{ID: "log", Rule: "log-purged", Severity: "critical", Count: count}}})
		d.must(err)
	}
	d.want("loud", "log-1 raised open 1; log-2 grown open 11")
}

// TestFolded: an alert on very many changes keeps the number of each, and little of
// it is written again when it grows.
func TestFolded(t *testing.T) {
	d := newDesk(t)
	a := audit.Alert{ID: "a", Rule: "r", State: audit.AlertOpen, Severity: "low", Changes: evidenceOf(1, 2, 3)}
	for q := audit.Seq(4); q < 60_000; q += 2 {
		a.Folded.Add(q)
	}
	a.Count = 3 + a.Folded.Len()
	d.save(a)
	parts := partsIn(t, d.db)
	a.Folded.Add(70_000)
	d.save(a)
	got := d.alert("a")
	if !got.Folded.Equal(a.Folded) || partsIn(t, d.db) != parts || parts != 29_998/foldedSize {
		t.Errorf("%d folded, %d parts and then %d", got.Folded.Len(), parts, partsIn(t, d.db))
	}
	want := append([]audit.Seq{1, 2, 3}, slices.Collect(a.Folded.All())...)
	if got := hitsOf(t, d.db, "r"); !slices.Equal(got, want) {
		t.Errorf("%d changes are found by the rule, want %d", len(got), len(want))
	}
	a.Folded = audit.SeqsOf(5)
	d.save(a)
	if got := d.alert("a"); !got.Folded.Equal(a.Folded) || partsIn(t, d.db) != 0 {
		t.Errorf("%d folded, %d parts", got.Folded.Len(), partsIn(t, d.db))
	}
	mustBeWhole(t, d.db)
}

// TestMerged: an alert that became part of another is closed, and who heard of it
// hears that.
func TestMerged(t *testing.T) {
	d := newDesk(t)
	d.save(audit.Alert{ID: "a", Severity: "high", Count: 2, RaisedSeq: 1}, audit.Alert{ID: "b", Severity: "high", Count: 3, RaisedSeq: 2})
	d.waiting("wide")
	for range 2 {
		d.save(audit.Alert{ID: "a", Severity: "high", Count: 5}, audit.Alert{ID: "b", Severity: "high", Count: 3, MergedInto: "a"}, audit.Alert{ID: "c", Severity: "high", Count: 1, MergedInto: "a", RaisedSeq: 3})
	}
	d.want("wide", "b-2 state closed 3")
	b, c := d.alert("b"), d.alert("c")
	if b.Muted != audit.MutedMerged || b.Verdict != audit.VerdictDuplicate || b.DuplicateOf != "a" || c.State != audit.AlertClosed || c.Withheld != 1 {
		t.Errorf("got %+v and %+v", b, c)
	}
	h, err := d.db.AlertHistory(t.Context(), "b")
	if err != nil || len(h) != 1 {
		t.Errorf("history: %+v, %v", h, err)
	}
	mustBeWhole(t, d.db)
}

// TestRepeatsInSomeFields: a rule says in which fields a repetition is alike.
func TestRepeatsInSomeFields(t *testing.T) {
	d := newDesk(t)
	one := func(id, table string) audit.Alert {
		return audit.Alert{ID: id, Rule: "r", Severity: "high", Group: map[string]string{"user": "eve", "table": table}, Count: 1, Dedupe: 100, GroupBy: []string{"user"}}
	}
	d.save(one("a", "x"))
	d.save(one("b", "y"))
	d.want("wide", "a-1 raised open 1")
	mustBeWhole(t, d.db)
}
