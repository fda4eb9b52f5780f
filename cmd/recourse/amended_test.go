package main

import (
	"testing"
	"time"

	"recourse/audit"
	"recourse/query"
)

// TestSearchFindsAmendedImage: when a later reading of a change can be trusted
// further, a search finds what that one says, also in the change that follows.
func TestSearchFindsAmendedImage(t *testing.T) {
	w, err := openFolder(t.TempDir(), config{}, true)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	key := audit.Key{Table: audit.Table{Database: "kennel", Name: "dogs"}, ID: "1"}
	change := func(at audit.Time, name string, trust audit.Trust) audit.Change {
		c := audit.Change{
			Node: "n1", Time: at, User: "ann", Op: audit.OpPatch, Reported: audit.OpPatch, Key: key, Group: audit.Group{Size: 1},
			After: audit.PresentImage(audit.Object(map[string]audit.Value{"name": audit.Text(name)}), audit.Logged, trust),
		}
		c.ID = c.Identify()
		return c
	}
	put := func(changes ...audit.Change) {
		t.Helper()
		if _, err := w.store.Append(t.Context(), audit.Batch{Changes: changes}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.catchUp(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	count := func(word string) int {
		t.Helper()
		expr, err := query.Parse(word, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		r, err := w.engine().Search(t.Context(), query.Query{Expr: expr})
		if err != nil {
			t.Fatal(err)
		}
		return len(r.Changes)
	}
	put(change(1000, "wrong", audit.Provisional), change(2000, "max", audit.Prompt))
	if got := count("before.name:wrong"); got != 1 {
		t.Fatalf("%d changes before the better reading, want 1", got)
	}
	put(change(1000, "rex", audit.Prompt))
	for word, want := range map[string]int{"after.name:rex": 1, "before.name:rex": 1, "after.name:wrong": 0, "before.name:wrong": 0} {
		if got := count(word); got != want {
			t.Errorf("%s: %d changes, want %d", word, got, want)
		}
	}
	if err := w.indexAmended(t.Context()); err != nil { // nothing is left to do
		t.Fatal(err)
	}
}
