package store

import (
	"slices"
	"testing"

	"recourse/audit"
)

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
