package query_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"recourse/audit"
	"recourse/internal/querytest"
	"recourse/query"
)

// filled is a store of many changes of many records, of which none has a word of
// its own, and an index that knows them.
func filled(n int) (*querytest.Memory, *querytest.Words) {
	store, words := &querytest.Memory{ChunkSize: 512}, &querytest.Words{}
	for i := range n {
		store.Add(written(i, fmt.Sprint("r", i%500), "filler"))
	}
	words.Follow(store, audit.Seq(n))
	return store, words
}

func written(at int, id, text string) audit.Change {
	return audit.Change{
		Time: audit.Time(at * 1000), User: fmt.Sprint("u", at%3), Op: audit.OpUpdate, Key: audit.Key{Table: audit.Table{Database: "d", Name: "t"}, ID: audit.ID(`"` + id + `"`)},
		After: audit.PresentImage(audit.Object(map[string]audit.Value{"text": audit.Text(text), "n": audit.Int(int64(at))}), audit.Logged, audit.Exact),
	}
}

func found(t *testing.T, e *query.Engine, text string) ([]audit.Seq, *query.Result) {
	t.Helper()
	r, err := e.Search(t.Context(), query.Query{Expr: parse(t, text)})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return numbers(r.Changes), r
}

// What a record carries is found from where it was written, though it was written
// in another chunk; and so it is when the index and the sums know the writing by a
// reading that has been replaced, or do not know it yet.
func TestCarriedIsFoundFromWhereItWasWritten(t *testing.T) {
	store, words := filled(1000)
	for i := range 4 { // 1001, 1002 … 1004, far from each other
		store.Add(written(2000+i, "k", "the needle"))
		for j := range 600 {
			store.Add(written(3000+i*600+j, fmt.Sprint("r", j), "filler"))
		}
	}
	at := []audit.Seq{3404 - 601*3 - 600, 3404 - 601*2 - 600, 3404 - 601 - 600, 3404 - 600}
	last := audit.Seq(len(store.Changes()))
	words.Follow(store, last)
	engine := &query.Engine{Store: store, Words: words}
	want := slices.Clone(at)
	slices.Reverse(want)
	got, r := found(t, engine, "carries:needle")
	if !slices.Equal(got, want) {
		t.Fatalf("carries:needle: %v, want %v", got, want)
	}
	if n := store.Reads.Load(); n > 2*audit.BlockSize {
		t.Errorf("of %d changes %d were read: %+v", last, n, r.Steps)
	}
	// The first one is read better, and has not written it after all.
	store.Amend(int(at[0]-1), written(0, "k", "another").After)
	if got, _ := found(t, engine, "carries:needle"); !slices.Equal(got, want[:3]) {
		t.Errorf("carries:needle: %v, want %v", got, want[:3])
	}
	if got, _ := found(t, engine, "needle"); !slices.Equal(got, want[2:3]) {
		t.Errorf("needle: %v, want %v", got, want[2:3])
	}
	store.Add(written(9000, "k2", "a needle"))
	if got, _ := found(t, engine, "carries:needle"); !slices.Equal(got, append([]audit.Seq{last + 1}, want[:3]...)) {
		t.Errorf("carries:needle: %v, want %d before %v", got, last+1, want[:3])
	}
}

// A question is answered from as little as it can be, and the explanation says from
// what.
func TestExplanation(t *testing.T) {
	store, words := filled(4000)
	store.Add(written(5000, "k", "the needle"))
	words.Follow(store, 4001)
	engine := &query.Engine{Store: store, Words: words}
	for text, want := range map[string][]string{
		"*":                      {"view 8 0 4001", "plan 8 0 4001", "read 0 18 4001"},
		"time<500000.0":          {"limits 7 0 0", "plan 1 0 500", "read 0 3 500"},
		"user:u1 time<500000.0":  {"limits 7 0 0", "plan 1 0 167", "read 0 2 167"},
		"user:u9 needle":         {"plan 0 0 0"},
		"needle":                 {"words needle 0 1 0", "plan 1 0 161", "scan 0 1 161"},
		"needle user:u2":         {"words needle 0 1 0", "plan 1 0 54", "scan 0 1 54"},
		"key:d.t/r17":            {"plan 8", "scan"},
		"seq:[100..103] -needle": {"plan 1 0 4", "scan 0 1 4"},
		"id:5 user:nobody":       {"plan 0 0 0"},
	} {
		store.Reads.Store(0)
		got, r := found(t, engine, text)
		var steps []string
		for _, s := range r.Steps {
			line := fmt.Sprint(s.What, " ", s.Detail, " ", s.Chunks, " ", s.Blocks, " ", s.Changes)
			steps = append(steps, strings.Join(strings.Fields(line), " "))
		}
		for _, w := range want {
			if !slices.ContainsFunc(steps, func(s string) bool { return strings.HasPrefix(s, w) }) {
				t.Errorf("%s (%d found): no step %q in %q", text, len(got), w, steps)
			}
		}
		if text == "user:u9 needle" && words.Asked != 0 && slices.ContainsFunc(steps, func(s string) bool { return strings.HasPrefix(s, "words") }) {
			t.Errorf("%s: words were looked up for nothing: %q", text, steps)
		}
	}
}

