package query

import (
	"context"
	"math"
	"time"

	"recourse/audit"
)

// A scope says what of the logs an answer rests on.
type scope func(*Reading) Coverage

// exprScope is that of an answer about the changes of an expression.
func exprScope(expr Expr) scope { return func(r *Reading) Coverage { return r.OfExpr(expr) } }

// recordScope is that of an answer about all of a record's life, whose first change
// was at a time: it is about the time since then if that shows how the record was
// before, and otherwise about all times.
func recordScope(key audit.Key, before audit.Image, first audit.Time) scope {
	return func(r *Reading) Coverage { return r.OfRecord(key, before, first) }
}

// timeScope is that of an answer about one table, from a time to another,
// inclusive.
func timeScope(t audit.Table, from, to audit.Time) scope {
	return func(r *Reading) Coverage {
		return r.Of([]audit.Table{t}, from, after(to))
	}
}

// OfRecord is how far a record's history can be relied on, whose first change was
// at a time and shows it so before: it is about the time since then if that is
// known, and otherwise about all times.
func (r *Reading) OfRecord(key audit.Key, before audit.Image, first audit.Time) Coverage {
	if before.State == audit.Unknown || before.Trust < audit.Prompt {
		first = 0
	}
	return r.Of([]audit.Table{key.Table}, first, forever)
}

// after is the next time that there is.
func after(t audit.Time) audit.Time {
	return audit.Time(math.Nextafter(float64(t), math.Inf(1)))
}

// foot says of an answer what it rests on. The error is that of the verb: one that
// is an interruption is kept beside the answer.
func (e *Engine) foot(ctx context.Context, f *Footing, began time.Time, err error, of scope) error {
	f.Partial = interrupted(ctx, err)
	reading, failed := e.reading(ctx)
	if failed != nil {
		return failed
	}
	f.Coverage = Stated{of(reading)}
	f.TookMS = time.Since(began).Milliseconds()
	return err
}
