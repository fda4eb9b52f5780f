package query_test

import (
	"context"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"recourse/internal/querytest"
	"recourse/query"
)

// TestPipesArePlain holds what pipes make of random histories against an evaluation
// that has nothing but a list of all changes, while sums are wrong where they are
// doubted and the index lags.
func TestPipesArePlain(t *testing.T) {
	worlds := make([]world, 0, 10)
	for seed := range uint64(10) {
		worlds = append(worlds, newWorld(seed, 60+int(seed)*30))
	}
	language := querytest.Language(now)
	rapid.Check(t, func(t *rapid.T) {
		w := worlds[rapid.IntRange(0, len(worlds)-1).Draw(t, "world")]
		g := querytest.NewCorpus(rapid.Uint64().Draw(t, "seed"))
		for range 10 {
			text := g.Query(rapid.IntRange(0, 2).Draw(t, "depth")) + g.Pipes()
			w.pipes(t, language, text)
		}
	})
	for _, w := range worlds {
		if n := w.store.Open.Load(); n != 0 {
			t.Errorf("%d views were left open", n)
		}
	}
}

func (w world) pipes(t rapid.TB, language query.Language, text string) {
	t.Helper()
	p, err := language.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	again, err := language.Parse(p.String())
	if err != nil || again.String() != p.String() {
		t.Fatalf("%s reads back as %v, %v", p, again, err)
	}
	out, err := w.engine.Pipe(context.Background(), p, query.PipeOptions{})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	want := querytest.Plain(w.store.Changes(), p)
	s := out.Summary
	if out.Table == nil {
		if !slices.Equal(numbers(out.Changes), numbers(want.Changes)) {
			t.Fatalf("%s: %v, want %v", text, numbers(out.Changes), numbers(want.Changes))
		}
		if s.Count != len(want.Changes) || s.Total != s.Count || !s.TotalExact {
			t.Fatalf("%s: %d of %d, exact %v, want %d", text, s.Count, s.Total, s.TotalExact, len(want.Changes))
		}
		return
	}
	if got := querytest.Texts(out.Table.Rows); !slices.EqualFunc(got, want.Rows, slices.Equal[[]string]) {
		t.Fatalf("%s:\n%v\nwant\n%v", text, got, want.Rows)
	}
	if s.Count != len(want.Rows) || s.Total != s.Count || !s.TotalExact {
		t.Fatalf("%s: %d rows of %d, exact %v, want %d", text, s.Count, s.Total, s.TotalExact, len(want.Rows))
	}
}
