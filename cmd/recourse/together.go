package main

import (
	"context"
	"iter"
	"sync"

	"recourse/audit"
)

// A follower is a store as one of those has it who follow it.
type follower interface {
	Last() audit.Seq
	Follow(context.Context, audit.Seq) iter.Seq2[audit.Change, error]
	leave() // nothing more is read
}

// A paged is a follower that gives many changes at once, for the caller to keep.
type paged interface {
	follower
	pages(context.Context, audit.Seq) iter.Seq2[[]audit.Change, error]
}

// apart is how many changes two followers may be apart for the one that is ahead
// to be given what it has seen already, so that each change is read but once.
const apart = audit.ChunkSize

// buffered is how many changes the one may be ahead of the other, in batches.
const buffered = 16

// A together is the changes of a store, read once for two followers that go on
// at about the same place. The changes are both's to read and nobody's to change.
// Each follower calls Follow at most once and leaves when it is done.
type together struct {
	reader paged
	stop   context.CancelFunc
	sides  [2]side
	done   sync.WaitGroup
}

type side struct {
	batches chan batch
	left    chan struct{} // closed when the follower takes no more
	leave   sync.Once
}

// A batch is some changes, or why there are no more.
type batch struct {
	changes []audit.Change
	err     error
}

// readTogether reads the changes after a number, for as long as a follower takes
// them.
func readTogether(ctx context.Context, r paged, after audit.Seq) *together {
	ctx, stop := context.WithCancel(ctx)
	t := &together{reader: r, stop: stop}
	for i := range t.sides {
		t.sides[i].batches, t.sides[i].left = make(chan batch, buffered), make(chan struct{})
	}
	t.done.Go(func() { t.read(ctx, after) })
	return t
}

func (t *together) read(ctx context.Context, after audit.Seq) {
	defer func() {
		for i := range t.sides {
			close(t.sides[i].batches)
		}
	}()
	err := audit.Guarded(func() error {
		for page, err := range t.reader.pages(ctx, after) {
			if !t.give(batch{page, err}) || err != nil {
				return nil
			}
		}
		return nil
	})
	if err != nil {
		t.give(batch{nil, err})
	}
}

// give hands a batch to those who are still there, and says whether anybody is.
func (t *together) give(b batch) bool {
	taken := false
	for i := range t.sides {
		s := &t.sides[i]
		select {
		case <-s.left:
			continue
		default:
		}
		select {
		case s.batches <- b:
			taken = true
		case <-s.left:
		}
	}
	return taken
}

// of is the store as one of the two followers has it.
func (t *together) of(i int) oneOfTwo { return oneOfTwo{t.reader, &t.sides[i]} }

// end waits until nothing is read any more; both must have left.
func (t *together) end() {
	t.stop()
	t.done.Wait()
}

// A oneOfTwo is a store that is read together with another follower.
type oneOfTwo struct {
	follower
	side *side
}

// Follow yields the changes after a number, which must not be before that from
// which the two are read.
func (o oneOfTwo) Follow(_ context.Context, after audit.Seq) iter.Seq2[audit.Change, error] {
	return func(yield func(audit.Change, error) bool) {
		defer o.leave()
		for b := range o.side.batches {
			for i := range b.changes {
				if b.changes[i].Seq > after && !yield(b.changes[i], nil) {
					return
				}
			}
			if b.err != nil {
				yield(audit.Change{}, b.err)
				return
			}
		}
	}
}

// leave says that no more is taken.
func (o oneOfTwo) leave() { o.side.leave.Do(func() { close(o.side.left) }) }
