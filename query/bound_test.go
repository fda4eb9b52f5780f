package query_test

import (
	"context"
	"testing"
	"time"

	"recourse/audit"
	"recourse/query"
)

// What an answer rests on is what its names stand for: a saved query's time, and not
// all time.
func TestVerbsRestOnWhatNamesStandFor(t *testing.T) {
	const text = "@2026-11-23T20:00..2026-11-23T21:00"
	w := newWorld(3, 200)
	w.engine.Now = func() time.Time { return now }
	w.engine.Names = &query.Names{Saved: func(context.Context, string) (string, error) { return text, nil }}
	parse := func(s string) query.Expr {
		e, err := query.Parse(s, now)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	for name, ask := range map[string]func(query.Expr) (query.Coverage, error){
		"sessions": func(e query.Expr) (query.Coverage, error) {
			a, err := w.engine.Sessions(t.Context(), e, query.SessionOptions{Gap: time.Minute})
			return a.Summary.Coverage.Coverage, err
		},
		"blast": func(e query.Expr) (query.Coverage, error) {
			a, err := w.engine.Blast(t.Context(), e)
			return a.Summary.Coverage.Coverage, err
		},
		"pickaxe": func(e query.Expr) (query.Coverage, error) {
			a, err := w.engine.Pickaxe(t.Context(), "paid", query.PickaxeOptions{Within: e})
			return a.Summary.Coverage.Coverage, err
		},
		"actor": func(e query.Expr) (query.Coverage, error) {
			a, err := w.engine.Actor(t.Context(), "eve", query.ActorOptions{Gap: time.Minute, Within: e})
			return a.Summary.Coverage.Coverage, err
		},
		"compare": func(e query.Expr) (query.Coverage, error) {
			a, err := w.engine.Compare(t.Context(), e, parse("*"), query.CompareOptions{})
			return a.Summary.Coverage.Coverage, err
		},
		"usual": func(e query.Expr) (query.Coverage, error) {
			a, err := w.engine.CompareUsual(t.Context(), e, 48*time.Hour, query.CompareOptions{})
			return a.Summary.Coverage.Coverage, err
		},
		"case": func(e query.Expr) (query.Coverage, error) {
			a, err := w.engine.Case(t.Context(), e, query.CaseOptions{})
			return a.Coverage, err
		},
	} {
		want, err := ask(parse(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := ask(parse("@q:then"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.From != want.From || got.To != want.To || got.From == audit.Time(0) {
			t.Errorf("%s: rests on %v to %v; want %v to %v", name, got.From, got.To, want.From, want.To)
		}
	}
}
