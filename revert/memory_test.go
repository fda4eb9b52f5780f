package revert

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"runtime"
	"testing"

	"recourse/audit"
)

// A generated source has so many records, each made by ann, changed by eve and touched
// by bob, and keeps none of them.
type generated int

func (g generated) key(i int) audit.Key {
	return audit.Key{Table: dogs, ID: audit.ID(fmt.Sprintf("%07d", i+1_000_000))}
}

func (g generated) life(i int) []audit.Change {
	changes := manyChanges(1)
	for j := range changes {
		c := &changes[j]
		c.Key, c.Time = g.key(i), audit.Time(1_795_470_000_000+float64(3*i+j))
		c.ID = c.Identify()
	}
	return changes
}

// A reading of generated records knows changes by their ids as selection makes them:
// of those that it is asked for in turn, the number of the record.
type reading struct {
	generated
	given int
}

func (r *reading) KeysOf(_ context.Context, ids []audit.ChangeID) ([]audit.Key, error) {
	keys := make([]audit.Key, len(ids))
	for i := range ids {
		keys[i] = r.key(r.given)
		r.given++
	}
	return keys, nil
}

func (r *reading) Lives(ctx context.Context, keys []audit.Key) iter.Seq2[[]audit.Change, error] {
	return func(yield func([]audit.Change, error) bool) {
		for _, k := range keys {
			var n int
			if _, err := fmt.Sscan(string(k.ID), &n); err != nil || !yield(r.life(n-1_000_000), cmp.Or(err, ctx.Err())) {
				return
			}
		}
	}
}

func (g generated) selection(t *testing.T) *Selection {
	t.Helper()
	s, err := Select(Criteria{}, func(yield func(audit.Change, error) bool) {
		for i := range int(g) {
			if !yield(g.life(i)[1], nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// inUse is how many bytes are in use.
func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// peak is the most that is in use while the selection's records are read, beyond what
// was before; measured ten times.
func (g generated) peak(t *testing.T, make func(Request, iter.Seq2[Record, error]) error) int64 {
	t.Helper()
	req := Request{Selection: g.selection(t)}
	before, most := inUse(), int64(0)
	records := Records(t.Context(), &reading{generated: g}, req.Selection.Changes, tempIn(t.TempDir()))
	n := 0
	err := make(req, func(yield func(Record, error) bool) {
		for rec, err := range records {
			if n++; n%(int(g)/10) == 0 {
				most = max(most, inUse()-before)
			}
			if !yield(rec, err) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	runtime.KeepAlive(req.Selection)
	return most
}

// TestPlanningTakesTheSameMemory: ten times as many records take more memory by their
// keys, as long as these fit into memory, and by a few bytes for each selected change;
// and a plan in memory takes ten times as much. With RECOURSE_SOAK it is a plan of a
// million, whose keys do not.
func TestPlanningTakesTheSameMemory(t *testing.T) {
	few := generated(2_000)
	if os.Getenv("RECOURSE_SOAK") != "" {
		few = 100_000
	}
	many := 10 * few
	draft := func(req Request, records iter.Seq2[Record, error]) error {
		d, err := MakeDraft(t.Context(), req, records, tempIn(t.TempDir()))
		if err == nil {
			err = d.Write(io.Discard)
		}
		if err == nil {
			err = d.Close()
		}
		return err
	}
	whole := func(req Request, records iter.Seq2[Record, error]) error {
		_, err := Make(t.Context(), req, records)
		return err
	}
	grows := func(make func(Request, iter.Seq2[Record, error]) error) int64 {
		a, b := few.peak(t, make), many.peak(t, make)
		t.Logf("%d records %d kB, %d records %d kB", few, a>>10, many, b>>10)
		return (b - a) / int64(many-few)
	}
	most := int64(48 + 16 + 16 + 80) // a key, its text, its part in sorting and finding, and some
	if many > 10*keysTogether/2 {
		most = 16 // keys go to a file; an id's part in finding it stays
	}
	if each := grows(draft); each > most {
		t.Errorf("a record more takes %d bytes, want %d at most", each, most)
	}
	if each := grows(whole); each < 1_000 {
		t.Errorf("of a plan in memory a record more takes %d bytes: this test looks at nothing", each)
	}
}
