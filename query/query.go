package query

import (
	"cmp"
	"context"
	"math"
	"time"

	"recourse/audit"
)

// A Query asks for changes, newest first.
type Query struct {
	Expr  Expr
	Limit int    // how many changes at most; 0 is all of them
	After string // the Next of the page before; empty for the first page
	Skip  int    // how many changes to leave out, from After on
	// Asked is from when relative times in Expr were reckoned (AskedAt), which the
	// next page then does too. Zero: there are none.
	Asked time.Time
}

// A Searcher answers queries: an [Engine] in this process, or a client of one
// elsewhere.
type Searcher interface {
	Search(context.Context, Query) (*Result, error)
}

// A Result is one page of an answer.
type Result struct {
	Changes []audit.Change // newest first, by Time and then Seq
	Summary Summary
	Explanation
}

// A Summary says how far a result can be relied on.
type Summary struct {
	Count      int // changes on this page
	Total      int // all changes that match if TotalExact, and otherwise at least so many
	TotalExact bool
	Next       string // where the next page begins; empty on the last one
	// Partial says why this is not all: the query was interrupted. Empty: it is all.
	Partial string
	Notes   []string // what else is to be known: names that nothing has, and the like
	Coverage
	Took time.Duration
}

// A Position is a change's place in the order of answers. The zero Position
// stands before the newest change.
type Position struct {
	Time audit.Time
	Seq  audit.Seq
}

// PositionOf is the place of a change.
func PositionOf(c *audit.Change) Position { return Position{c.Time, c.Seq} }

// Compare orders places as answers do: it is negative if p comes before q,
// which is to say that its change is the newer one.
func (p Position) Compare(q Position) int {
	if c := cmp.Compare(q.Time, p.Time); c != 0 {
		return c
	}
	return cmp.Compare(q.Seq, p.Seq)
}

// TimeKey is the time as a number that sorts alike, bit for bit.
func (p Position) TimeKey() uint64 {
	bits := math.Float64bits(float64(p.Time))
	if bits>>63 == 1 {
		return ^bits
	}
	return bits | 1<<63
}
