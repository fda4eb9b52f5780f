package main

import (
	"testing"

	"recourse/audit"
	"recourse/store"
)

// TestWhatWasLearnedSinceIsNotLeftOut: that a further node's log has a change does not
// excuse that it is not in a file of evidence; that it or the one before it was read
// better does, whichever node that was.
func TestWhatWasLearnedSinceIsNotLeftOut(t *testing.T) {
	db, err := store.Open(t.TempDir(), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	made := func(id audit.ID, at audit.Time, after audit.Image) audit.Change {
		c := audit.Change{Node: "n1", Time: at, Observed: at + 5, User: "eve", Op: audit.OpPatch, Reported: audit.OpPatch,
			Key: audit.Key{Table: audit.Table{Database: "shop", Name: "orders"}, ID: id}, Group: audit.Group{Size: 1}, After: after}
		c.ID = c.Identify()
		return c
	}
	known := func(n int64) audit.Image {
		return audit.PresentImage(audit.Object(map[string]audit.Value{"n": audit.Int(n)}), audit.Logged, audit.Exact)
	}
	store := func(changes ...audit.Change) {
		t.Helper()
		if _, err := db.Append(t.Context(), audit.Batch{Changes: changes}); err != nil {
			t.Fatal(err)
		}
	}
	store(made("1", 10, audit.Image{}), made("1", 20, known(2)), made("2", 10, known(1)))
	elsewhere := made("2", 10, known(1))
	elsewhere.Node = "n2"
	store(elsewhere)
	h := &evidenceHeld{store: db}
	learned := func(want ...bool) {
		t.Helper()
		for i, want := range want {
			c, err := db.Get(t.Context(), audit.Seq(i+1))
			if err != nil || h.learnedSince(&c) != want {
				t.Errorf("of change %d more was learned: %v, want %v (%v)", c.Seq, !want, want, err)
			}
		}
	}
	learned(false, false, false)
	store(made("1", 10, known(1)))
	learned(true, true, false)
}
