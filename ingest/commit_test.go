package ingest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"recourse/audit"
	"recourse/store"
)

// A narrow sink takes so much at once; it keeps what it took.
type narrow struct {
	Sink
	most  int
	taken []audit.Batch
}

func (s *narrow) Append(_ context.Context, b audit.Batch) (audit.Appended, error) {
	if len(b.Changes)+len(b.Gaps) > s.most {
		return audit.Appended{}, fmt.Errorf("append: %w", store.ErrBatchTooBig)
	}
	s.taken = append(s.taken, b)
	return audit.Appended{New: len(b.Changes), Gaps: len(b.Gaps)}, nil
}

// TestCommitInParts: of what is too much at once less is stored at a time, in
// order, the alerts with the first part and the cursor with the last.
func TestCommitInParts(t *testing.T) {
	b := audit.Batch{Alerts: make([]audit.Alert, 1), Cursors: make([]audit.Cursor, 1)}
	for i := range 5000 {
		b.Changes = append(b.Changes, audit.Change{Time: audit.Time(i)})
	}
	for i := range 700 {
		b.Gaps = append(b.Gaps, audit.Gap{From: audit.Time(i)})
	}
	for _, most := range []int{2, 3, 100, 4096, 10000} {
		s := &narrow{most: most}
		got, err := commit(t.Context(), s, b)
		if err != nil || got.New != len(b.Changes) || got.Gaps != len(b.Gaps) {
			t.Errorf("%d at once: %+v %v", most, got, err)
		}
		var all audit.Batch
		for i, part := range s.taken {
			if len(part.Alerts) > 0 && i > 0 || len(part.Cursors) > 0 && i < len(s.taken)-1 {
				t.Errorf("%d at once: part %d of %d has %d alerts, %d cursors", most, i, len(s.taken), len(part.Alerts), len(part.Cursors))
			}
			all.Changes, all.Gaps = append(all.Changes, part.Changes...), append(all.Gaps, part.Gaps...)
			all.Alerts, all.Cursors = append(all.Alerts, part.Alerts...), append(all.Cursors, part.Cursors...)
		}
		if d := cmp.Diff(b, all); d != "" {
			t.Errorf("%d at once (-want +got):\n%s", most, d)
		}
	}
	if _, err := commit(t.Context(), &narrow{}, b); !errors.Is(err, store.ErrBatchTooBig) {
		t.Errorf("a sink that takes nothing: %v", err)
	}
}

// TestCommitBetterReadings: better readings of many changes take more room than
// new changes do, and are stored all the same.
func TestCommitBetterReadings(t *testing.T) {
	db, err := store.Open(t.TempDir(), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	read := func(name string, trust audit.Trust) audit.Appended {
		t.Helper()
		var b audit.Batch
		for i := range commitChanges {
			c := audit.Change{Node: "n", Time: audit.Time(i), User: "ann", Op: audit.OpPatch, Reported: audit.OpPatch,
				Key:   audit.Key{Table: audit.Table{Database: "kennel", Name: "dogs"}, ID: audit.ID(fmt.Sprint(i % 1000))},
				After: audit.PresentImage(audit.Object(map[string]audit.Value{"name": audit.Text(name)}), audit.Logged, trust)}
			c.ID = c.Identify()
			b.Changes = append(b.Changes, c)
		}
		got, err := commit(t.Context(), db, b)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := read("rex", audit.Provisional); got.New != commitChanges {
		t.Errorf("stored %+v", got)
	}
	if got := read("max", audit.Prompt); got.Amended != commitChanges {
		t.Errorf("amended %+v", got)
	}
}
