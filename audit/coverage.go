package audit

import (
	"cmp"
	"math"
	"slices"
)

// A Cover is what is known of a stretch of time in one table's log.
type Cover string

// What may be known of a stretch, from the best to the worst.
const (
	Covered         Cover = "covered"     // read: what is stored is all there was
	CoverGap        Cover = "gap"         // it could not be read, or was deleted before it was
	CoverBefore     Cover = "before-join" // before the log of any node began
	CoverNotAudited Cover = "not-audited" // Harper kept no log
	CoverUnread     Cover = "unread"      // nobody has read it (yet)
)

// A Stretch is a part of a table's time of which one thing is known.
type Stretch struct {
	From   Time     `json:"from"` // inclusive; 0: since ever
	To     Time     `json:"to"`   // exclusive
	Cover  Cover    `json:"state"`
	Reason string   `json:"reason,omitempty"`
	Nodes  []string `json:"nodes,omitempty"` // those whose log covers it, or those that have the gap
}

// CoverageOf parts a table's time, from inclusive to exclusive, into stretches,
// from what was read of its log and what could not be. Where the logs of
// several nodes were read, one of them that was whole is enough: each node of a
// cluster logs what it gets from the others. Spans and gaps of other tables and
// healed gaps do not count.
//
// On the LMDB line limits are times of commits, some milliseconds after those of
// the changes.
func CoverageOf(table Table, spans []Span, gaps []Gap, from, to Time) []Stretch {
	spans = slices.DeleteFunc(slices.Clone(spans), func(s Span) bool { return s.Table != table })
	gaps = slices.DeleteFunc(slices.Clone(gaps), func(g Gap) bool { return g.Table != table || g.Healed != 0 })
	cuts := []Time{from, to}
	cut := func(t Time) {
		if from < t && t < to {
			cuts = append(cuts, t)
		}
	}
	for _, s := range spans {
		cut(s.From)
		cut(s.To)
	}
	for _, g := range gaps {
		cut(g.From)
		cut(g.End())
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	// What begins is taken up, and what has ended put down, as time goes on, so that thousands of gaps cost no more than themselves.
	slices.SortFunc(spans, func(a, b Span) int { return cmp.Compare(a.From, b.From) })
	slices.SortFunc(gaps, func(a, b Gap) int { return cmp.Compare(a.From, b.From) })
	var inSpans []Span
	var inGaps []Gap
	var out []Stretch
	for i := 1; i < len(cuts); i++ {
		at := cuts[i-1]
		for len(spans) > 0 && spans[0].From <= at {
			inSpans, spans = append(inSpans, spans[0]), spans[1:]
		}
		for len(gaps) > 0 && gaps[0].From <= at {
			inGaps, gaps = append(inGaps, gaps[0]), gaps[1:]
		}
		inSpans = slices.DeleteFunc(inSpans, func(s Span) bool { return s.To <= at })
		inGaps = slices.DeleteFunc(inGaps, func(g Gap) bool { return g.End() <= at })
		next := stretchOf(inSpans, inGaps, at, cuts[i])
		if n := len(out); n > 0 && out[n-1].Cover == next.Cover && out[n-1].Reason == next.Reason && slices.Equal(out[n-1].Nodes, next.Nodes) {
			out[n-1].To = next.To
			continue
		}
		out = append(out, next)
	}
	return out
}

// End is where the gap ends, exclusive: its To, but a gap that is an instant
// hides that instant.
func (g Gap) End() Time {
	if g.To > g.From {
		return g.To
	}
	return Time(math.Nextafter(float64(g.From), math.Inf(1)))
}

// stretchOf judges a stretch that no span or gap ends within.
func stretchOf(spans []Span, gaps []Gap, from, to Time) Stretch {
	s := Stretch{From: from, To: to, Cover: CoverUnread}
	read := map[string]bool{}
	for _, sp := range spans {
		if sp.From <= from && to <= sp.To {
			read[sp.Node] = true
		}
	}
	var worst *Gap
	holed := map[string]bool{}
	for i := range gaps {
		g := &gaps[i]
		if g.From <= from && to <= g.End() {
			holed[g.Node] = true
			if worst == nil || cmp.Less(rank(g.Kind), rank(worst.Kind)) {
				worst = g
			}
		}
	}
	for node := range read {
		if !holed[node] {
			s.Nodes = append(s.Nodes, node)
		}
	}
	switch {
	case len(s.Nodes) > 0:
		s.Cover = Covered
	case worst != nil:
		s.Cover, s.Reason = coverOf(worst.Kind), worst.Reason
		for node := range holed {
			s.Nodes = append(s.Nodes, node)
		}
	}
	slices.Sort(s.Nodes)
	return s
}

// rank orders the kinds of gap by how much it matters that one has it.
func rank(k GapKind) int {
	return slices.Index([]GapKind{GapPurged, GapUnreadable, GapOutage, GapUnaudited, GapBefore}, cmp.Or(k, GapUnreadable))
}

func coverOf(k GapKind) Cover {
	switch k {
	case GapBefore:
		return CoverBefore
	case GapUnaudited:
		return CoverNotAudited
	}
	return CoverGap
}
