package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"recourse/audit"
)

// KeysOf are the keys of the records that changes are of, in the order of these;
// the zero key for one that is not stored. Each block is opened once, whatever
// the order of the ids.
func (db *DB) KeysOf(ctx context.Context, ids []audit.ChangeID) ([]audit.Key, error) {
	keys := make([]audit.Key, len(ids))
	err := db.view(ctx, func(r *reader) error { return r.keysOf(ctx, ids, keys) })
	if err != nil {
		return nil, fmt.Errorf("look up %d changes: %w", len(ids), err)
	}
	return keys, nil
}

// A candidate is a change that may have an id: the hash is the same.
type candidate struct {
	seq audit.Seq
	of  int // which of the ids
}

func (r *reader) keysOf(ctx context.Context, ids []audit.ChangeID, keys []audit.Key) error {
	hashes := make([]uint32, len(ids))
	for i, id := range ids {
		hashes[i] = idHash(id)
	}
	seqs, err := r.seqsOfAll(kindIDHash, hashes)
	if err != nil {
		return err
	}
	all := make([]candidate, 0, len(ids))
	for i, seqs := range seqs {
		for _, s := range seqs {
			all = append(all, candidate{s, i})
		}
	}
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Compare(a.seq, b.seq) })
	var blocks [][]candidate
	for len(all) > 0 {
		n := 1
		for n < len(all) && audit.BlockOf(all[n].seq) == audit.BlockOf(all[0].seq) {
			n++
		}
		blocks, all = append(blocks, all[:n]), all[n:]
	}
	return r.onAll(ctx, len(blocks), func(mine *reader, i int) error { return mine.keysIn(blocks[i], ids, keys) })
}

// keysIn is keysOf for candidates of one block, ascending.
func (r *reader) keysIn(all []candidate, ids []audit.ChangeID, keys []audit.Key) error {
	b, first, err := r.locate(all[0].seq)
	if err != nil {
		return damaged(err)
	}
	if last := first + int(all[len(all)-1].seq-all[0].seq); last >= b.len() {
		return damaged(fmt.Errorf("%w: block %d ends before change %d", ErrCorrupt, audit.BlockOf(all[0].seq), all[len(all)-1].seq))
	}
	places := make([]int, len(all))
	for i := range all {
		places[i] = first + int(all[i].seq-all[0].seq)
	}
	err = b.heads(places, func(at int, c *audit.Change) {
		if of := all[at].of; c.Identify() == ids[of] {
			keys[of] = audit.Key{Table: c.Key.Table, ID: audit.ID(strings.Clone(string(c.Key.ID)))}
		}
	})
	if err != nil {
		return damaged(err)
	}
	return nil
}

// onAll does n things on all processors, each with a reader of its own.
func (r *reader) onAll(ctx context.Context, n int, do func(mine *reader, i int) error) error {
	var next atomic.Int64
	var wait sync.WaitGroup
	errs := make([]error, min(n, runtime.GOMAXPROCS(0)))
	work := func(err *error) {
		defer audit.Guard(err)
		mine := r.again()
		defer mine.release()
		for i := int(next.Add(1)) - 1; i < n && *err == nil; i = int(next.Add(1)) - 1 {
			if *err = ctx.Err(); *err == nil {
				*err = do(mine, i)
			}
		}
	}
	for worker := 1; worker < len(errs); worker++ {
		wait.Go(func() { work(&errs[worker]) })
	}
	if n > 0 {
		work(&errs[0]) // here, while another processor wakes up
	}
	wait.Wait()
	return errors.Join(errs...)
}
