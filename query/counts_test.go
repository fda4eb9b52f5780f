package query_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"recourse/audit"
	"recourse/internal/querytest"
	"recourse/query"
)

// TestCountsArePlainScan compares counts, facets and histograms with those of the
// changes that a scan finds.
func TestCountsArePlainScan(t *testing.T) {
	worlds := make([]world, 0, 12)
	for seed := range uint64(12) {
		worlds = append(worlds, newWorld(seed+100, 150+int(seed)*50))
	}
	rapid.Check(t, func(t *rapid.T) {
		w := worlds[rapid.IntRange(0, len(worlds)-1).Draw(t, "world")]
		g := querytest.NewCorpus(rapid.Uint64().Draw(t, "seed"))
		for range 10 {
			e := parse(t, g.Query(rapid.IntRange(0, 3).Draw(t, "depth")))
			want := querytest.Scan(w.store.Changes(), e)
			n, err := w.engine.Count(context.Background(), e)
			if err != nil || n.Total != len(want) {
				t.Fatalf("%s: %d, %v, want %d", e, n.Total, err, len(want))
			}
			w.checkFacets(t, e, want, rapid.IntRange(0, 4).Draw(t, "top"))
			w.checkHistogram(t, e, want, rapid.SampledFrom(append(audit.Facets(), 0)).Draw(t, "by"),
				rapid.SampledFrom([]time.Duration{0, time.Hour, 90 * time.Minute, 24 * time.Hour}).Draw(t, "step"))
		}
	})
}

func (w world) checkFacets(t *rapid.T, e query.Expr, want []audit.Change, top int) {
	t.Helper()
	got, err := w.engine.Facets(context.Background(), e, audit.Facets(), top)
	if err != nil || got.Total != len(want) {
		t.Fatalf("%s: %+v, %v", e, got, err)
	}
	for i, f := range audit.Facets() {
		if got, want := got.Facets[i], facetOf(f, want, top); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%s: %s: %v, want %v", e, f, got, want)
		}
	}
}

func facetOf(f audit.Facet, changes []audit.Change, top int) query.FacetCounts {
	counts := map[string]int{}
	for _, c := range changes {
		for _, v := range querytest.ValuesOf(&c, f) {
			counts[v]++
		}
	}
	out := query.FacetCounts{Facet: f, Distinct: len(counts)}
	for v, n := range counts {
		out.Top = append(out.Top, query.ValueCount{Value: v, N: n})
	}
	slices.SortFunc(out.Top, func(a, b query.ValueCount) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Value, b.Value))
	})
	for top > 0 && len(out.Top) > top {
		out.Others += out.Top[len(out.Top)-1].N
		out.Top = out.Top[:len(out.Top)-1]
	}
	return out
}

func (w world) checkHistogram(t *rapid.T, e query.Expr, want []audit.Change, by audit.Facet, step time.Duration) {
	t.Helper()
	h, err := w.engine.Histogram(context.Background(), e, query.HistogramOptions{Step: step, By: by, Top: 3})
	if err != nil || h.Total != len(want) || h.Outside != 0 || step != 0 && h.Step != step {
		t.Fatalf("%s: %+v, %v", e, h, err)
	}
	series := facetOf(by, want, 3)
	if by != 0 && fmt.Sprint(h.Series) != fmt.Sprint(names(series.Top)) || h.Others != (series.Others > 0) {
		t.Fatalf("%s by %s: series %q, others %v, want %v", e, by, h.Series, h.Others, series)
	}
	counted := 0
	for i, b := range h.Buckets {
		if i > 0 && b.From != h.Buckets[i-1].To || float64(b.To-b.From) != float64(h.Step/time.Millisecond) || math.Mod(float64(b.From), float64(b.To-b.From)) != 0 {
			t.Fatalf("%s: bucket %d is from %v to %v, step %v", e, i, b.From, b.To, h.Step)
		}
		n, parts := 0, make([]int, len(b.Parts))
		for _, c := range want {
			if c.Time < b.From || c.Time >= b.To {
				continue
			}
			n++
			for _, v := range querytest.ValuesOf(&c, by) {
				if at := slices.Index(h.Series, v); by != 0 && at >= 0 {
					parts[at]++
				} else if by != 0 {
					parts[len(parts)-1]++
				}
			}
		}
		if n != b.N || !slices.Equal(parts, b.Parts) {
			t.Fatalf("%s by %s: bucket %v: %d %v, want %d %v", e, by, b.From, b.N, b.Parts, n, parts)
		}
		counted += n
	}
	if counted != len(want) {
		t.Fatalf("%s: %d changes in buckets, want %d", e, counted, len(want))
	}
}

func names(values []query.ValueCount) []string {
	out := []string{}
	for _, v := range values {
		out = append(out, v.Value)
	}
	return out
}

// Times that no calendar has are in no bucket, and are said to be.
func TestHistogramOfHostileTimes(t *testing.T) {
	store := &querytest.Memory{ChunkSize: 4}
	for _, at := range []audit.Time{-1, 5, 1e300, -1e300, 8.64e15, 3_600_001, 7_200_000, -8.64e15, 1e16} {
		store.Add(audit.Change{Time: at, User: "u", Op: audit.OpDelete})
	}
	engine := &query.Engine{Store: store}
	for _, by := range []audit.Facet{0, audit.FacetUser, audit.FacetAttribute} {
		h, err := engine.Histogram(t.Context(), query.Expr{}, query.HistogramOptions{By: by})
		if err != nil || h.Total != 9 || h.Outside != 3 {
			t.Fatalf("%d of %d outside, %v", h.Outside, h.Total, err)
		}
		n := 0
		for _, b := range h.Buckets {
			n += b.N
		}
		if n != 6 {
			t.Errorf("by %v: %d in buckets of %v, want 6", by, n, h.Step)
		}
	}
	if _, err := engine.Histogram(t.Context(), query.Expr{}, query.HistogramOptions{Step: time.Hour}); !errors.Is(err, query.ErrBuckets) {
		t.Errorf("%v, want ErrBuckets", err)
	}
	h, err := engine.Histogram(t.Context(), parse(t, "time:[0.0..7200000.0]"), query.HistogramOptions{Step: time.Hour, By: audit.FacetUser})
	if err != nil || len(h.Buckets) != 3 || h.Buckets[0].N != 1 || h.Buckets[1].N != 1 || h.Buckets[2].N != 1 || h.Outside != 0 {
		t.Errorf("%+v, %v", h, err)
	}
	for _, step := range []time.Duration{-1, time.Microsecond} {
		if _, err := engine.Histogram(t.Context(), query.Expr{}, query.HistogramOptions{Step: step}); err == nil {
			t.Errorf("a step of %v was taken", step)
		}
	}
}
