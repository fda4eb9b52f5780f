package index_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"recourse/audit"
	"recourse/query"
	"recourse/store"
)

// TestSearchIsPlainScan compares what engine and index answer with a scan of
// all changes: which changes, in which order, page by page, and how many. Of
// each corpus a part is not indexed yet, and some of it is late, so that
// changes which are indexed have another image before than the index knows.
func TestSearchIsPlainScan(t *testing.T) {
	for seed, size := range []int{60, 300, 300, 300} {
		engine, all := searchable(t, uint64(seed), size)
		rapid.Check(t, func(t *rapid.T) {
			g := newCorpus(rapid.Uint64().Draw(t, "seed"))
			limit := rapid.SampledFrom([]int{0, 1, 7, 50, 700}).Draw(t, "limit")
			compare(t, engine, all, g.query(rapid.IntRange(0, 3).Draw(t, "depth")), limit)
		})
	}
}

// A corpus that is larger than bleve's pages and the follower's batches.
func TestLargeSearchIsPlainScan(t *testing.T) {
	engine, all := searchable(t, 5, 5000)
	g := newCorpus(6)
	for range 6 {
		compare(t, engine, all, g.query(2), 0)
		compare(t, engine, all, g.query(0), 90)
	}
}

// searchable is a corpus in a store and, for the most part, in an index.
func searchable(t *testing.T, seed uint64, size int) (*query.Engine, []audit.Change) {
	t.Helper()
	db, x := openStore(t), openIndex(t, t.TempDir())
	changes := newCorpus(seed).changes(size)
	tail := size / 10
	for i, batch := range slices.Collect(slices.Chunk(changes[:size-tail], 100)) {
		put(t, db, batch...)
		if i%8 == 0 {
			follow(t, x, db)
		}
	}
	follow(t, x, db)
	for batch := range slices.Chunk(changes[size-tail:], 100) {
		put(t, db, batch...)
	}
	if seed%2 == 0 {
		follow(t, x, db)
	}
	return &query.Engine{Store: db, Index: x}, everything(t, db)
}

// everything is what the store holds, in the order of answers.
func everything(t testing.TB, db *store.DB) []audit.Change {
	t.Helper()
	var all []audit.Change
	for c, err := range db.Follow(context.Background(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b audit.Change) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(b.Seq, a.Seq))
	})
	return all
}

func compare(t rapid.TB, engine *query.Engine, all []audit.Change, text string, limit int) {
	e, err := query.Parse(text, now)
	if err != nil {
		t.Fatalf("%v", err)
	}
	var want, got []audit.Seq
	for i := range all {
		if e.Match(&all[i]) {
			want = append(want, all[i].Seq)
		}
	}
	q := query.Query{Expr: e, Limit: limit}
	for page := range 40 {
		r, err := engine.Search(context.Background(), q)
		if err != nil {
			t.Fatalf("%s: %v", e, err)
		}
		for _, c := range r.Changes {
			got = append(got, c.Seq)
		}
		s := r.Summary
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
}

// The generator of queries must ask for things that are there, or the oracle
// would compare nothing with nothing.
func TestQueriesFindSomething(t *testing.T) {
	g := newCorpus(1)
	db := openStore(t)
	put(t, db, g.changes(300)...)
	all := everything(t, db)
	some, none := 0, 0
	for range 1000 {
		e, err := query.Parse(g.query(2), now)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(slices.DeleteFunc(slices.Clone(all), func(c audit.Change) bool { return !e.Match(&c) })); n > 0 && n < len(all) {
			some++
		} else {
			none++
		}
	}
	if some < 500 {
		t.Errorf("%d queries find some changes, %d none or all", some, none)
	}
}

func TestSearchStops(t *testing.T) {
	db, x := openStore(t), openIndex(t, t.TempDir())
	put(t, db, newCorpus(3).changes(50)...)
	follow(t, x, db)
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	for _, err := range x.Candidates(ctx, query.Expr{}, query.Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 10 {
			break
		}
	}
	cancel()
	for _, err := range x.Candidates(ctx, query.Expr{}, query.Position{}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	}
	if _, _, err := x.Count(ctx, query.Expr{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
