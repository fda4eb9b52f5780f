package report

import (
	"strings"

	"recourse/query"
)

// sparks are what a count looks like, by its part of the most; none is a dot.
var sparks = []rune("·▁▂▃▄▅▆▇█")

// sparkline is counts over time in a line of at most so many columns: neighbours
// are put together until they fit.
func sparkline(counts []int, width int) string {
	width = max(width, 1)
	per := (len(counts) + width - 1) / width
	if per > 1 {
		var sums []int
		for i := 0; i < len(counts); i += per {
			n := 0
			for _, c := range counts[i:min(i+per, len(counts))] {
				n += c
			}
			sums = append(sums, n)
		}
		counts = sums
	}
	most := 1
	for _, n := range counts {
		most = max(most, n)
	}
	var b strings.Builder
	top := len(sparks) - 1
	for _, n := range counts {
		b.WriteRune(sparks[(n*top+most-1)/most])
	}
	return b.String()
}

// countsOf are a histogram's counts, all or those of one series.
func countsOf(h *query.Histogram, series int) []int {
	out := make([]int, len(h.Buckets))
	for i, b := range h.Buckets {
		if out[i] = b.N; series >= 0 {
			out[i] = b.Parts[series]
		}
	}
	return out
}

// sparklines write a histogram in a line, and one for each of its series.
func (g *page) sparklines(h *query.Histogram) {
	names := []string{"all"}
	for _, s := range h.Series {
		names = append(names, facetCell(s).text)
	}
	if h.Others {
		names = append(names, "(others)")
	}
	width := 0
	for _, n := range names {
		width = max(width, min(columns(n), 24))
	}
	for i, n := range names {
		g.line(plain, "%s  %s", pad(cut(n, width), width, false), sparkline(countsOf(h, i-1), g.width-width-2))
	}
}
