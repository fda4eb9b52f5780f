package query

import (
	"math"

	"recourse/audit"
)

// The limits of an expression are numbers and times outside of which nothing
// matches. They need not be tight.
type limits struct {
	low, high audit.Seq  // both belong to it
	from, to  audit.Time // both belong to it
}

func limitsOf(n Node) limits {
	l := limits{1, math.MaxUint64, audit.Time(math.Inf(-1)), audit.Time(math.Inf(1))}
	switch n := n.(type) {
	case And:
		for _, part := range n {
			l = l.and(limitsOf(part))
		}
	case Numbered:
		switch n.Op {
		case Is:
			l.low, l.high = max(1, n.N), n.N
		case Less, AtMost:
			l.high = n.N
		case More, AtLeast:
			l.low = max(1, n.N)
		}
	case When:
		switch n.Op {
		case Is:
			l.from, l.to = n.At, n.At
		case Less, AtMost:
			l.to = n.At
		case More, AtLeast:
			l.from = n.At
		}
	}
	return l
}

func (l limits) and(m limits) limits {
	return limits{max(l.low, m.low), min(l.high, m.high), max(l.from, m.from), min(l.to, m.to)}
}

// outside says that no change of a chunk is within the limits.
func (l limits) outside(c audit.Chunk) bool {
	last := c.First + audit.Seq(c.N) - 1
	return c.N == 0 || last < l.low || c.First > l.high || c.Max < l.from || c.Min > l.to
}

// Times are the earliest and the latest time that a change can have which the
// expression asks for; infinite where it sets no limit.
func (e Expr) Times() (from, to audit.Time) {
	l := limitsOf(e.Root())
	return l.from, l.to
}
