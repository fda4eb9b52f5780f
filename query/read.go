package query

import (
	"context"
	"sync"
	"sync/atomic"

	"recourse/audit"
)

// Of what is read: wanted says which changes of them, and what of these.
type wanted struct {
	word    word // only those that may have it; the zero word is none
	outline bool // they are wanted as View.Outlines has them
}

// look reads changes by their numbers, which ascend, and shows each to see with
// its place among them and the number of the worker that does it: several work
// at once, each at one block. Changes that cannot have the word, if there is one,
// are not shown. It tells how many blocks were read.
func (r *run) look(ctx context.Context, seqs []audit.Seq, w wanted, see func(worker, i int, c *audit.Change) error) (blocks int, err error) {
	return r.blocks(ctx, seqs, false, func(ctx context.Context, worker, from int, of []audit.Seq) error {
		return r.readBlock(ctx, of, w, func(i int, c *audit.Change) error { return see(worker, from+i, c) })
	})
}

// blocks does something with changes, whose numbers ascend, block by block, several
// working at once, and the newest first if it is to go backwards. It tells how many
// there were.
func (r *run) blocks(ctx context.Context, seqs []audit.Seq, backwards bool, do func(ctx context.Context, worker, from int, of []audit.Seq) error) (blocks int, err error) {
	var starts []int
	for i, s := range seqs {
		if i == 0 || audit.BlockOf(s) != audit.BlockOf(seqs[i-1]) {
			starts = append(starts, i)
		}
	}
	starts = append(starts, len(seqs))
	blocks = len(starts) - 1
	one := func(ctx context.Context, worker, n int) (err error) {
		defer audit.Guard(&err)
		if backwards {
			n = blocks - 1 - n
		}
		return do(ctx, worker, starts[n], seqs[starts[n]:starts[n+1]])
	}
	workers := min(r.parallel, blocks)
	if workers <= 1 {
		for n := range blocks {
			if err := one(ctx, 0, n); err != nil {
				return blocks, err
			}
		}
		return blocks, ctx.Err()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wait sync.WaitGroup
	work := func(worker int) {
		for n := int(next.Add(1)) - 1; n < blocks && ctx.Err() == nil; n = int(next.Add(1)) - 1 {
			if err := one(ctx, worker, n); err != nil {
				cancel(err)
			}
		}
	}
	for worker := 1; worker < workers; worker++ {
		wait.Go(func() { work(worker) })
	}
	work(0) // here, while another processor wakes up
	wait.Wait()
	if ctx.Err() != nil {
		return blocks, context.Cause(ctx)
	}
	return blocks, nil
}

// sketch reads changes, the newest block first, each as deep as is wanted, and shows
// them to see with the number of the worker. It is for views that are no Sketcher, too.
func (r *run) sketch(ctx context.Context, seqs []audit.Seq, want func(*audit.Change) audit.Depth, see func(worker int, k *audit.Sketch) error) error {
	_, err := r.blocks(ctx, seqs, true, func(ctx context.Context, worker, _ int, of []audit.Seq) error {
		if r.sketcher != nil {
			return r.sketcher.Sketches(ctx, of, want, func(k *audit.Sketch) error { return see(worker, k) })
		}
		return r.readBlock(ctx, of, wanted{}, func(_ int, c *audit.Change) error {
			return see(worker, &audit.Sketch{Change: *c, Depth: audit.Whole})
		})
	})
	return err
}

// readBlock reads changes of one block.
func (r *run) readBlock(ctx context.Context, seqs []audit.Seq, w wanted, see func(i int, c *audit.Change) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	wanted, err := r.sift(ctx, seqs, w.word)
	if err != nil || len(wanted) == 0 {
		return err
	}
	read := r.changesOf
	if w.outline {
		read = r.view.Outlines
	}
	changes, err := read(ctx, wanted)
	if err != nil {
		return err
	}
	at := 0
	for i, s := range wanted {
		if i >= len(changes) || changes[i].Seq != s {
			return errMissing(s)
		}
		for seqs[at] != s {
			at++
		}
		if err := see(at, &changes[i]); err != nil {
			return err
		}
	}
	return nil
}

// changesOf are changes of one block: those that are there.
func (r *run) changesOf(ctx context.Context, seqs []audit.Seq) ([]audit.Change, error) {
	if len(seqs) < audit.BlockSize/2 {
		return r.view.Read(ctx, seqs)
	}
	changes, err := r.view.Block(ctx, audit.BlockOf(seqs[0]))
	if err != nil || len(changes) == len(seqs) {
		return changes, err
	}
	wanted := make([]audit.Change, 0, len(seqs))
	for _, s := range seqs {
		if at := int(s-1) % audit.BlockSize; at < len(changes) {
			wanted = append(wanted, changes[at])
		}
	}
	return wanted, nil
}
