package index

import (
	"context"
	"fmt"
	"iter"
	"slices"

	bleveindex "github.com/blevesearch/bleve_index_api"

	"recourse/audit"
)

// A Reader is what an index follows.
type Reader interface {
	// Last is the number of the newest change; 0 if there is none.
	Last() audit.Seq
	// Follow yields the changes after a number, with their Before, in the order
	// of their numbers and without a gap, up to the newest.
	Follow(context.Context, audit.Seq) iter.Seq2[audit.Change, error]
}

// batchBlocks is how many blocks are indexed together: a chunk's.
const batchBlocks = audit.ChunkSize / audit.BlockSize

// Follow indexes what a store has beyond Progress, by whole blocks, and tells
// how many changes these were. Call it again when there are more.
//
// It may be stopped at any point, by ctx or by the end of the process: the next
// call goes on where the last batch ended.
func (x *Index) Follow(ctx context.Context, store Reader) (added int, err error) {
	x.write.Lock()
	defer x.write.Unlock()
	start := x.Progress()
	if x.stopped {
		return 0, errStopped
	}
	if store.Last() < start+audit.BlockSize {
		return 0, nil
	}
	x.words.reset()
	last := start
	for c, err := range store.Follow(ctx, start) {
		if err != nil {
			return int(x.Progress() - start), fmt.Errorf("index: %w", err)
		}
		if last++; c.Seq != last {
			return int(x.Progress() - start), fmt.Errorf("index change %d: %w", c.Seq, ErrSkipped)
		}
		if (last-1)%audit.BlockSize == 0 {
			if last+audit.BlockSize-1 > store.Last() {
				break
			}
			x.words.begin(audit.BlockOf(last))
		}
		x.words.change(&c)
		if last%audit.BlockSize == 0 && x.words.full(x.memory) {
			if err := x.flush(ctx, last); err != nil {
				return int(x.Progress() - start), err
			}
		}
	}
	err = x.flush(ctx, last-last%audit.BlockSize)
	return int(x.Progress() - start), err
}

// Refresh indexes blocks anew, because more is known of their changes. Those
// that are not indexed yet are left to Follow. It may be stopped at any point
// and repeated; until it has ended, the index may know the earlier reading.
func (x *Index) Refresh(ctx context.Context, store Reader, blocks []int) error {
	x.write.Lock()
	defer x.write.Unlock()
	if x.stopped {
		return errStopped
	}
	blocks = slices.Clone(blocks)
	slices.Sort(blocks)
	x.words.reset()
	for _, b := range slices.Compact(blocks) {
		if b < 0 || b >= x.head.Load().blocks() {
			continue
		}
		if err := x.again(ctx, store, b); err != nil {
			return fmt.Errorf("index block %d again: %w", b, err)
		}
		if x.words.full(x.memory) {
			if err := x.flush(ctx, x.Progress()); err != nil {
				return err
			}
		}
	}
	return x.flush(ctx, x.Progress())
}

// again reads a whole block.
func (x *Index) again(ctx context.Context, store Reader, block int) error {
	last := audit.Seq(block) * audit.BlockSize
	x.words.begin(block)
	for c, err := range store.Follow(ctx, last) {
		if err != nil {
			return err
		}
		if last++; c.Seq != last {
			return fmt.Errorf("change %d: %w", c.Seq, ErrSkipped)
		}
		x.words.change(&c)
		if last%audit.BlockSize == 0 {
			return nil
		}
	}
	return fmt.Errorf("change %d: %w", last+1, ErrSkipped)
}

// flush writes the words that were gathered, as one batch: all or, with an
// error, none. It returns when they are on the disk. The caller holds write.
func (x *Index) flush(ctx context.Context, progress audit.Seq) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	x.words.end(progress)
	defer func() {
		if !x.stopped {
			x.words.reset()
		}
	}()
	if len(x.words.blocks) == 0 {
		return nil
	}
	h := *x.head.Load()
	h.progress = progress
	h.batch++
	b := bleveindex.NewBatch()
	for _, block := range x.words.blocks {
		b.Update(document{block, x.words})
	}
	b.SetInternal(keyHead, h.encode())
	if err := x.attempt(func() error { return x.bleve.Batch(b) }); err != nil {
		return fmt.Errorf("index %d blocks: %w", len(x.words.blocks), err)
	}
	x.head.Store(&h)
	return nil
}
