package query

import (
	"context"
	"errors"

	"recourse/audit"
)

// errEnded ends a stream whose receiver wants no more.
var errEnded = errors.New("ended")

// batchBytes is about how many bytes of images a batch of a stream has: records can
// be large.
const batchBytes = 32 << 20

// next is how many changes to take after a batch of so many, that gave these.
func nextBatch(size int, found []audit.Change) int {
	bytes := 0
	for i := range found {
		c := &found[i]
		bytes += len(c.Before.Body) + len(c.After.Body) + len(c.Sent)
	}
	return max(1, min(4*size, mostBatch, batchBytes*size/max(bytes, 1)))
}

// next are those of the next changes that match, about so many being looked at, and
// whether there were any to look at.
func (p *pager) next(ctx context.Context, size int) (changes []audit.Change, more bool, err error) {
	defer audit.Guard(&err)
	items, err := p.merge.take(ctx, size)
	if err != nil || len(items) == 0 {
		return nil, false, err
	}
	changes, err = p.changes(ctx, items)
	return changes, true, err
}

// all hands over everything, and reads on while the receiver is at work.
func (p *pager) all(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type batch struct {
		changes []audit.Change
		more    bool
		err     error
	}
	batches := make(chan batch)
	go func() {
		defer close(batches)
		for size := audit.BlockSize; ; {
			var b batch
			b.changes, b.more, b.err = p.next(ctx, size)
			size = nextBatch(size, b.changes)
			if b.err == nil && !b.more {
				return
			}
			select {
			case batches <- b:
			case <-ctx.Done():
				return
			}
			if b.err != nil {
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
