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

// direct says that so few numbers are possible that an index is no help.
func (l limits) direct() bool {
	const few = 1000
	return l.high-l.low < few
}

// start is the place after which the search begins: where it was to begin, or
// the latest time that is possible, whichever is later in the answer.
func (l limits) start(after Position) Position {
	if math.IsInf(float64(l.to), 1) {
		return after
	}
	top := Position{audit.Time(math.Nextafter(float64(l.to), math.Inf(1))), 0}
	if after == (Position{}) || top.Compare(after) > 0 {
		return top
	}
	return after
}

// before says whether a place is past the earliest time that is possible.
func (l limits) before(p Position) bool { return p.Time < l.from }

// Times are the earliest and the latest time that a change can have which the
// expression asks for; infinite where it sets no limit.
func (e Expr) Times() (from, to audit.Time) {
	l := limitsOf(e.Root())
	return l.from, l.to
}
