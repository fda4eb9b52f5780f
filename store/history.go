package store

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// History yields a record's changes, messages included, from the oldest to the
// newest: by Time, then by Seq. Where the store holds several clusters, those
// of all are among them; each says its Cluster.
func (db *DB) History(ctx context.Context, k audit.Key) iter.Seq2[audit.Change, error] {
	return func(yield func(audit.Change, error) bool) {
		var from place
		pages(yield, "history of "+k.Table.String(), func() (page []audit.Change, more bool, err error) {
			err = db.view(ctx, func(r *reader) (err error) {
				page, more, err = r.history(ctx, k, from)
				return err
			})
			if len(page) > 0 {
				from = placeOf(&page[len(page)-1])
				from.seq++
			}
			return page, more, err
		})
	}
}

// history reads the page of a record's changes from a place on.
func (r *reader) history(ctx context.Context, k audit.Key, from place) (page []audit.Change, more bool, err error) {
	places, err := r.places(k, from)
	if err != nil {
		return nil, false, err
	}
	newest := map[string]*audit.Change{} // by cluster: the change to fold from
	size := 0
	for i, p := range places {
		if err := ctx.Err(); err != nil {
			return page, false, err
		}
		if i == pageChanges || size >= pageBytes {
			return page, true, nil
		}
		c, err := r.read(p.seq)
		if err != nil {
			return page, false, damaged(err)
		}
		if prev := newest[c.Cluster]; prev != nil {
			err = r.derive(&c, prev)
		} else {
			err = r.setBefore(&c)
		}
		if err != nil {
			return page, false, err
		}
		page = append(page, c)
		size += len(c.Before.Body) + len(c.After.Body)
		if c.Op.Kind() != audit.KindMessage {
			newest[c.Cluster] = &c
		}
	}
	return page, len(places) > pageChanges, nil
}

// places are where the record's next changes stand, from a place on: one more
// than a page holds, if there are so many.
func (r *reader) places(k audit.Key, from place) ([]place, error) {
	prefix := recordPrefix(k)
	it := r.txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	var all []place
	for it.Seek(prefix); it.Valid(); {
		_, _, rest, ok := cutText(it.Item().Key()[len(prefix):])
		if !ok || len(rest) != 16 {
			return nil, fmt.Errorf("%w: a key of the record index is no such key", ErrCorrupt)
		}
		cluster := slices.Clone(it.Item().Key()[:len(it.Item().Key())-16])
		it.Seek(appendPlace(slices.Clip(cluster), from))
		for n := 0; n <= pageChanges && it.ValidForPrefix(cluster); it.Next() {
			p, ok := cutPlace(it.Item().Key())
			if !ok {
				return nil, fmt.Errorf("%w: a key of the record index is too short", ErrCorrupt)
			}
			all = append(all, p)
			n++
		}
		// On to the next cluster: no place is above this one.
		it.Seek(append(appendPlace(slices.Clip(cluster), place{math.MaxUint64, math.MaxUint64}), 0))
	}
	slices.SortFunc(all, place.compare)
	return all[:min(len(all), pageChanges+1)], nil
}

// Next is the following change of the same record in the same cluster, and
// whether one is stored. Messages, which leave the record as it was, are passed
// over. A change that is not stored stands after those of its own time, as it
// would if it were.
func (db *DB) Next(ctx context.Context, c audit.Change) (audit.Seq, bool, error) {
	var seq audit.Seq
	err := db.view(ctx, func(r *reader) (err error) {
		seq, err = r.next(&c)
		return err
	})
	if err != nil {
		return 0, false, fmt.Errorf("change after %d: %w", c.Seq, err)
	}
	return seq, seq != 0, nil
}

func (r *reader) next(c *audit.Change) (audit.Seq, error) {
	prefix := appendText(recordPrefix(c.Key), c.Cluster)
	it := r.txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	from := placeOf(c)
	if from.seq == 0 {
		from.seq = math.MaxUint64
	}
	for it.Seek(appendPlace(slices.Clip(prefix), from)); it.Valid(); it.Next() {
		p, ok := cutPlace(it.Item().Key())
		if !ok {
			return 0, fmt.Errorf("%w: a key of the record index is too short", ErrCorrupt)
		}
		if p.compare(from) <= 0 {
			continue
		}
		next, err := readChange(r.txn, p.seq)
		if err != nil {
			return 0, damaged(err)
		}
		if next.Op.Kind() != audit.KindMessage {
			return p.seq, nil
		}
	}
	return 0, nil
}

// setBefore derives a change's Before from the change that precedes it and from
// the baselines, and its After from a baseline that saw the record as the change
// left it.
func (r *reader) setBefore(c *audit.Change) error {
	if c.Before.Source == audit.Logged {
		return r.raise(c)
	}
	prev, err := r.previous(c)
	if err != nil {
		return err
	}
	return r.derive(c, prev)
}

// derive is setBefore where the change that precedes is known; nil for none.
func (r *reader) derive(c, prev *audit.Change) error {
	if err := r.raise(c); err != nil || c.Before.Source == audit.Logged {
		return err
	}
	r.fold(c, prev)
	return r.rebase(c, prev)
}

// previous is the record's preceding change that is no message, or nil.
func (r *reader) previous(c *audit.Change) (*audit.Change, error) {
	return r.before(c.Key, c.Cluster, placeOf(c))
}

// before is the record's newest change before a place that is no message, or nil.
func (r *reader) before(k audit.Key, cluster string, p place) (*audit.Change, error) {
	if r.back == nil {
		r.back = r.txn.NewIterator(badger.IteratorOptions{Reverse: true, Prefix: []byte{byte(kindRecord)}})
	}
	key := recordKey(k, cluster, p)
	prefix := key[:len(key)-16]
	for r.back.Seek(key); r.back.ValidForPrefix(prefix); r.back.Next() {
		if bytes.Equal(r.back.Item().Key(), key) {
			continue
		}
		p, ok := cutPlace(r.back.Item().Key())
		if !ok {
			return nil, fmt.Errorf("%w: a key of the record index is too short", ErrCorrupt)
		}
		prev, err := r.read(p.seq)
		if err != nil {
			return nil, damaged(err)
		}
		if prev.Op.Kind() != audit.KindMessage {
			return &prev, r.raise(&prev)
		}
	}
	return nil, nil
}

// fold derives c's Before from the change that precedes it, nil for none.
//
// Harper's insert skips ids that exist, so an insert proves absence; one that
// follows a present image contradicts it, and then nothing is known. Where the
// log between the two is not known whole, a change may be hidden, which makes a
// carried image provisional.
func (r *reader) fold(c, prev *audit.Change) {
	insert := c.Op == audit.OpInsert
	switch {
	case prev == nil || prev.After.State == audit.Unknown:
		c.Before = audit.Image{}
		if insert {
			c.Before = audit.AbsentImage(audit.Logged, audit.Exact)
		}
	case insert && prev.After.State == audit.Present:
		c.Before = audit.Image{}
	default:
		c.Before = prev.After
		c.Before.Source = audit.Folded
		if !insert && r.known.hides(c.Key.Table, prev.Time, c.Time) {
			c.Before.Trust = min(c.Before.Trust, audit.Provisional)
		}
	}
}

// damaged turns "not found" into what it is where an index names a change.
func damaged(err error) error { return fmt.Errorf("%w: %w", ErrCorrupt, err) }
