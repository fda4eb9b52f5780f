package query_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"recourse/audit"
	"recourse/internal/querytest"
	"recourse/query"
)

func search(t *testing.T, e *query.Engine, q string, limit int, after string) (*query.Result, error) {
	t.Helper()
	expr, err := query.Parse(q, now)
	if err != nil {
		t.Fatal(err)
	}
	return e.Search(t.Context(), query.Query{Expr: expr, Limit: limit, After: after})
}

func TestGapsThatTouch(t *testing.T) {
	const hour = 3_600_000
	gap := audit.Gap{Node: "n1", Table: audit.Table{Database: "shop", Name: "orders"}, From: 100 * hour, To: 110 * hour, Reason: "poison"}
	engine := &query.Engine{Store: &querytest.Memory{Gapped: []audit.Gap{gap}}}
	for q, touched := range map[string]bool{
		"*":                                  true,
		"eve":                                true,
		"-eve":                               true,
		"table:shop.orders":                  true,
		"table:orders":                       true,
		"table:shop.*":                       true,
		"table:customers":                    false,
		"-table:orders":                      false,
		"db:bank":                            false,
		"table:customers or user:eve":        true,
		"table:customers or db:bank":         false,
		"key:shop.orders/1":                  true,
		"key:shop.customers/1":               false,
		"node:n2":                            false,
		"node:n1 user:eve":                   true,
		"time>=378000000.0":                  true,  // 105 h
		"time>=399000000.0":                  true,  // 110.8 h: the clocks may differ
		"time>=403200000.0":                  false, // 112 h
		"time<356400000.0":                   false, // 99 h
		"time<356500000.0":                   true,
		"time:[180000000.0..252000000.0]":    false, // 50 h to 70 h
		"-time:[180000000.0..540000000.0]":   false, // not 50 h to 150 h
		"-time:[180000000.0..252000000.0]":   true,
		"time:378000000.0":                   true,
		"table:shop.orders time<36000000.0":  false,
		"table:shop.orders time>378000000.0": true,
		"seq:1":                              true,
	} {
		r, err := search(t, engine, q, 0, "")
		if err != nil {
			t.Fatal(err)
		}
		// Nobody kept account of what was read, so no answer is complete.
		if got := len(r.Summary.Gaps) == 1; got != touched || r.Summary.Complete {
			t.Errorf("%s: the gap touches it: %v, complete: %v, want %v and false", q, got, r.Summary.Complete, touched)
		}
	}
}

func TestSearchErrors(t *testing.T) {
	store, words := &querytest.Memory{}, &querytest.Words{}
	for range 3 {
		store.Add(audit.Change{Time: 5, Op: audit.OpDelete})
	}
	words.Follow(store, 3)
	engine := &query.Engine{Store: store, Words: words}
	first, err := search(t, engine, "*", 1, "")
	if err != nil || first.Summary.Next == "" {
		t.Fatalf("first page: %+v, %v", first, err)
	}
	next := first.Summary.Next
	for _, after := range []string{"x", next[1:], next + "A", strings.ToUpper(next), "!" + next[1:], "A" + next[1:] + "="} {
		if _, err := search(t, engine, "*", 1, after); !errors.Is(err, query.ErrCursor) {
			t.Errorf("search after %q: %v, want ErrCursor", after, err)
		}
	}
	for _, q := range []query.Query{{Limit: -1}, {Skip: -1}} {
		if _, err := engine.Search(t.Context(), q); err == nil {
			t.Errorf("%+v was taken", q)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := engine.Search(ctx, query.Query{}); !errors.Is(err, context.Canceled) || r != nil {
		t.Errorf("cancelled: %v, %v", r, err)
	}
	for _, err := range engine.All(ctx, query.Expr{}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	}
	engine.Store = &querytest.Memory{}
	if _, err := search(t, engine, "*", 1, ""); !errors.Is(err, query.ErrIndexAhead) {
		t.Errorf("an index that is ahead: %v, want ErrIndexAhead", err)
	}
	if n := store.Open.Load(); n != 0 {
		t.Errorf("%d views were left open", n)
	}
}

// A page of a store with many changes must not read them all.
func TestPageReadsLittle(t *testing.T) {
	store, words := &querytest.Memory{ChunkSize: 512}, &querytest.Words{}
	for i := range 4000 {
		store.Add(audit.Change{Time: audit.Time(i), User: fmt.Sprint("u", i%3), Key: audit.Key{ID: audit.ID(fmt.Sprint(i))}})
	}
	words.Follow(store, 4000)
	engine := &query.Engine{Store: store, Words: words}
	for _, q := range []query.Query{{Limit: 10}, {Limit: 10, Skip: 3900}} {
		for _, text := range []string{"*", "seq:7", "time<1000.0", "user:u1 or user:u2", "-user:u0 seq>5"} {
			store.Reads.Store(0)
			expr, err := query.Parse(text, now)
			if err != nil {
				t.Fatal(err)
			}
			q.Expr = expr
			r, err := engine.Search(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if n := store.Reads.Load(); n > int64(len(r.Changes)) || !r.Summary.TotalExact {
				t.Errorf("%s: a page of %d read %d changes", text, len(r.Changes), n)
			}
		}
	}
}

func TestTimeline(t *testing.T) {
	store := &querytest.Memory{}
	key := audit.Key{Table: audit.Table{Database: "d", Name: "t"}, ID: "1"}
	put := func(at audit.Time, x int64) {
		body := audit.Object(map[string]audit.Value{"x": audit.Int(x)})
		store.Add(audit.Change{Time: at, Op: audit.OpUpdate, Key: key, After: audit.PresentImage(body, audit.Logged, audit.Exact)})
	}
	put(10, 1)
	put(30, 3)
	put(20, 2) // late
	var got []string
	for e, err := range query.Timeline(t.Context(), store, key) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(e.Change.Seq, e.Known, len(e.Diff)))
	}
	if want := []string{"1 false 0", "3 true 1", "2 true 1"}; !slices.Equal(got, want) {
		t.Errorf("Timeline = %q, want %q", got, want)
	}
}
