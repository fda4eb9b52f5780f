package query_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"recourse/audit"
	"recourse/internal/querytest"
	"recourse/query"
)

// A world is a history in a store, and an engine with an index that knows a part
// of it.
type world struct {
	store  *querytest.Memory
	engine *query.Engine
}

// newWorld makes the history of a seed. It comes in parts: between them the index
// follows, and changes that it and the sums know are read better.
func newWorld(seed uint64, size int) world {
	r := rand.New(rand.NewPCG(seed, 7))
	sizes := []int{0, 1, 37, 64, 200, 256, 300, 512}
	store, words := &querytest.Memory{ChunkSize: sizes[r.IntN(len(sizes))]}, &querytest.Words{Dull: seed%3 == 0}
	if size > 400 && store.ChunkSize == 1 {
		store.ChunkSize = 100
	}
	g := querytest.NewCorpus(seed)
	changes := g.Changes(size)
	if seed%4 == 1 { // a log that comes in order
		slices.SortStableFunc(changes, func(a, b audit.Change) int { return int(a.Time - b.Time) })
	}
	for part := range slices.Chunk(changes, max(size/5, 1)) {
		store.Add(part...)
		words.Follow(store, audit.Seq(len(store.Changes())-r.IntN(size/5)))
		for range r.IntN(4) {
			i := r.IntN(len(store.Changes()))
			if c := store.Changes()[i]; c.Op.Kind() == audit.KindWrite {
				store.Amend(i, g.Change(i).After)
			}
			store.Doubt(r.IntN(len(store.Changes())))
		}
	}
	engine := &query.Engine{Store: store, Words: words, Parallel: int(seed % 4), Names: querytest.Names(store.Changes())}
	if seed%5 == 2 {
		engine.Words = nil
	}
	return world{store, engine}
}

// TestSearchIsPlainScan compares every page, by cursor and by number, its order
// and its total with a scan of all changes, while the sums of some are void and
// the index lags.
func TestSearchIsPlainScan(t *testing.T) {
	worlds := make([]world, 0, 16)
	for seed := range uint64(16) {
		worlds = append(worlds, newWorld(seed, 100+int(seed)*60))
	}
	rapid.Check(t, func(t *rapid.T) {
		w := worlds[rapid.IntRange(0, len(worlds)-1).Draw(t, "world")]
		g := querytest.NewCorpus(rapid.Uint64().Draw(t, "seed"))
		for range 20 {
			w.check(t, g.Query(rapid.IntRange(0, 3).Draw(t, "depth")), rapid.SampledFrom([]int{0, 1, 7, 50, 700}).Draw(t, "limit"),
				rapid.IntRange(0, 60).Draw(t, "skip"))
		}
	})
	for _, w := range worlds {
		if n := w.store.Open.Load(); n != 0 {
			t.Errorf("%d views were left open", n)
		}
	}
}

func parse(t rapid.TB, text string) query.Expr {
	t.Helper()
	e, err := query.Parse(text, now)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return e
}

func (w world) check(t rapid.TB, text string, limit, skip int) {
	t.Helper()
	e := parse(t, text)
	if again := parse(t, e.String()); again.String() != e.String() {
		t.Fatalf("%s reads back as %s", e, again)
	}
	want := numbers(querytest.Scan(w.store.Changes(), e))
	var got []audit.Seq
	q := query.Query{Expr: e, Limit: limit}
	for page := range 12 {
		r, err := w.engine.Search(context.Background(), q)
		if err != nil {
			t.Fatalf("%s: %v", e, err)
		}
		got = append(got, numbers(r.Changes)...)
		s := r.Summary
		if s.Count != len(r.Changes) || limit > 0 && s.Count > limit || s.Next != "" && s.Count != limit {
			t.Fatalf("%s: page %d of %d has %d changes, and counts %d", e, page, limit, len(r.Changes), s.Count)
		}
		if s.TotalExact && s.Total != len(want) || s.Total > len(want) || page == 0 && !s.TotalExact {
			t.Fatalf("%s: page %d: total %d, exact %v, want %d", e, page, s.Total, s.TotalExact, len(want))
		}
		if q.After = s.Next; q.After == "" {
			break
		}
	}
	if q.After != "" {
		want = want[:min(len(want), len(got))]
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%s: %v, want %v", e, got, want)
	}
	w.checkSkip(t, e, limit, skip)
}

func (w world) checkSkip(t rapid.TB, e query.Expr, limit, skip int) {
	t.Helper()
	all := numbers(querytest.Scan(w.store.Changes(), e))
	want := all[min(skip, len(all)):]
	more := limit > 0 && len(want) > limit
	if more {
		want = want[:limit]
	}
	r, err := w.engine.Search(context.Background(), query.Query{Expr: e, Limit: limit, Skip: skip})
	if err != nil {
		t.Fatalf("%s: %v", e, err)
	}
	if got := numbers(r.Changes); !slices.Equal(got, want) || more != (r.Summary.Next != "") {
		t.Fatalf("%s: skipping %d: %v, more %v, want %v, %v", e, skip, got, r.Summary.Next != "", want, more)
	}
	if s := r.Summary; !s.TotalExact || s.Total != len(all) {
		t.Fatalf("%s: skipping %d: total %d, exact %v, want %d", e, skip, s.Total, s.TotalExact, len(all))
	}
	if !more {
		return
	}
	// A page may be gone on from and skip as well.
	after, err := w.engine.Search(context.Background(), query.Query{Expr: e, Limit: limit, After: r.Summary.Next, Skip: 2})
	if err != nil {
		t.Fatalf("%s: %v", e, err)
	}
	want = all[min(len(all), skip+limit+2):]
	if got := numbers(after.Changes); !slices.Equal(got, want[:min(limit, len(want))]) {
		t.Fatalf("%s: skipping 2 after %d: %v, want %v", e, skip+limit, got, want)
	}
}

func numbers(changes []audit.Change) []audit.Seq {
	seqs := make([]audit.Seq, len(changes))
	for i := range changes {
		seqs[i] = changes[i].Seq
	}
	return seqs
}

// The generator of queries must ask for things that are there, or the oracle
// would compare nothing with nothing.
func TestQueriesFindSomething(t *testing.T) {
	w := newWorld(1, 300)
	g := querytest.NewCorpus(1)
	some, none := 0, 0
	for range 1000 {
		if n := len(querytest.Scan(w.store.Changes(), parse(t, g.Query(2)))); n > 0 && n < 300 {
			some++
		} else {
			none++
		}
	}
	if some < 500 {
		t.Errorf("%d queries find some changes, %d none or all", some, none)
	}
}

// TestNear compares the distance within a band with the whole table.
func TestNear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.StringMatching(`[abéß]{0,7}`)
		a, b := "w"+letters.Draw(t, "a"), "w"+letters.Draw(t, "b")
		c := audit.Change{After: audit.PresentImage(audit.Object(map[string]audit.Value{"x": audit.Text(b)}), audit.Logged, audit.Exact)}
		for most := range 3 {
			e := query.Of(query.Words{Tokens: []string{query.Fold(a)}, Fuzzy: most})
			want := querytest.Distance(query.Fold(a), query.Fold(b)) <= most
			if e.Match(&c) != want {
				t.Fatalf("%s of %q: %v, want %v", fmt.Sprint(e), b, !want, want)
			}
		}
	})
}
