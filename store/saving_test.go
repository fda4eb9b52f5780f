package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// much is rule state that does not fit a transaction, in values none of which is
// large.
func much(b byte) map[string][]byte {
	state := map[string][]byte{}
	for i := range 40 {
		state[fmt.Sprint("rule ", i)] = bytes.Repeat([]byte{b}, valueThreshold-1000)
	}
	return state
}

// TestSaveMuch: alerts and rule state that are too much for one transaction are
// saved all the same.
func TestSaveMuch(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	db := openAt(t, dir)
	appendAll(t, db, made("1", 1, audit.OpUpsert, object(1)), made("2", 2, audit.OpUpsert, object(1)))
	if err := db.SaveAlerts(ctx, []audit.Alert{{ID: "a", State: audit.AlertOpen}}, map[string][]byte{"gone": {1}}, 1); err != nil {
		t.Fatal(err)
	}
	if err := db.UpdateAlert(ctx, "a", func(a *audit.Alert) error { a.State = audit.AlertClosed; return nil }); err != nil {
		t.Fatal(err)
	}
	state := much(1)
	state["gone"] = nil
	if err := db.SaveAlerts(ctx, []audit.Alert{{ID: "a", State: audit.AlertOpen, Count: 7}, {ID: "b", State: audit.AlertOpen}}, state, 2); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		got, err := db.RuleState(ctx)
		if err != nil || len(got) != len(state)-1 || got["gone"] != nil || !bytes.Equal(got["rule 7"], state["rule 7"]) {
			t.Errorf("%d parts of the state are stored: %v", len(got), err)
		}
		if at, err := db.Progress(ctx, rulesProgress); at != 2 || err != nil {
			t.Errorf("the rules are at %d: %v", at, err)
		}
		a, err := db.Alert(ctx, "a")
		if err != nil || a.Count != 7 || a.State != audit.AlertClosed {
			t.Errorf("got %+v, %v", a, err)
		}
		mustBeWhole(t, db)
	}
	check()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = openAt(t, dir)
	check()
}

// TestSaveMuchCutOff: whatever the step at which the process ends, what was
// saved is there as a whole when the store is opened again.
func TestSaveMuchCutOff(t *testing.T) {
	ctx := context.Background()
	for _, written := range []int{0, 1, 17} {
		dir := t.TempDir()
		db := openAt(t, dir)
		appendAll(t, db, made("1", 1, audit.OpUpsert, object(1)))
		if err := db.SaveAlerts(ctx, nil, much(1), 0); err != nil {
			t.Fatal(err)
		}
		s := saving{Rules: 1, Alerts: []alert{{ID: "a"}}}
		for name, data := range much(2) {
			s.State = append(s.State, window{Name: name, State: data})
		}
		err := db.update(ctx, func(txn *badger.Txn) error { return setEncoded(txn, savingKey(), s) })
		for _, w := range s.State[:written] {
			err = errors.Join(err, db.update(ctx, func(txn *badger.Txn) error { return saveWindow(txn, w) }))
		}
		if err = errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		db = openAt(t, dir)
		state, err := db.RuleState(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for name, data := range state {
			if data[0] != 2 {
				t.Fatalf("after %d parts: the state of %s is the old one", written, name)
			}
		}
		if at, err := db.Progress(ctx, rulesProgress); at != 1 || err != nil {
			t.Errorf("after %d parts: the rules are at %d: %v", written, at, err)
		}
		if _, err := db.Alert(ctx, "a"); err != nil {
			t.Error(err)
		}
		mustBeWhole(t, db)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSaveMuchWithoutRoom: a disk that fills up in the middle loses nothing. The
// state is not shown as a whole before it is one.
func TestSaveMuchWithoutRoom(t *testing.T) {
	ctx := context.Background()
	free := int64(1 << 30)
	db, err := Open(t.TempDir(), Options{NoSync: true, Free: func(string) (int64, error) { return free, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	appendAll(t, db, made("1", 1, audit.OpUpsert, object(1)))
	s := saving{Rules: 1, State: []window{{Name: "w", State: []byte{1}}}}
	if err := db.update(ctx, func(txn *badger.Txn) error { return setEncoded(txn, savingKey(), s) }); err != nil {
		t.Fatal(err)
	}
	db.saving.Store(true)
	free = 0
	if _, err := db.RuleState(ctx); !errors.Is(err, ErrDiskFull) {
		t.Errorf("got %v", err)
	}
	if _, err := db.Progress(ctx, rulesProgress); !errors.Is(err, ErrDiskFull) {
		t.Errorf("got %v", err)
	}
	free = 1 << 30
	if state, err := db.RuleState(ctx); err != nil || len(state) != 1 {
		t.Errorf("got %v, %v", state, err)
	}
	mustBeWhole(t, db)
}
