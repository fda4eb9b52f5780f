package revert

import (
	"context"
	"errors"
	"testing"

	"recourse/audit"
	"recourse/store"
)

// The store is the journal, the ledger and the source of histories.
var (
	_ Journal = (*store.DB)(nil)
	_ Ledger  = (*store.DB)(nil)
	_ Source  = (*store.DB)(nil)
)

// From the store to Harper and back: what the tail then reads of our own writes
// leaves nothing to plan.
func TestWithTheStore(t *testing.T) {
	ctx := context.Background()
	db, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, want := attacked(t)
	fetch := func() {
		t.Helper()
		changes := s.changes(0)
		for i := range changes {
			changes[i].Seq, changes[i].Before = 0, audit.Image{}
		}
		if _, err := db.Append(ctx, audit.Batch{Changes: changes}); err != nil {
			t.Fatal(err)
		}
	}
	fetch()
	sel, err := Select(Criteria{User: []string{"eve"}}, each(s.changes(0), eves))
	if err != nil {
		t.Fatal(err)
	}
	plan := func() *Plan {
		t.Helper()
		records := Records(ctx, db, sel.Changes, nil)
		reverted, err := db.Reverted(ctx)
		if err != nil {
			t.Fatal(err)
		}
		own, err := db.Own(ctx)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Make(ctx, Request{Selection: sel, Reverted: reverted, Own: own, Policy: counting}, records)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := plan()
	if said(p) != said(want) {
		t.Fatalf("from the store %s, want %s", said(p), said(want))
	}
	a := &Applier{Server: &simServer{sim: s}, Journal: db, Ledger: db}
	res, err := a.Apply(ctx, p, ApplyOptions{User: me})
	if err != nil || res.Err() != nil || res.Verified != len(p.Actions) {
		t.Fatalf("%+v %v", res, err)
	}
	fetch()
	if again := plan(); !again.Empty() {
		t.Errorf("planned again: %s", said(again))
	}
	for _, err := range Records(ctx, db, []audit.ChangeID{{1}}, nil) {
		if !errors.Is(err, ErrIncomplete) {
			t.Errorf("records of a change that is not stored: %v", err)
		}
		return
	}
	t.Error("records of a change that is not stored: none, and no error")
}