// Where narrows by what stands beside it, and its errors are not taken for no.
func TestWhere(t *testing.T) {
	store, words := filled(2000)
	engine := &query.Engine{Store: store, Words: words}
	odd := func(c *audit.Change) (bool, error) {
		if c.Seq == 77 {
			return false, errors.New("too large")
		}
		return c.Seq%2 == 1, nil
	}
	where := query.Of(query.Where{Text: "odd", Holds: odd})
	engine.Parallel = 1
	e := query.Conjunction(parse(t, "user:u1 seq>100"), where)
	a, err := engine.Count(t.Context(), e)
	want := len(querytest.Scan(store.Changes(), e))
	if err != nil || a.Total != want || want < 300 {
		t.Errorf("%d, %v, want %d", a.Total, err, want)
	}
	for _, e := range []query.Expr{where, query.Of(query.Not{Node: where.Root()})} {
		if _, err := engine.Count(t.Context(), e); err == nil || !strings.Contains(err.Error(), "change 77 by odd: too large") {
			t.Errorf("%s: %v, want the change that could not be decided", e, err)
		}
		if r, err := engine.Search(t.Context(), query.Query{Expr: e}); err == nil {
			t.Errorf("%s: %d changes and no error", e, len(r.Changes))
		}
	}
	if got := e.String(); got != `user:u1 seq>100 where:"odd"` {
		t.Errorf("String = %s", got)
	}
}

func TestStreamOfLargeRecords(t *testing.T) {
	store := &querytest.Memory{}
	large := written(0, "x", strings.Repeat("x", 1<<20))
	for i := range 900 {
		large.Key.ID = audit.ID(fmt.Sprint(i))
		store.Add(large)
	}
	engine := &query.Engine{Store: store}
	n, calls := 0, 0
	_, err := engine.Stream(t.Context(), query.Query{}, func(changes []audit.Change) error {
		if n, calls = n+len(changes), calls+1; calls > 1 && len(changes) > 40 {
			t.Errorf("%d changes of a megabyte each at once", len(changes))
		}
		return nil
	})
	if err != nil || n != 900 {
		t.Errorf("%d changes, %v", n, err)
	}
}

// Stream hands over all there is in order, stops when its receiver does, and
// leaves no view open.
func TestStream(t *testing.T) {
	store, words := filled(30_000)
	engine := &query.Engine{Store: store, Words: words}
	last, n := audit.Seq(30_001), 0
	r, err := engine.Stream(t.Context(), query.Query{}, func(changes []audit.Change) error {
		for i := range changes {
			if changes[i].Seq != last-1 {
				t.Fatalf("%d after %d", changes[i].Seq, last)
			}
			last--
		}
		n += len(changes)
		return nil
	})
	if err != nil || n != 30_000 || r.Summary.Count != n || r.Summary.Total != n || !r.Summary.TotalExact {
		t.Errorf("%d changes, %+v, %v", n, r, err)
	}
	full := errors.New("full")
	store.Reads.Store(0)
	if _, err := engine.Stream(t.Context(), query.Query{}, func([]audit.Change) error { return full }); !errors.Is(err, full) {
		t.Errorf("the receiver's error is %v", err)
	}
	for range engine.All(t.Context(), parse(t, "filler")) {
		break
	}
	if n := store.Reads.Load(); n > 25_000 {
		t.Errorf("%d changes were read for two receivers that wanted none", n)
	}
	if n := store.Open.Load(); n != 0 {
		t.Errorf("%d views were left open", n)
	}
}
