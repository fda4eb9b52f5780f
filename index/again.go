package index

import (
	"context"
	"fmt"

	"recourse/audit"
	"recourse/query"
)

// Again indexes changes anew that are indexed already, and the ones that follow
// them, because a later reading told more of them. Those that are not indexed
// yet are left to Follow. It may be stopped at any point and repeated.
func (x *Index) Again(ctx context.Context, store query.Reader, seqs []audit.Seq) error {
	x.write.Lock()
	defer x.write.Unlock()
	progress := x.Progress()
	b := batch{at: map[audit.Seq]int{}, progress: progress}
	put := func(c audit.Change) {
		if c.Seq <= progress {
			b.put(c)
		}
	}
	for _, seq := range seqs {
		if seq > progress {
			continue
		}
		c, err := store.Get(ctx, seq)
		if err != nil {
			return fmt.Errorf("index again: %w", err)
		}
		put(c)
		follower, ok, err := store.Next(ctx, c)
		if err != nil {
			return fmt.Errorf("index again: %w", err)
		}
		if ok && follower <= progress {
			next, err := store.Get(ctx, follower)
			if err != nil {
				return fmt.Errorf("index again: %w", err)
			}
			put(next)
		}
		if !b.full() {
			continue
		}
		if err := x.add(ctx, b.changes, progress); err != nil {
			return err
		}
		b = batch{at: map[audit.Seq]int{}, progress: progress}
	}
	if len(b.changes) == 0 {
		return nil
	}
	return x.add(ctx, b.changes, progress)
}
