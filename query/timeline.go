package query

import (
	"context"
	"iter"

	"recourse/audit"
)

// A Historian knows the life of each record.
type Historian interface {
	// History yields a record's changes, oldest first.
	History(context.Context, audit.Key) iter.Seq2[audit.Change, error]
}

// An Entry is one change in the life of a record.
type Entry struct {
	Change audit.Change
	Diff   audit.Diff // what it edited
	Known  bool       // both images are known; if not, nobody can tell what it edited
}

// Timeline yields a record's life, oldest first.
func Timeline(ctx context.Context, h Historian, key audit.Key) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for c, err := range h.History(ctx, key) {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			d, known := c.Diff()
			if !yield(Entry{c, d, known}, nil) {
				return
			}
		}
	}
}
