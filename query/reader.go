package query

import (
	"context"
	"iter"

	"recourse/audit"
)

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

// A Finder proposes changes for an expression.
type Finder interface {
	// Progress is the number up to which all changes are indexed.
	Progress() audit.Seq
	// Candidates yields the places of the proposed changes that come after a
	// place, newest first.
	Candidates(context.Context, Expr, Position) iter.Seq2[Position, error]
	// Count is how many changes are proposed, and whether exactly those match.
	Count(context.Context, Expr) (n int, exact bool, err error)
}

// Affected is the change whose image before depends on c, if it was stored
// earlier than c and may therefore have been read with another one.
func Affected(ctx context.Context, store Reader, c audit.Change) (audit.Change, bool, error) {
	seq, ok, err := store.Next(ctx, c)
	if err != nil || !ok || seq > c.Seq {
		return audit.Change{}, false, err
	}
	next, err := store.Get(ctx, seq)
	return next, err == nil, err
}
