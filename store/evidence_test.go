package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/google/go-cmp/cmp"

	"recourse/audit"
)

// evidenceOf is evidence with these numbers.
func evidenceOf(seqs ...audit.Seq) []audit.Evidence {
	var all []audit.Evidence
	for _, s := range seqs {
		all = append(all, audit.Evidence{Seq: s, Database: "shop", Table: "t", Key: audit.ID(fmt.Sprint(s)), Time: audit.Time(s) / 3})
	}
	return all
}

func numbers(from, to audit.Seq) []audit.Seq {
	var all []audit.Seq
	for s := from; s < to; s++ {
		all = append(all, s)
	}
	return all
}

// hitsOf are the numbers of the changes that are evidence for a rule.
func hitsOf(t *testing.T, db *DB, rule string) []audit.Seq {
	t.Helper()
	var all []audit.Seq
	err := db.view(context.Background(), func(r *reader) error {
		l := db.sums.layout
		for chunk := range 3 {
			b, _, err := readHits(r.txn, l, rule, chunk)
			if err != nil {
				return err
			}
			for _, offset := range b.ToArray() {
				all = append(all, l.first(chunk)+audit.Seq(offset))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func partsIn(t *testing.T, db *DB) int {
	t.Helper()
	n := 0
	err := db.badger.View(func(txn *badger.Txn) error {
		return scan(txn, []byte{byte(kindPart)}, func(_, _ []byte) error { n++; return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestEvidenceGrows: evidence of any length comes back however it grew, whole
// pieces of it are written once, and each change is entered with its rule.
func TestEvidenceGrows(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	const rule = "r"
	a := audit.Alert{ID: "a", Rule: rule, State: audit.AlertOpen}
	var inOrder []audit.Seq
	for _, seqs := range [][]audit.Seq{
		numbers(1, 10), numbers(1, 300), append([]audit.Seq{0}, numbers(2, 65_800)...), // 0 is no change
		append([]audit.Seq{0}, numbers(1, 66_000)...), numbers(500, 505), nil,
	} {
		a.Changes, a.Count = evidenceOf(seqs...), len(seqs)
		if err := db.SaveAlerts(ctx, []audit.Alert{a}, nil, 0); err != nil {
			t.Fatal(err)
		}
		got, err := db.Alert(ctx, "a")
		if diff := cmp.Diff(a, got); diff != "" || err != nil {
			t.Fatalf("%v %.2000s", err, diff)
		}
		if n := partsIn(t, db); n != len(seqs)/pieceSize {
			t.Errorf("%d parts of %d changes", n, len(seqs))
		}
		inOrder = slices.Compact(slices.Sorted(slices.Values(append(inOrder, seqs...))))
		if inOrder[0] == 0 {
			inOrder = inOrder[1:]
		}
		if diff := cmp.Diff(inOrder, hitsOf(t, db, rule)); diff != "" {
			t.Fatalf("hits: %.2000s", diff)
		}
	}
	mustBeWhole(t, db)
}

// TestEvidenceGoesOn: an alert that goes on after what is stored of it is as one that
// is given whole, and one that goes on after more than that is refused.
func TestEvidenceGoesOn(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	all := evidenceOf(numbers(1, 2000)...)
	n := 0
	for _, next := range []struct{ from, to int }{{0, 10}, {10, 11}, {3, 300}, {300, 300}, {256, 1025}, {1020, 1200}, {100, 700}, {0, 650}, {650, 1999}} {
		a := audit.Alert{ID: "a", Rule: "r", State: audit.AlertOpen, Count: next.to, Stored: next.from, Changes: all[next.from:next.to]}
		if err := db.SaveAlerts(ctx, []audit.Alert{a}, nil, 0); err != nil {
			t.Fatal(err)
		}
		a.Stored, a.Changes = 0, all[:next.to]
		got, err := db.Alert(ctx, "a")
		if diff := cmp.Diff(a, got); diff != "" || err != nil {
			t.Fatalf("%v: %v %.2000s", next, err, diff)
		}
		if parts := partsIn(t, db); parts != next.to/pieceSize {
			t.Errorf("%v: %d parts", next, parts)
		}
		n = max(n, next.to)
		if diff := cmp.Diff(numbers(1, audit.Seq(n+1)), hitsOf(t, db, "r")); diff != "" {
			t.Fatalf("hits: %.2000s", diff)
		}
	}
	if err := db.SaveAlerts(ctx, []audit.Alert{{ID: "a", Rule: "r", Stored: 2000, Changes: all[:1]}}, nil, 0); !errors.Is(err, ErrCorrupt) {
		t.Errorf("got %v", err)
	}
	mustBeWhole(t, db)
}

// TestEvidenceOfIngest: evidence that a batch brings is found by its rule too, and
// stays when people change the alert.
func TestEvidenceOfIngest(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	a := audit.Alert{ID: "a", Rule: "ingest.purge", Changes: evidenceOf(append([]audit.Seq{0}, numbers(1, 600)...)...)}
	b := a
	b.Changes = evidenceOf(numbers(590, 700)...)
	for _, a := range []audit.Alert{a, b, a} {
		if _, err := db.Append(ctx, audit.Batch{Alerts: []audit.Alert{a}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.UpdateAlert(ctx, "a", func(a *audit.Alert) error { a.State = audit.AlertClosed; return nil }); err != nil {
		t.Fatal(err)
	}
	got, err := db.Alert(ctx, "a")
	if err != nil || got.State != audit.AlertClosed || len(got.Changes) != 700 {
		t.Errorf("%d changes, %v", len(got.Changes), err)
	}
	if diff := cmp.Diff(numbers(1, 700), hitsOf(t, db, "ingest.purge")); diff != "" {
		t.Error(diff)
	}
	mustBeWhole(t, db)
}

// TestLostEvidence: a piece that is missing or damaged is said.
func TestLostEvidence(t *testing.T) {
	ctx := context.Background()
	for _, change := range []func([]byte) []byte{remove, func(v []byte) []byte { v[len(v)-1] ^= 1; return v }} {
		db := open(t)
		state := map[string][]byte{"w": noiseOf(1, 100<<10)}
		if err := db.SaveAlerts(ctx, []audit.Alert{{ID: "a", Changes: evidenceOf(numbers(1, 300)...)}}, state, 0); err != nil {
			t.Fatal(err)
		}
		for number := range uint64(2) {
			rewrite(t, db, partKey(number+1), change)
		}
		if _, err := db.Alert(ctx, "a"); !errors.Is(err, ErrCorrupt) {
			t.Errorf("got %v", err)
		}
		if _, err := db.Alerts(ctx); !errors.Is(err, ErrCorrupt) {
			t.Errorf("got %v", err)
		}
		if _, err := db.RuleState(ctx); !errors.Is(err, ErrCorrupt) {
			t.Errorf("got %v", err)
		}
		if n := len(problems(t, db)); n < 2 {
			t.Errorf("verify found %d problems", n)
		}
	}
}

// TestDamagedAlertLeavesParts: a store with a damaged alert is opened, says so, and
// keeps all parts, since any may be of that alert.
func TestDamagedAlertLeavesParts(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	db := openAt(t, dir)
	if err := db.SaveAlerts(ctx, []audit.Alert{{ID: "a", Changes: evidenceOf(numbers(1, 600)...)}}, nil, 0); err != nil {
		t.Fatal(err)
	}
	rewrite(t, db, nameKey(kindAlert, "a"), func(v []byte) []byte { v[len(v)-1] ^= 1; return v })
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = openAt(t, dir)
	if _, err := db.Alerts(ctx); !errors.Is(err, ErrCorrupt) {
		t.Errorf("got %v", err)
	}
	if n := partsIn(t, db); n != 2 {
		t.Errorf("%d parts are left", n)
	}
}

// TestSaveCutOffAnywhere: whatever transaction of a saving is the last, opening
// the store shows the former outcome as a whole or the later, and keeps nothing
// else of it.
func TestSaveCutOffAnywhere(t *testing.T) {
	ctx := context.Background()
	outcome := func(n int) ([]audit.Alert, map[string][]byte) {
		alerts := []audit.Alert{{ID: "a", Rule: "r", State: audit.AlertOpen, Count: n, Changes: evidenceOf(numbers(1, audit.Seq(1000*n))...)}}
		state := map[string][]byte{"large": noiseOf(uint64(n), 300<<10), "short": {byte(n)}, fmt.Sprint("gone ", 3-n): nil, fmt.Sprint("gone ", n): {1}}
		for i := range 40 {
			state[fmt.Sprint("rule ", i)] = noiseOf(uint64(n), partSize-1000)
		}
		return alerts, state
	}
	errCut := errors.New("cut off")
	late := 0
	for steps, ended := 0, false; !ended; steps++ {
		dir, left, counting := t.TempDir(), 0, false
		db, err := Open(dir, Options{Memory: 1, NoSync: true, cut: func() error {
			if left--; counting && left < 0 {
				return errCut
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		appendAll(t, db, made("1", 1, audit.OpUpsert, object(1)), made("2", 2, audit.OpUpsert, object(1)))
		alerts, state := outcome(1)
		if err := db.SaveAlerts(ctx, alerts, state, 1); err != nil {
			t.Fatal(err)
		}
		parts := partsIn(t, db)
		left, counting = steps, true
		alerts, state = outcome(2)
		err = db.SaveAlerts(ctx, alerts, state, 2)
		if ended = err == nil; !ended && !errors.Is(err, errCut) {
			t.Fatal(err)
		}
		counting = false
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = openAt(t, dir)
		at, err := db.Progress(ctx, rulesProgress)
		if err != nil || ended && at != 2 {
			t.Fatalf("after %d steps the rules are at %d: %v", steps, at, err)
		}
		if at == 2 && !ended {
			late++
		}
		alerts, state = outcome(int(at))
		delete(state, fmt.Sprint("gone ", 3-int(at)))
		got, err := db.Alerts(ctx)
		if diff := cmp.Diff(alerts, got); diff != "" || err != nil {
			t.Fatalf("after %d steps: %v %.2000s", steps, err, diff)
		}
		gotState, err := db.RuleState(ctx)
		if err != nil || !sameState(state, gotState) {
			t.Fatalf("after %d steps: the state is not that of %d: %v", steps, at, err)
		}
		if diff := cmp.Diff(numbers(1, 1000*at), hitsOf(t, db, "r")); diff != "" {
			t.Fatalf("after %d steps: %.2000s", steps, diff)
		}
		if n := partsIn(t, db); n != parts+(int(at)-1)*4 {
			t.Errorf("after %d steps there are %d parts", steps, n)
		}
		mustBeWhole(t, db)
	}
	if late == 0 {
		t.Error("no saving was finished by opening the store")
	}
}

func sameState(a, b map[string][]byte) bool {
	for name, data := range a {
		if !bytes.Equal(data, b[name]) {
			return false
		}
	}
	return len(a) == len(b)
}
