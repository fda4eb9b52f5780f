package store

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"recourse/audit"
)

// A countdown is a context that ends when it has been asked so many times.
type countdown struct {
	context.Context
	left atomic.Int64
}

func (c *countdown) Err() error {
	if c.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// Whoever interrupts a verification is not told that what it had not read yet is
// missing, or otherwise than it should be.
func TestInterruptedVerifyAccusesNobody(t *testing.T) {
	db := open(t)
	var changes []audit.Change
	for i := range 3*audit.BlockSize + 7 {
		changes = append(changes, made("1", audit.Time(10+i), audit.OpUpsert, object(i)))
	}
	appendAll(t, db, changes...)
	for n := range int64(1000) {
		ctx := &countdown{Context: t.Context()}
		ctx.left.Store(n)
		_, err := db.Verify(ctx, func(problem string) { t.Errorf("interrupted after %d looks: %s", n, problem) })
		if err == nil {
			if n < 10 {
				t.Fatalf("it is done after %d looks", n)
			}
			return
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	t.Fatal("it never ends")
}
