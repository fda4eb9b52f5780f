package store_test

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"recourse/audit"
	"recourse/internal/querytest"
	"recourse/query"
)

func (o *oracle) counts(top int) {
	o.w.t.Helper()
	ctx := o.w.t.Context()
	if n, err := o.e.Count(ctx, o.expr); err != nil || n.Total != len(o.want) {
		o.fail("counts %d, %v, want %d", n.Total, err, len(o.want))
	}
	facets, err := o.e.Facets(ctx, o.expr, audit.Facets(), top)
	if err != nil || facets.Total != len(o.want) {
		o.fail("facets %+v, %v, want %d", facets, err, len(o.want))
	}
	for i, f := range audit.Facets() {
		if want := o.facet(f, top); fmt.Sprint(facets.Facets[i]) != fmt.Sprint(want) {
			o.fail("%s: %v, want %v", f, facets.Facets[i], want)
		}
	}
	by := audit.Facets()[o.w.r.IntN(len(audit.Facets()))]
	h, err := o.e.Histogram(ctx, o.expr, query.HistogramOptions{Step: time.Hour, By: by, Top: 3})
	if err != nil || h.Total != len(o.want) {
		o.fail("histogram %+v, %v, want %d", h, err, len(o.want))
	}
	o.histogram(h, by)
}

func (o *oracle) facet(f audit.Facet, top int) query.FacetCounts {
	counts := map[string]int{}
	for i := range o.want {
		for _, v := range querytest.ValuesOf(&o.want[i], f) {
			counts[v]++
		}
	}
	out := query.FacetCounts{Facet: f, Distinct: len(counts)}
	for v, n := range counts {
		out.Top = append(out.Top, query.ValueCount{Value: v, N: n})
	}
	slices.SortFunc(out.Top, func(a, b query.ValueCount) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Value, b.Value)) })
	for top > 0 && len(out.Top) > top {
		out.Others += out.Top[len(out.Top)-1].N
		out.Top = out.Top[:len(out.Top)-1]
	}
	return out
}

func (o *oracle) histogram(h *query.Histogram, by audit.Facet) {
	o.w.t.Helper()
	type cell struct {
		bucket int
		series string
	}
	want, all := map[cell]int{}, 0
	for i := range o.want {
		for at, b := range h.Buckets {
			if c := &o.want[i]; b.From <= c.Time && c.Time < b.To {
				all++
				want[cell{at, ""}]++
				for _, v := range querytest.ValuesOf(c, by) {
					if want[cell{at, "=" + v}]++; !slices.Contains(h.Series, v) {
						want[cell{at, "other"}]++
					}
				}
			}
		}
	}
	if all != len(o.want) {
		o.fail("%d changes are in buckets, want %d", all, len(o.want))
	}
	for at, b := range h.Buckets {
		if b.N != want[cell{at, ""}] {
			o.fail("bucket %d has %d changes, want %d", at, b.N, want[cell{at, ""}])
		}
		for i, n := range b.Parts {
			series := "other"
			if i < len(h.Series) {
				series = "=" + h.Series[i]
			}
			if n != want[cell{at, series}] {
				o.fail("bucket %d has %d changes of %s, want %d", at, n, series, want[cell{at, series}])
			}
		}
	}
}
