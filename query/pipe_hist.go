package query

import (
	"context"
	"math"
	"slices"
	"time"

	"recourse/audit"
)

func (x *execution) histogram(ctx context.Context, p PipeHist) error {
	h, err := x.engine.Histogram(ctx, x.source.expr, HistogramOptions{Step: p.Step, By: p.By, Top: p.Top})
	if x.interruptedBy(ctx, err) && h == nil {
		x.give(nil)
		return nil
	}
	if h == nil {
		return err
	}
	x.met(h.Answer)
	if h.Outside > 0 {
		x.note("%d changes have a time that no calendar has, and are in no bucket", h.Outside)
	}
	if p.Versus > 0 {
		return x.versus(ctx, p, h)
	}
	x.out.Histogram = h
	x.give(histogramRows(h, p.By != 0))
	return nil
}

// histogramRows are a row for each bucket, or for each series of each bucket.
func histogramRows(h *Histogram, parted bool) [][]any {
	var rows [][]any
	for _, b := range h.Buckets {
		if !parted {
			rows = append(rows, []any{b.From, b.N})
			continue
		}
		for i, n := range b.Parts {
			if i < len(h.Series) {
				rows = append(rows, []any{b.From, n, h.Series[i], false})
			} else {
				rows = append(rows, []any{b.From, n, nil, true})
			}
		}
	}
	return rows
}

// errVersus says that there is nothing to compare with.
var errVersus error = &hinted{"hist vs asks the same of other days, and finds the time elsewhere than among the terms that must all hold", "write @-24h beside the other terms"}

// versus counts the same hours of the days before.
func (x *execution) versus(ctx context.Context, p PipeHist, h *Histogram) error {
	if len(h.Buckets) == 0 {
		x.give(nil)
		return nil
	}
	other, ok := timeless(x.source.expr)
	if !ok {
		return errVersus
	}
	first, last := h.Buckets[0].From, h.Buckets[len(h.Buckets)-1].To
	const dayMS = audit.Time(day / time.Millisecond)
	from := first - audit.Time(p.Versus)*dayMS
	other = Conjunction(other, Of(And{When{AtLeast, from}, When{Less, last - dayMS}}))
	before, err := x.engine.Histogram(ctx, other, HistogramOptions{Step: h.Step, By: p.By, Named: append([]string{}, h.Series...)})
	if x.interruptedBy(ctx, err) {
		x.give(nil)
		return nil
	}
	if err != nil {
		return err
	}
	for _, s := range before.Steps {
		x.notes.add(s)
	}
	x.give(versusRows(p, h, before))
	return nil
}

// versusRows are a row for each bucket, or for each series of each bucket and for the
// others together, with what the same hours of the days before had.
func versusRows(p PipeHist, h, before *Histogram) [][]any {
	const dayMS = audit.Time(day / time.Millisecond)
	at := map[audit.Time]int{}
	for i, b := range before.Buckets {
		at[b.From] = i
	}
	known := knownTimes(before.Coverage)
	var rows [][]any
	for _, b := range h.Buckets {
		var days []Bucket // those of the days that are known
		for k := 1; k <= p.Versus; k++ {
			shift := audit.Time(k) * dayMS
			if !known(b.From-shift, b.To-shift) {
				continue
			}
			day := Bucket{Parts: make([]int, len(h.Series)+1)}
			if i, there := at[b.From-shift]; there {
				day = before.Buckets[i]
			}
			days = append(days, day)
		}
		counts := func(count func(Bucket) int) (out []int) {
			for _, day := range days {
				out = append(out, count(day))
			}
			return out
		}
		if p.By == 0 {
			rows = append(rows, append([]any{b.From, b.N}, versusCells(b.N, counts(func(b Bucket) int { return b.N }))...))
			continue
		}
		for i := range len(h.Series) + 1 {
			n, name := 0, any(nil)
			if i < len(b.Parts) {
				n = b.Parts[i]
			}
			if i < len(h.Series) {
				name = h.Series[i]
			}
			row := []any{b.From, n, name, name == nil}
			rows = append(rows, append(row, versusCells(n, counts(func(b Bucket) int { return b.Parts[i] }))...))
		}
	}
	return rows
}

// versusCells are what was expected of so many: the median of the same hours of
// other days, the least and the most. Nothing is expected where no day is known.
func versusCells(n int, days []int) []any {
	if len(days) == 0 {
		return []any{nil, nil, nil, 0, nil}
	}
	slices.Sort(days)
	median := float64(days[len(days)/2])
	if len(days)%2 == 0 {
		median = (median + float64(days[len(days)/2-1])) / 2
	}
	low, high := days[0], days[len(days)-1]
	return []any{median, low, high, len(days), n < low || n > high}
}

// timeless is an expression without the times among the terms that must all hold;
// not ok: times stand elsewhere in it.
func timeless(e Expr) (Expr, bool) {
	all, ok := e.Root().(And)
	if !ok {
		all = And{e.Root()}
	}
	var rest And
	for _, n := range all {
		if inner, nested := n.(And); nested {
			e, ok := timeless(Of(inner))
			if !ok {
				return e, false
			}
			if _, everything := e.Root().(All); !everything {
				rest = append(rest, e.Root())
			}
			continue
		}
		if _, time := n.(When); time {
			continue
		}
		if asksForTime(n) {
			return Expr{}, false
		}
		rest = append(rest, n)
	}
	if len(rest) == 0 {
		return Expr{}, true
	}
	return Of(rest), true
}

func asksForTime(n Node) bool {
	switch n := n.(type) {
	case And:
		return slices.ContainsFunc(n, asksForTime)
	case Or:
		return slices.ContainsFunc(n, asksForTime)
	case Not:
		return asksForTime(n.Node)
	case When, chosen:
		return true
	}
	return false
}

// knownTimes says of stretches of time whether all of it was read, of every table
// that the answer is about.
func knownTimes(c Coverage) func(from, to audit.Time) bool {
	open := c.Open()
	return func(from, to audit.Time) bool {
		if len(c.Stretches) == 0 {
			return false // no account was kept
		}
		for _, s := range open {
			if s.From < to && s.To > from {
				return false
			}
		}
		return !slices.ContainsFunc(c.Gaps, func(g audit.Gap) bool {
			return g.From < to && (g.End() > from || math.IsInf(float64(g.End()), 1))
		})
	}
}
