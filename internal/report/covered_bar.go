package report

import (
	"math"
	"strings"

	"recourse/audit"
	"recourse/query"
)

// limits are the time that the bars stand for: what was asked for or, where it
// has no begin, from the first that was read, and no end, to the last.
func (c Covered) limits() (from, to audit.Time) {
	from, to = c.From, c.To
	for _, t := range c.Tables {
		if c.To <= 0 {
			to = max(to, t.ReadTo)
		}
		if c.From <= 0 && t.Oldest > 0 && (from <= 0 || t.Oldest < from) {
			from = t.Oldest
		}
	}
	return from, to
}

// coverSigns are the signs of a bar, each before those that give way to it.
const coverSigns = "x-.="

// timeline is a table's time as a bar of so many signs. Each stands for the worst
// of its part of the time, so that no gap is too short to be seen.
func timeline(t query.TableCoverage, from, to audit.Time, width int) string {
	signs := []byte(strings.Repeat("=", width))
	column := func(at audit.Time, round func(float64) float64) int {
		return int(min(max(round(float64((at-from)/(to-from))*float64(width)), 0), float64(width)))
	}
	if to <= from || len(t.Stretches) == 0 {
		return strings.Repeat(".", width)
	}
	for _, s := range t.Open() {
		sign := coverSign(s.Cover)
		for i := column(s.From, math.Floor); i < column(s.To, math.Ceil); i++ {
			if strings.IndexByte(coverSigns, sign) < strings.IndexByte(coverSigns, signs[i]) {
				signs[i] = sign
			}
		}
	}
	return string(signs)
}

func coverSign(c audit.Cover) byte {
	switch c {
	case audit.Covered:
		return '='
	case audit.CoverGap:
		return 'x'
	case audit.CoverNotAudited:
		return '-'
	}
	return '.'
}
