package query

import (
	"cmp"
	"context"
	"iter"
	"math"
	"time"

	"recourse/audit"
)

// A Query asks for changes, newest first.
type Query struct {
	Expr  Expr
	Limit int    // how many changes at most; 0 is all of them
	After string // the Next of the page before; empty for the first page
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
}

// A Summary says how far a result can be relied on.
type Summary struct {
	Count      int // changes on this page
	Total      int // all changes that match if TotalExact, and otherwise at least so many
	TotalExact bool
	Next       string // where the next page begins; empty on the last one
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
	if c := cmp.Compare(q.TimeKey(), p.TimeKey()); c != 0 {
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

// TimeOfKey is the time whose TimeKey this is.
func TimeOfKey(key uint64) audit.Time {
	if key>>63 == 1 {
		return audit.Time(math.Float64frombits(key &^ (1 << 63)))
	}
	return audit.Time(math.Float64frombits(^key))
}

// A Reader reads stored changes.
type Reader interface {
	// Get is the change of that number.
	Get(context.Context, audit.Seq) (audit.Change, error)
	// Follow yields the changes after a number, in the order of their numbers,
	// up to the newest.
	Follow(context.Context, audit.Seq) iter.Seq2[audit.Change, error]
	// Next is the number of the following change of the same record, if there
	// is one; messages, which leave a record as it was, are passed over.
	Next(context.Context, audit.Change) (audit.Seq, bool, error)
}

// A Store is what an Engine searches.
type Store interface {
	Reader
	Log
	// Last is the number of the newest change; 0 if there is none.
	Last() audit.Seq
}

// A Finder proposes changes for an expression. It may propose changes that do
// not match, and must propose every change up to Progress that matches as it
// was when it was indexed.
type Finder interface {
	// Progress is the number up to which all changes are indexed.
	Progress() audit.Seq
	// Candidates yields the places of the proposed changes that come after a
	// place, newest first.
	Candidates(context.Context, Expr, Position) iter.Seq2[Position, error]
	// Count is how many changes are proposed, and whether exactly those match.
	Count(context.Context, Expr) (n int, exact bool, err error)
}
