package main

import (
	"context"

	"recourse/audit"
)

// manyDoubts is of how many changes of a chunk more must be known than when it
// was summed up for that to be done again: until then they are read one by one.
const manyDoubts = audit.ChunkSize / 32

// resum has chunks summed up again of which much was learned since, such as
// images that could be trusted further. Their words come first: what a chunk's
// sums say is believed of its words too. A crash in between has it done again.
func (w *workspace) resum(ctx context.Context) error {
	doubts, err := w.store.Doubtful(ctx)
	if err != nil {
		return err
	}
	for chunk, set := range doubts {
		if set.GetCardinality() < manyDoubts {
			continue
		}
		var blocks []int
		first := audit.Seq(chunk)*audit.ChunkSize + 1
		for it := set.Iterator(); it.HasNext(); {
			block := audit.BlockOf(first + audit.Seq(it.Next()))
			if n := len(blocks); n == 0 || blocks[n-1] != block {
				blocks = append(blocks, block)
			}
		}
		if err := w.index.Refresh(ctx, w.store, blocks); err != nil {
			return err
		}
		if err := w.store.Resum(ctx, chunk, set); err != nil {
			return err
		}
	}
	return nil
}
