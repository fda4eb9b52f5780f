package query_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"recourse/audit"
	"recourse/query"
)

// interruptedAt is an expression of all changes that ends the context with the n-th
// that is held against it.
func interruptedAt(t *testing.T, n int) (context.Context, query.Expr) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	read := 0
	return ctx, query.Of(query.Where{Text: "x", Holds: func(*audit.Change) (bool, error) {
		if read++; read == n {
			cancel()
		}
		return true, nil
	}})
}

// A search that is interrupted gives what it has found, says so, and goes on there.
func TestInterruptedSearchSaysSo(t *testing.T) {
	w := newWorld(3, 3000)
	w.engine.Parallel = 1
	all, err := w.engine.Search(t.Context(), query.Query{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, expr := interruptedAt(t, 2500)
	res, err := w.engine.Search(ctx, query.Query{Expr: expr})
	if !errors.Is(err, context.Canceled) || res == nil {
		t.Fatalf("%v, error %v", res, err)
	}
	s := res.Summary
	if s.Partial != query.Interrupted || s.TotalExact || s.Count != len(res.Changes) || s.Count == 0 || s.Count == 3000 {
		t.Errorf("%+v", s)
	}
	rest, err := w.engine.Search(t.Context(), query.Query{Expr: expr, After: s.Next})
	if err != nil {
		t.Fatal(err)
	}
	if rest.Summary.Partial != "" || s.Count+len(rest.Changes) != 3000 || rest.Changes[0].Seq != all.Changes[s.Count].Seq {
		t.Errorf("%d changes and %d behind %s", s.Count, len(rest.Changes), s.Next)
	}
}

// A verb that is interrupted has an answer beside the error, which is partial.
func TestInterruptedVerbsSaySo(t *testing.T) {
	w := newWorld(3, 3000)
	w.engine.Parallel = 1
	for name, ask := range map[string]func(context.Context, query.Expr) (bool, error){
		"sessions": func(ctx context.Context, e query.Expr) (bool, error) {
			s, err := w.engine.Sessions(ctx, e, query.SessionOptions{Gap: time.Minute})
			return s != nil && s.Summary.Partial, err
		},
		"blast": func(ctx context.Context, e query.Expr) (bool, error) {
			b, err := w.engine.Blast(ctx, e)
			return b != nil && b.Summary.Partial, err
		},
		"case": func(ctx context.Context, e query.Expr) (bool, error) {
			c, err := w.engine.Case(ctx, e, query.CaseOptions{})
			return c != nil && c.Partial, err
		},
		"count": func(ctx context.Context, e query.Expr) (bool, error) {
			a, err := w.engine.Count(ctx, e)
			return part(t, a), err
		},
		"facets": func(ctx context.Context, e query.Expr) (bool, error) {
			f, err := w.engine.Facets(ctx, e, []audit.Facet{audit.FacetUser, audit.FacetOp}, 0)
			if f == nil {
				return false, err
			}
			counted := 0
			for _, v := range f.Facets[0].Top {
				counted += v.N
			}
			return part(t, f.Answer) && counted > 0 && counted <= f.Total, err
		},
		"histogram": func(ctx context.Context, e query.Expr) (bool, error) {
			h, err := w.engine.Histogram(ctx, e, query.HistogramOptions{})
			if h == nil {
				return false, err
			}
			counted := 0
			for _, b := range h.Buckets {
				counted += b.N
			}
			return part(t, h.Answer) && counted > 0 && counted <= h.Total, err
		},
	} {
		ctx, expr := interruptedAt(t, 2000)
		if partial, err := ask(ctx, expr); !partial || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: partial %v, error %v", name, partial, err)
		}
	}
}

// part says that counts are some of those of 3000 changes, and say so.
func part(t *testing.T, a query.Answer) bool {
	if a.Total == 0 || a.Total >= 3000 {
		t.Errorf("%d changes were counted", a.Total)
	}
	return a.Partial == query.Interrupted
}
