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

<<<<<<< HEAD
// Histories yields the changes of records as History does, record by record in
// the order of the keys. A block is opened once for all the changes of some
// thousand records, not for each: where the records are many, that is most of
// the work. While some are dealt with the next are read. What is appended meanwhile
// may be among the changes.
func (db *DB) Histories(ctx context.Context, keys []audit.Key) iter.Seq2[audit.Change, error] {
	return func(yield func(audit.Change, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		ahead := make(chan historiesPage)
		var wait sync.WaitGroup
		defer wait.Wait()
		defer cancel()
		wait.Go(func() { db.readAhead(ctx, keys, ahead) })
		pages(yield, "histories", func() (page []audit.Change, more bool, err error) {
			p, sent := <-ahead
			if !sent {
				return nil, false, ctx.Err()
			}
			return p.changes, p.more, p.err
		})
	}
}

// A historiesPage is the histories of some of the records.
type historiesPage struct {
	changes []audit.Change
	more    bool
	err     error
}

// readAhead sends the pages, each when the one before is taken, until the last, an
// error, or ctx's end.
func (db *DB) readAhead(ctx context.Context, keys []audit.Key, to chan<- historiesPage) {
	defer close(to)
	for p := (historiesPage{more: true}); p.more && p.err == nil; {
		p.err = db.view(ctx, func(r *reader) (err error) {
			defer audit.Guard(&err)
			var n int
			p.changes, n, err = r.histories(ctx, keys)
			keys = keys[n:]
			return err
		})
		p.more = len(keys) > 0
		select {
		case to <- p:
		case <-ctx.Done():
			return
		}
	}
}

// histories are those of the first keys, and of how many: with the record whose
// images exceed what is held at once, they end.
func (r *reader) histories(ctx context.Context, keys []audit.Key) (all []audit.Change, n int, err error) {
	keys = keys[:min(len(keys), mostRecords)]
	hashes := make([]uint32, len(keys))
	for i, k := range keys {
		hashes[i] = recordHashOf(k)
	}
	of, err := r.seqsOfAll(kindRecordHash, hashes)
	if err != nil {
		return nil, 0, err
	}
	held := 0
	for i, seqs := range of {
		if held += len(seqs); held > mostHeld && i > 0 {
			of = of[:i]
			break
		}
	}
	if err := r.hold(ctx, of); err != nil {
		return nil, 0, err
	}
	size := 0
	for i, seqs := range of {
		h := history{newest: map[string]*audit.Change{}}
		if h.places, err = r.placesOf(keys[i], place{}, seqs); err != nil {
			return all, i, fmt.Errorf("history of %s: %w", keys[i].Table, err)
		}
		for len(h.places) > 0 {
			page, err := h.page(ctx, r)
			if all = append(all, page...); err != nil {
				return all, i, fmt.Errorf("history of %s: %w", keys[i].Table, err)
			}
			for j := range page {
				size += len(page[j].Before.Body) + len(page[j].After.Body)
			}
		}
		if size >= mostHeldBytes {
			return all, i + 1, nil
		}
	}
	return all, len(of), nil
}

// hold reads changes, so that they are at hand: block by block, on all
// processors, up to a limit of bytes. The rest are read when they are wanted.
func (r *reader) hold(ctx context.Context, of [][]audit.Seq) error {
	seqs := slices.Concat(of...)
	slices.Sort(seqs)
	seqs = slices.Compact(seqs)
	var blocks [][]audit.Seq
	for len(seqs) > 0 {
		n := 1
		for n < len(seqs) && audit.BlockOf(seqs[n]) == audit.BlockOf(seqs[0]) {
			n++
		}
		blocks, seqs = append(blocks, seqs[:n]), seqs[n:]
	}
	if len(blocks) < 2 {
		return nil
	}
	rows := make([][]row, len(blocks))
	var next, bytes atomic.Int64
=======
// onAll does n things on all processors, each with a reader of its own.
func (r *reader) onAll(ctx context.Context, n int, do func(mine *reader, i int) error) error {
	var next atomic.Int64
>>>>>>> w-plan
	var wait sync.WaitGroup
	errs := make([]error, min(n, runtime.GOMAXPROCS(0)))
	for worker := range errs {
		wait.Go(func() {
			defer audit.Guard(&errs[worker])
			mine := r.again()
			defer mine.release()
			for i := int(next.Add(1)) - 1; i < n && errs[worker] == nil; i = int(next.Add(1)) - 1 {
				if errs[worker] = ctx.Err(); errs[worker] == nil {
					errs[worker] = do(mine, i)
				}
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}
