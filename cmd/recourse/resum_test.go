package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"recourse/audit"
	"recourse/query"
)

// patched is a patch of one record of a table, read with some trust.
func patched(id int, at audit.Time, name string, trust audit.Trust) audit.Change {
	c := audit.Change{
		Node: "n1", Time: at, User: "ann", Op: audit.OpPatch, Reported: audit.OpPatch, Group: audit.Group{Size: 1},
		Key:   audit.Key{Table: audit.Table{Database: "kennel", Name: "dogs"}, ID: audit.ID(fmt.Sprint(id))},
		After: audit.PresentImage(audit.Object(map[string]audit.Value{"name": audit.Text(name)}), audit.Logged, trust),
	}
	c.ID = c.Identify()
	return c
}

func (w *workspace) put(t *testing.T, changes ...audit.Change) {
	t.Helper()
	if _, err := w.store.Append(t.Context(), audit.Batch{Changes: changes}); err != nil {
		t.Fatal(err)
	}
}

// found is how many changes a search finds, which it must know exactly.
func (w *workspace) found(t *testing.T, text string) int {
	t.Helper()
	expr, err := query.Parse(text, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.engine().Search(t.Context(), query.Query{Expr: expr})
	if err != nil {
		t.Fatal(err)
	}
	if r.Summary.Total != len(r.Changes) || !r.Summary.TotalExact {
		t.Errorf("%s: %d changes of %d", text, len(r.Changes), r.Summary.Total)
	}
	return len(r.Changes)
}

// TestSearchFindsAmendedImage: when a later reading of a change can be trusted
// further, a search finds what that one says, also in the change that follows:
// at once, and when the chunk that they are in is summed up again.
func TestSearchFindsAmendedImage(t *testing.T) {
	w, err := openFolder(t.Context(), systemEnv(), t.TempDir(), config{}, true)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	w.put(t, patched(1, 1000, "wrong", audit.Provisional), patched(1, 2000, "max", audit.Prompt))
	if got := w.found(t, "before.name:wrong"); got != 1 {
		t.Fatalf("%d changes before the better reading, want 1", got)
	}
	check := func(when string) {
		t.Helper()
		for text, want := range map[string]int{"after.name:rex": 1, "before.name:rex": 1, "after.name:wrong": 0, "before.name:wrong": 0,
			"rex": 2, "wrong": 0, "carries:max": 1} {
			if got := w.found(t, text); got != want {
				t.Errorf("%s, %s: %d changes, want %d", when, text, got, want)
			}
		}
	}
	w.put(t, patched(1, 1000, "rex", audit.Prompt))
	check("at once")
	var batch []audit.Change
	for i := range audit.ChunkSize {
		if batch = append(batch, patched(2+i%(2*manyDoubts), audit.Time(3000+i), "dog", audit.Provisional)); len(batch) == 4096 {
			w.put(t, batch...)
			batch = batch[:0]
		}
	}
	catchUp := func() {
		t.Helper()
		if _, err := w.catchUp(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	catchUp()
	check("summed up")
	for i := range manyDoubts {
		batch = append(batch, patched(2+i, audit.Time(3000+i), "cat", audit.Prompt))
	}
	for part := range slices.Chunk(batch, 500) { // as better readings fit a transaction
		w.put(t, part...)
	}
	if got := w.found(t, "after.name:cat"); got != manyDoubts {
		t.Errorf("%d cats, want %d", got, manyDoubts)
	}
	doubtful := func() int {
		t.Helper()
		sets, err := w.store.Doubtful(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if sets[0] == nil {
			return 0
		}
		return int(sets[0].GetCardinality())
	}
	if n := doubtful(); n < manyDoubts {
		t.Errorf("%d changes are doubtful", n)
	}
	catchUp()
	if n := doubtful(); n != 0 {
		t.Errorf("%d changes are doubtful after all was summed up again", n)
	}
	check("summed up again")
	if got := w.found(t, "cat"); got != 2*manyDoubts { // and those that follow them
		t.Errorf("%d changes have to do with a cat, want %d", got, 2*manyDoubts)
	}
}
