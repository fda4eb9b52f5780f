package store

import (
	"context"
	"fmt"
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

// ofTable reads the changes of some numbers, as many as a page holds, keeps
// those of a table, and says how many of the numbers it dealt with.
func (db *DB) ofTable(ctx context.Context, t audit.Table, seqs []audit.Seq) (page []audit.Change, n int, err error) {
	err = db.view(ctx, func(r *reader) error {
		r.recents = nil // there are too many to keep
		for size := 0; n < len(seqs) && len(page) < pageChanges && size < pageBytes; n++ {
			c, err := r.read(seqs[n])
			if err == nil && c.Key.Table == t {
				c.Before = audit.Image{}
				if r.known.isStale(c.Seq) {
					err = r.raise(&c)
				}
				page = append(page, c)
				size += len(c.After.Body)
			}
			if err != nil {
				return damaged(err)
			}
		}
		return ctx.Err()
	})
	return page, n, err
}
