package query

import (
	"sort"

	"recourse/audit"
)

// coveredTimes are the stretches of one table's time in which its log was read
// whole, by time and apart.
type coveredTimes struct {
	stretches []audit.Stretch
	gaps      []audit.Gap // where no account was kept of what was read
	spanned   bool
}

// covered is where the log of a table was read whole.
func (r *Reading) covered(t audit.Table) coveredTimes {
	var c coveredTimes
	for _, s := range r.Spans {
		c.spanned = c.spanned || s.Table == t
	}
	for _, g := range r.Gaps {
		if g.Table == t && g.Healed == 0 {
			c.gaps = append(c.gaps, g)
		}
	}
	if !c.spanned {
		return c
	}
	for _, s := range audit.CoverageOf(t, r.Spans, r.Gaps, 0, forever) {
		n := len(c.stretches)
		switch {
		case s.Cover != audit.Covered:
		case n > 0 && c.stretches[n-1].To == s.From:
			c.stretches[n-1].To = s.To
		default:
			c.stretches = append(c.stretches, s)
		}
	}
	return c
}

// hides says that a change may have happened between two times and not be stored.
// Of a table of which no account was kept of what was read, only the gaps are
// known.
func (c *coveredTimes) hides(from, to audit.Time) bool {
	if to <= from {
		to = after(from)
	}
	if !c.spanned {
		for _, g := range c.gaps {
			if g.From < to && from < g.End() {
				return true
			}
		}
		return false
	}
	i := sort.Search(len(c.stretches), func(i int) bool { return c.stretches[i].To >= to })
	return i == len(c.stretches) || c.stretches[i].From > from
}

// whole says that the log is known to have been read whole between two times.
func (c *coveredTimes) whole(from, to audit.Time) bool { return c.spanned && !c.hides(from, to) }
