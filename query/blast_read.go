package query

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"

	"recourse/audit"
)

// each judges all records in the order of their keys.
func (w *blasting) each(ctx context.Context, e *Engine) error {
	r, err := e.open(ctx, Expr{}, Position{})
	if err != nil {
		return err
	}
	defer r.close()
	return byPages(ctx, r, sortedKeys(w.suspect), mostSketched, func(keys []audit.Key, seqs []audit.Seq) error {
		return w.page(ctx, r, keys, seqs)
	})
}

// page judges some records, whose changes are among those of some numbers, by what
// each change did to them. Those of which that does not tell are read whole.
func (w *blasting) page(ctx context.Context, r *run, keys []audit.Key, seqs []audit.Seq) error {
	var odd []audit.Key
	plain := slices.DeleteFunc(slices.Clone(keys), func(k audit.Key) bool { return w.suspect[k].odd })
	if n := len(plain); n > 0 && n < len(keys) {
		var err error
		if seqs, err = r.view.Touching(ctx, plain); err != nil {
			return err
		}
	}
	d := newDeeds(plain, w.suspect, r.parallel)
	if len(plain) > 0 {
		if err := r.sketch(ctx, seqs, d.want, d.add); err != nil {
			return err
		}
	}
	for _, k := range keys {
		if at, there := d.place[k]; !there || !d.of[at].settle() {
			odd = append(odd, k)
		}
	}
	next, stop := iter.Pull2(w.whole(ctx, r, odd))
	defer stop()
	return w.merged(ctx, r, d, next)
}

// whole judges records that are read whole.
func (w *blasting) whole(ctx context.Context, r *run, keys []audit.Key) iter.Seq2[*BlastRecord, error] {
	judge := func(k audit.Key, cluster string, l life) (BlastRecord, bool) { return w.judge(k, cluster, l, nil) }
	return func(yield func(*BlastRecord, error) bool) {
		err := judgeLives(ctx, r, keys, judge, func(b *BlastRecord) error {
			if !yield(b, nil) {
				return errEnded
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnded) {
			yield(nil, err)
		}
	}
}

// lifeRooms are memory for lives, of which a record's verdict has nothing.
var lifeRooms = sync.Pool{New: func() any { return new(life) }}

// merged judges records by their deeds, and hands them over with others, all in the
// order of their keys.
func (w *blasting) merged(ctx context.Context, r *run, d *deeds, next func() (*BlastRecord, error, bool)) error {
	give := func(b *BlastRecord) error {
		w.count(b)
		return w.take(b)
	}
	other, err, there := next()
	othersTo := func(k *audit.Key) error {
		for there {
			if err != nil {
				return err
			}
			if k != nil && compareKeys(other.Record(), *k) > 0 {
				return nil
			}
			if err := give(other); err != nil {
				return err
			}
			other, err, there = next()
		}
		return nil
	}
	failed := judgeAll(ctx, r.parallel, len(d.keys), func(place int, add func(BlastRecord)) {
		of := &d.of[place]
		if of.odd {
			return
		}
		room := lifeRooms.Get().(*life)
		l := of.life((*room)[:0], d.keys[place], len(w.ledger.Own) > 0)
		if b, ok := w.judge(d.keys[place], of.cluster, l, of.edits()); ok {
			add(b)
		}
		of.deeds, of.now = nil, nil
		clear(l)
		*room = l
		lifeRooms.Put(room)
	}, func(b *BlastRecord) error {
		k := b.Record()
		if err := othersTo(&k); err != nil {
			return err
		}
		return give(b)
	})
	if failed != nil {
		return failed
	}
	return othersTo(nil)
}
