package store

import (
	"context"
	"fmt"
	"iter"
	"math"

	"recourse/audit"
)

// AsOf is what is known of a record just before a time.
func (db *DB) AsOf(ctx context.Context, cluster string, key audit.Key, t audit.Time) (audit.Image, error) {
	// A change of that time that says nothing of its own: it has no operation.
	c := audit.Change{Cluster: cluster, Key: key, Time: t}
	err := db.view(ctx, func(r *reader) error {
		prev, err := r.previous(&c)
		if err != nil {
			return err
		}
		r.fold(&c, prev)
		return r.rebase(&c, prev)
	})
	if err != nil {
		return audit.Image{}, fmt.Errorf("record of %s as of %s: %w", key.Table, t, err)
	}
	return c.Before, nil
}

// Newest is the record's newest change in a cluster that is no message, and
// whether there is one.
func (db *DB) Newest(ctx context.Context, cluster string, key audit.Key) (audit.Change, bool, error) {
	var newest *audit.Change
	err := db.view(ctx, func(r *reader) (err error) {
		newest, err = r.before(key, cluster, place{math.MaxUint64, math.MaxUint64})
		if err == nil && newest != nil {
			err = r.setBefore(newest)
		}
		return err
	})
	if err != nil {
		return audit.Change{}, false, fmt.Errorf("newest change of a record of %s: %w", key.Table, err)
	}
	if newest == nil {
		return audit.Change{}, false, nil
	}
	return *newest, true, nil
}

// TableChanges yields the changes of one table from one time, inclusive, to
// another, exclusive, of all clusters, by time and then by number, without their
// Before. Limits are those of ByTime. It reads the changes of the other tables in
// that time too, to see which they are.
func (db *DB) TableChanges(ctx context.Context, t audit.Table, from, to audit.Time) iter.Seq2[audit.Change, error] {
	return func(yield func(audit.Change, error) bool) {
		var page []audit.Seq
		send := func() bool {
			changes, err := db.ofTable(ctx, t, page)
			page = page[:0]
			for _, c := range changes {
				if !yield(c, nil) {
					return false
				}
			}
			if err != nil {
				yield(audit.Change{}, fmt.Errorf("changes of %s: %w", t, err))
			}
			return err == nil
		}
		for seq, err := range db.ByTime(ctx, from, to, false) {
			if err != nil {
				yield(audit.Change{}, fmt.Errorf("changes of %s: %w", t, err))
				return
			}
			if page = append(page, seq); len(page) == pageChanges && !send() {
				return
			}
		}
		send()
	}
}

// ofTable reads the changes of some numbers and keeps those of a table.
func (db *DB) ofTable(ctx context.Context, t audit.Table, seqs []audit.Seq) (changes []audit.Change, err error) {
	err = db.view(ctx, func(r *reader) error {
		for _, seq := range seqs {
			c, err := r.read(seq)
			if err != nil {
				return damaged(err)
			}
			if c.Key.Table != t {
				continue
			}
			c.Before = audit.Image{}
			if err := r.raise(&c); err != nil {
				return err
			}
			changes = append(changes, c)
		}
		return nil
	})
	return changes, err
}
