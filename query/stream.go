package query

import (
	"context"
	"errors"

	"recourse/audit"
)

// errEnded ends a stream whose receiver wants no more.
var errEnded = errors.New("ended")

// all hands over everything, and reads on while the receiver is at work.
func (p *pager) all(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type batch struct {
		changes []audit.Change
		err     error
	}
	batches := make(chan batch)
	go func() {
		defer close(batches)
		for size := 16 * leastBatch; ; size = min(4*size, mostBatch) {
			items, err := p.merge.take(ctx, size)
			var b batch
			if err == nil && len(items) > 0 {
				b.changes, err = p.changes(ctx, items)
			}
			b.err = err
			if err == nil && len(items) == 0 {
				return
			}
			select {
			case batches <- b:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	var err error
	for b := range batches {
		switch {
		case err != nil: // wait for the reader, which uses the view
		case b.err != nil:
			err = b.err
		default:
			err = p.hand(b.changes)
		}
		if err != nil {
			cancel()
		}
	}
	if err == nil {
		err = ctx.Err()
	}
	return err
}
