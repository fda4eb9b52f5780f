package store

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"recourse/audit"
)

func TestAlerts(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	a := audit.Alert{ID: "b", Rule: "r", RuleName: "Rule", Severity: "high", Risk: 70, Attack: []string{"T1485"}, State: audit.AlertOpen,
		Title: "x\xff", Group: map[string]string{"user": "eve", "table": "\x00"}, FirstSeq: 4, LastSeq: 9, FirstTime: 1.5, LastTime: audit.Time(math.Inf(1)),
		Count: 2, Changes: []audit.Evidence{{Seq: 4, Database: "shop", Table: "t", Key: `"k"`, Time: -1.5}, {Seq: 9}}, Unknown: true, Late: true, Suppressed: 4,
		Folded: audit.SeqsOf(11, 300), Experimental: true, Inhibits: []string{"x"}, Dedupe: 1.5, Realert: 2.5, GroupBy: []string{"user"}, Alerts: []string{"b"}, MergedInto: "c", Runbook: "look", RaisedSeq: 9,
		Assignee: "ann", Verdict: audit.VerdictDuplicate, DuplicateOf: "a", Muted: audit.MutedExperimental, MutedBy: "q", Withheld: 1, Repeats: 3, RepeatedChanges: 40}
	given := a
	given.Stored = 1 // what the store gives has none
	noZero(t, given)
	b := audit.Alert{ID: "a", FirstSeq: 5, State: audit.AlertOpen}
	if err := db.SaveAlerts(ctx, []audit.Alert{b, a}, map[string][]byte{"one": {1}, "two": {}, "three": make([]byte, 3<<20)}, 9); err != nil {
		t.Fatal(err)
	}
	a.State, a.DuplicateOf, a.Muted, a.MutedBy, a.Withheld = audit.AlertClosed, "c", audit.MutedMerged, "c", 2 // it is part of another
	got, err := db.Alerts(ctx)
	if diff := cmp.Diff([]audit.Alert{a, b}, got); diff != "" || err != nil {
		t.Fatalf("%v %s", err, diff)
	}
	if seq, err := db.Progress(ctx, "rules"); seq != 9 || err != nil {
		t.Errorf("progress %d, %v", seq, err)
	}
	ack := func(a *audit.Alert) error { a.State = audit.AlertAcked; return nil }
	if err := db.UpdateAlert(ctx, "b", ack); err != nil {
		t.Fatal(err)
	}
	a.Count = 3
	if err := db.SaveAlerts(ctx, []audit.Alert{a}, map[string][]byte{"one": nil, "two": {2}}, 10); err != nil {
		t.Fatal(err)
	}
	if got, err := db.Alert(ctx, "b"); err != nil || got.Count != 3 || got.State != audit.AlertAcked {
		t.Errorf("after another match: %+v, %v", got, err)
	}
	state, err := db.RuleState(ctx)
	if err != nil || len(state) != 2 || string(state["two"]) != "\x02" || len(state["three"]) != 3<<20 {
		t.Errorf("state has %d parts, %v", len(state), err)
	}
	refuse := errors.New("no")
	if err := db.UpdateAlert(ctx, "b", func(a *audit.Alert) error { a.Count = 99; return refuse }); !errors.Is(err, refuse) {
		t.Errorf("got %v", err)
	}
	if err := db.UpdateAlert(ctx, "b", func(a *audit.Alert) error { a.ID = "c"; return nil }); err == nil {
		t.Error("an alert got another id")
	}
	if got, err := db.Alert(ctx, "b"); err != nil || got.Count != 3 {
		t.Errorf("after refusals: %+v, %v", got, err)
	}
	if _, err := db.Alert(ctx, "none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if err := db.UpdateAlert(ctx, "none", ack); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// TestJoinedAlerts: an alert of a batch is put together with the stored one; what
// people made of that stands.
func TestJoinedAlerts(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	evidence := func(from, to int) (all []audit.Evidence) {
		for i := from; i < to; i++ {
			all = append(all, audit.Evidence{Seq: audit.Seq(i), Key: "1"})
		}
		return all
	}
	put := func(a audit.Alert) audit.Alert {
		t.Helper()
		if _, err := db.Append(ctx, audit.Batch{Alerts: []audit.Alert{a}}); err != nil {
			t.Fatal(err)
		}
		got, err := db.Alert(ctx, a.ID)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	a := audit.Alert{ID: "a", Rule: "ingest.purge", Title: "purged", FirstSeq: 5, LastSeq: 9, FirstTime: 50, LastTime: 90, Count: 5, Changes: evidence(5, 10)}
	want := a
	want.State = audit.AlertOpen
	for range 2 { // storing it again changes nothing
		if diff := cmp.Diff(want, put(a)); diff != "" {
			t.Error(diff)
		}
	}
	if err := db.UpdateAlert(ctx, "a", func(a *audit.Alert) error { a.State = audit.AlertAcked; return nil }); err != nil {
		t.Fatal(err)
	}
	b := audit.Alert{ID: "a", Rule: "ingest.purge", Title: "purged again", State: audit.AlertOpen, FirstSeq: 8, LastSeq: 1100, FirstTime: 80, LastTime: 95, Count: 3,
		Changes: evidence(8, 1100), Late: true, Unknown: true}
	want = audit.Alert{ID: "a", Rule: "ingest.purge", Title: "purged again", State: audit.AlertAcked, FirstSeq: 5, LastSeq: 1100, FirstTime: 50, LastTime: 95, Count: 5,
		Changes: evidence(5, 1005), Late: true, Unknown: true, Suppressed: 95, Folded: audit.SeqsOf(numbers(1005, 1100)...)}
	for range 2 {
		if diff := cmp.Diff(want, put(b)); diff != "" {
			t.Error(diff)
		}
	}
	none := audit.Alert{ID: "n", State: audit.AlertOpen, Changes: []audit.Evidence{{Key: "1"}, {Key: "2"}, {Key: "1"}}, FirstTime: 7, LastTime: 6, Count: 2}
	put(none)
	none.LastTime, none.Count = 9, 4
	want = none
	want.Changes = none.Changes[:2]
	if diff := cmp.Diff(want, put(none)); diff != "" {
		t.Error(diff)
	}
	mustBeWhole(t, db)
}
