package index

import (
	"context"
	"fmt"

	"recourse/audit"
	"recourse/query"
)

// How much goes into one batch: so many changes, or so many bytes of images.
const (
	batchChanges = 1000
	batchBytes   = 16 << 20
)

// Follow indexes what a store has beyond Progress, and tells how many changes
// were new. It ends at the store's newest change; call it again when there are
// more. A change that arrives late may be the missing image before another,
// which is then indexed anew.
//
// It may be stopped at any point, by ctx or by the end of the process: the next
// call goes on where the last batch ended.
func (x *Index) Follow(ctx context.Context, store query.Reader) (added int, err error) {
	x.write.Lock()
	defer x.write.Unlock()
	b := batch{at: map[audit.Seq]int{}, progress: x.Progress()}
	for c, err := range store.Follow(ctx, b.progress) {
		if err != nil {
			return added, fmt.Errorf("index: %w", err)
		}
		next, ok, err := query.Affected(ctx, store, c)
		if err != nil {
			return added, fmt.Errorf("index: %w", err)
		}
		if ok {
			b.put(next)
		}
		b.put(c)
		b.progress = c.Seq
		b.fresh++
		if !b.full() {
			continue
		}
		if err := x.flush(ctx, &b, &added); err != nil {
			return added, err
		}
	}
	return added, x.flush(ctx, &b, &added)
}

func (x *Index) flush(ctx context.Context, b *batch, added *int) error {
	if b.fresh == 0 {
		return nil
	}
	if err := x.add(ctx, b.changes, b.progress); err != nil {
		return err
	}
	*added += b.fresh
	*b = batch{at: map[audit.Seq]int{}, progress: b.progress}
	return nil
}

// A batch is what will be indexed together.
type batch struct {
	changes  []audit.Change
	at       map[audit.Seq]int // where in changes
	fresh    int               // how many of them are new
	bytes    int
	progress audit.Seq
}

// put adds a change, in place of an earlier reading of it.
func (b *batch) put(c audit.Change) {
	b.bytes += len(c.Before.Body) + len(c.After.Body)
	if i, ok := b.at[c.Seq]; ok {
		b.changes[i] = c
		return
	}
	b.at[c.Seq] = len(b.changes)
	b.changes = append(b.changes, c)
}

func (b *batch) full() bool { return len(b.changes) >= batchChanges || b.bytes >= batchBytes }
