package query_test

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"recourse/audit"
	"recourse/index"
	"recourse/internal/querytest"
	"recourse/query"
	"recourse/store"
)

// A viewed store opens its views for an engine.
type viewed struct{ *store.DB }

func (v viewed) View(ctx context.Context) (query.View, error) { return v.DB.View(ctx) }

// stored is the history of a seed in a store, followed by an index now and then.
func stored(t *testing.T, seed uint64, late bool) (*query.Engine, []audit.Change) {
	t.Helper()
	db, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x, err := index.Open(t.TempDir(), index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmp.Or(x.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	changes := querytest.NewCorpus(seed).Changes(300 + int(seed)*500)
	if !late {
		slices.SortStableFunc(changes, func(a, b audit.Change) int { return cmp.Compare(a.Time, b.Time) })
	}
	for i, batch := range slices.Collect(slices.Chunk(changes, 1+int(seed)*40)) {
		if _, err := db.Append(t.Context(), audit.Batch{Changes: batch}); err != nil {
			t.Fatal(err)
		}
		if i%7 == 0 {
			if _, err := x.Follow(t.Context(), db); err != nil {
				t.Fatal(err)
			}
		}
	}
	var all []audit.Change
	for c, err := range db.Follow(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return &query.Engine{Store: viewed{db}, Words: x, Names: querytest.Names(all)}, all
}

// TestAnswersOfTheStore compares what engine, store and index answer together
// with a scan of all changes.
func TestAnswersOfTheStore(t *testing.T) {
	for _, late := range []bool{false, true} {
		for seed := range uint64(3) {
			engine, all := stored(t, seed, late)
			rapid.Check(t, func(t *rapid.T) {
				g := querytest.NewCorpus(rapid.Uint64().Draw(t, "seed"))
				for range 2 {
					e := parse(t, g.Query(rapid.IntRange(0, 3).Draw(t, "depth")))
					if querytest.AsksForRules(e.Root()) {
						continue // the store was told of no rules
					}
					answers(t, engine, e, querytest.Scan(all, e))
				}
			})
		}
	}
}

func answers(t *rapid.T, engine *query.Engine, e query.Expr, want []audit.Change) {
	t.Helper()
	r, err := engine.Search(context.Background(), query.Query{Expr: e})
	if err != nil || !slices.Equal(numbers(r.Changes), numbers(want)) {
		t.Fatalf("%s: %v, %v, want %v", e, r, err, numbers(want))
	}
	known := audit.Facets()[:audit.FacetRule-1] // without rules
	f, err := engine.Facets(context.Background(), e, known, 0)
	if err != nil {
		t.Fatalf("%s: %v", e, err)
	}
	for i, facet := range known {
		if want := facetOf(facet, want, 0); f.Facets[i].Distinct != want.Distinct || !slices.Equal(f.Facets[i].Top, want.Top) {
			t.Fatalf("%s: %s: %v, want %v", e, facet, f.Facets[i], want)
		}
	}
}

// TestBlastOfTheStore: what the store reads of each change, which is no more than is
// wanted of it, says the same of every record as reading all changes whole.
func TestBlastOfTheStore(t *testing.T) {
	for _, late := range []bool{false, true} {
		engine, all := stored(t, 1, late)
		full := *engine
		full.Store = plainly{engine.Store.(viewed)}
		for seed := range uint64(60) {
			g := querytest.NewCorpus(seed)
			text := g.Query(int(seed % 3))
			e, err := query.Parse(text, time.Now())
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if querytest.AsksForRules(e.Root()) {
				continue
			}
			got, err := engine.Blast(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			want, err := full.Blast(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := jsonOf(t, got.Records), jsonOf(t, want.Records); got != want {
				t.Fatalf("%s of %d changes:\n%s\nwant\n%s", e, len(all), got, want)
			}
		}
	}
}

// A plainly viewed store has views that read every change whole.
type plainly struct{ viewed }

func (s plainly) View(ctx context.Context) (query.View, error) {
	v, err := s.viewed.View(ctx)
	return struct{ query.View }{v}, err
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
