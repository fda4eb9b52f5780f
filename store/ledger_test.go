package store

import (
	"context"
	"errors"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/google/go-cmp/cmp"

	"recourse/audit"
)

func TestLedger(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	ids := make([]audit.ChangeID, 60_000) // more than one transaction takes
	for i := range ids {
		ids[i] = audit.ChangeID{byte(i), byte(i >> 8), byte(i >> 16), 1}
	}
	begin := func(plan, purpose string, undoes ...string) {
		t.Helper()
		a := audit.Apply{Plan: plan, At: 1795470000000.5, By: "svc", Author: "ann", Purpose: purpose, Undoes: undoes, Selection: "s", Events: 9, Records: 8, Since: 3, Policy: "{}"}
		if err := errors.Join(db.BeginApply(ctx, a), db.BeginApply(ctx, audit.Apply{Plan: plan, By: "another"})); err != nil {
			t.Fatal(err)
		}
	}
	begin("q", audit.PurposeRevert) // by number, not by name
	begin("p", audit.PurposeRevert)
	begin("u", audit.PurposeUndo, "p")
	if err := errors.Join(
		db.MarkReverted(ctx, "p", ids), db.MarkReverted(ctx, "p", ids[:5]), db.MarkReverted(ctx, "q", ids[:2]),
		db.Enter(ctx, "u", audit.Entered{Undone: ids[1:2]}, audit.Entered{Undone: ids[2:4]}), db.EndApply(ctx, "u", 1795470000009.5), db.EndApply(ctx, "none", 1),
		db.EndApply(ctx, "p", 2), db.BeginApply(ctx, audit.Apply{Plan: "p"}), // taken up
		db.Enter(ctx, "p", audit.Entered{Own: ids[9:10], Chosen: audit.Choice{Attrs: []string{"a"}}}),
	); err != nil {
		t.Fatal(err)
	}
	got, err := db.Reverted(ctx)
	if err != nil || len(got) != len(ids)-2 || got[ids[0]] != "p" || got[ids[1]] != "q" || got[ids[4]] != "p" {
		t.Errorf("%d in the ledger, %v", len(got), err)
	}
	for _, id := range ids[2:4] {
		if _, found := got[id]; found {
			t.Error("a change that was taken back is in the ledger")
		}
	}
	l, err := db.Ledger(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := audit.Apply{Plan: "u", Number: 3, At: 1795470000000.5, By: "svc", Author: "ann", Purpose: audit.PurposeUndo, Undoes: []string{"p"}, Selection: "s", Events: 9, Records: 8, Since: 3, Policy: "{}", Ended: 1795470000009.5}
	if diff := cmp.Diff(want, l.Applies[2]); diff != "" || len(l.Applies) != 3 || l.Applies[1].Ended != 0 {
		t.Errorf("%d applies: %s", len(l.Applies), diff)
	}
	if diff := cmp.Diff([]audit.Entry{{Plan: "q"}, {Plan: "p"}, {Plan: "u", Undone: true}}, l.Entries[ids[1]]); diff != "" {
		t.Error(diff)
	}
	own, err := db.Own(ctx)
	if diff := cmp.Diff(map[audit.ChangeID]string{ids[9]: "p"}, own); diff != "" || err != nil || !cmp.Equal(own, l.Own) {
		t.Errorf("%v %s", err, diff)
	}
	if diff := cmp.Diff(map[audit.ChangeID]audit.Choice{ids[9]: {Attrs: []string{"a"}}}, l.Chosen); diff != "" {
		t.Error(diff)
	}
	if p := problems(t, db); len(p) > 0 {
		t.Errorf("verify: %v", p)
	}
}

// What was entered when a change could have but one plan, and applies were not
// kept, is read as it was meant, beside what is entered now.
func TestLedgerOfBefore(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	one, two := audit.ChangeID{1}, audit.ChangeID{2}
	if err := errors.Join(
		db.update(ctx, func(txn *badger.Txn) error {
			return errors.Join(set(txn, idKey(kindReverted, one), []byte("old")), set(txn, idKey(kindReverted, two), []byte("old")))
		}),
		db.AddReceipt(ctx, audit.Receipt{Plan: "old", Step: 1, Phase: audit.PhaseIntent, At: 77, By: "svc"}),
		db.BeginApply(ctx, audit.Apply{Plan: "undo", Purpose: audit.PurposeUndo, Undoes: []string{"old"}}),
		db.Enter(ctx, "undo", audit.Entered{Undone: []audit.ChangeID{one}}),
		db.MarkReverted(ctx, "old", []audit.ChangeID{two}),
	); err != nil {
		t.Fatal(err)
	}
	l, err := db.Ledger(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(audit.Apply{Plan: "old", At: 77, By: "svc", Purpose: audit.PurposeRevert}, l.Applies[0]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[audit.ChangeID]string{two: "old"}, l.Reverted()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]audit.Entry{{Plan: "old"}}, l.Entries[two]); diff != "" {
		t.Error(diff)
	}
	if p := problems(t, db); len(p) > 0 {
		t.Errorf("verify: %v", p)
	}
}

// What an apply did with one record is entered whole or not at all, as long as it
// fits a transaction; and then in order, our own write last.
func TestEnterIsOneTransaction(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	ids := make([]audit.ChangeID, 20_000)
	for i := range ids {
		ids[i] = audit.ChangeID{byte(i), byte(i >> 8), 2}
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if err := db.Enter(gone, "p", audit.Entered{Reverted: ids[:3], Own: ids[3:4]}); err == nil {
		t.Error("entered after the end")
	}
	if l, err := db.Ledger(ctx); err != nil || len(l.Entries)+len(l.Own) > 0 {
		t.Errorf("entered: %v %v", l, err)
	}
	if err := db.Enter(ctx, "p", audit.Entered{Reverted: ids[:3], Own: ids[3:4]}, audit.Entered{Reverted: ids[10:], Own: ids[4:5]}); err != nil {
		t.Fatal(err)
	}
	l, err := db.Ledger(ctx)
	if err != nil || len(l.Entries) != 3+len(ids)-10 || len(l.Own) != 2 {
		t.Errorf("%d entries, %d own, %v", len(l.Entries), len(l.Own), err)
	}
}

func TestLedgerRefuses(t *testing.T) {
	ctx := context.Background()
	long := string(make([]byte, maxKeyText+1))
	if err := open(t).MarkReverted(ctx, long, []audit.ChangeID{{1}}); err == nil {
		t.Error("a plan with a name too long to be a key is entered")
	}
	for name, key := range map[string][]byte{
		"no change":       {byte(kindReverted), 1},
		"half a plan":     entryKey(audit.ChangeID{1}, "p")[:35],
		"more than a key": append(entryKey(audit.ChangeID{1}, "p"), 1),
		"own of none":     {byte(kindOwn)},
		"chosen of none":  {byte(kindChosen), 2},
	} {
		db := open(t)
		if err := db.update(ctx, func(txn *badger.Txn) error { return set(txn, key, []byte{0xa0}) }); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Ledger(ctx); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		if len(problems(t, db)) == 0 {
			t.Errorf("%s: verify found nothing", name)
		}
	}
}
