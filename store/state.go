package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// cursor, count and mark are on disk what their names say.
type cursor struct {
	Node     string `cbor:"1,keyasint,omitempty"`
	Database string `cbor:"2,keyasint,omitempty"`
	Table    string `cbor:"3,keyasint,omitempty"`
	Time     uint64 `cbor:"4,keyasint"`
	// Format 2.
	Reread map[string]uint64 `cbor:"5,keyasint,omitempty"`
}

type count struct {
	Database string `cbor:"1,keyasint,omitempty"`
	Table    string `cbor:"2,keyasint,omitempty"`
	User     string `cbor:"3,keyasint,omitempty"`
	N        int    `cbor:"4,keyasint"`
}

type mark struct {
	Name string `cbor:"1,keyasint,omitempty"`
	Seq  uint64 `cbor:"2,keyasint"`
}

func cursorOut(c audit.Cursor) cursor {
	d := cursor{Node: c.Node, Database: c.Table.Database, Table: c.Table.Name, Time: bits(c.Time)}
	for tier, at := range c.Reread {
		if d.Reread == nil {
			d.Reread = map[string]uint64{}
		}
		d.Reread[tier] = bits(at)
	}
	return d
}

func decodeCursor(payload []byte) (audit.Cursor, error) {
	var d cursor
	if err := decode(payload, &d); err != nil {
		return audit.Cursor{}, fmt.Errorf("read cursor: %w", err)
	}
	c := audit.Cursor{Node: d.Node, Table: audit.Table{Database: d.Database, Name: d.Table}, Time: timeOf(d.Time)}
	for tier, at := range d.Reread {
		if c.Reread == nil {
			c.Reread = map[string]audit.Time{}
		}
		c.Reread[tier] = timeOf(at)
	}
	return c, nil
}

// Cursor is how far a table's log was read on a node, and whether it ever was.
func (db *DB) Cursor(ctx context.Context, node string, t audit.Table) (audit.Cursor, bool, error) {
	var c audit.Cursor
	var found bool
	err := db.view(ctx, func(r *reader) error {
		payload, ok, err := get(r.txn, cursorKey(node, t))
		if err != nil || !ok {
			return err
		}
		found = true
		c, err = decodeCursor(payload)
		return err
	})
	if err != nil {
		return audit.Cursor{}, false, fmt.Errorf("cursor of %s: %w", t, err)
	}
	return c, found, nil
}

// Cursors are all cursors, by node and table.
func (db *DB) Cursors(ctx context.Context) ([]audit.Cursor, error) {
	all, err := listAll(ctx, db, kindCursor, "cursors", decodeCursor)
	for i := range all {
		all[i].Reread = maps.Clone(all[i].Reread)
	}
	return all, err
}

// Divergences are the later readings of a change that say something else than
// the stored one, in the order in which they were read. It is empty for a
// change without any, and for one that is not stored.
func (db *DB) Divergences(ctx context.Context, s audit.Seq) ([]audit.Divergence, error) {
	all, err := list(ctx, db, divergencePrefix(s), fmt.Sprintf("divergences of change %d", s), decodeDivergence)
	slices.SortStableFunc(all, func(a, b audit.Divergence) int { return cmp.Compare(sortable(a.Observed), sortable(b.Observed)) })
	return all, err
}

// list decodes every value under a prefix, in the order of their keys.
func list[T any](ctx context.Context, db *DB, prefix []byte, what string, dec func([]byte) (T, error)) ([]T, error) {
	var all []T
	err := db.view(ctx, func(r *reader) error {
		return scan(r.txn, prefix, func(_, payload []byte) error {
			v, err := dec(payload)
			all = append(all, v)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", what, err)
	}
	return all, nil
}

// A listed is all values of a kind that a snapshot has. One of the same time has the
// same.
type listed[T any] struct {
	at  uint64
	all []T
}

// listAll is list of all values of a kind that each question asks for: nothing is read
// where nothing was written since.
func listAll[T any](ctx context.Context, db *DB, kind keyKind, what string, dec func([]byte) (T, error)) ([]T, error) {
	var l listed[T]
	err := db.view(ctx, func(r *reader) error {
		at := r.txn.ReadTs()
		if was, ok := db.lists.Load(kind); ok && was.(listed[T]).at == at {
			l = was.(listed[T])
			return nil
		}
		l.at = at
		err := scan(r.txn, []byte{byte(kind)}, func(_, payload []byte) error {
			v, err := dec(payload)
			l.all = append(l.all, v)
			return err
		})
		if err == nil {
			db.lists.Store(kind, l)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", what, err)
	}
	return slices.Clone(l.all), nil
}

// Progress is the newest change that a follower of that name has dealt with;
// zero if it has dealt with none.
func (db *DB) Progress(ctx context.Context, name string) (audit.Seq, error) {
	var m mark
	err := db.finishSaving(ctx)
	if err == nil {
		err = db.view(ctx, func(r *reader) error {
			payload, found, err := get(r.txn, nameKey(kindProgress, name))
			if err != nil || !found {
				return err
			}
			return decode(payload, &m)
		})
	}
	if err != nil {
		return 0, fmt.Errorf("progress of %s: %w", name, err)
	}
	return audit.Seq(m.Seq), nil
}

// SetProgress records how far a follower is. It may go back, to do work again.
func (db *DB) SetProgress(ctx context.Context, name string, s audit.Seq) error {
	err := db.update(ctx, func(txn *badger.Txn) error { return setProgress(txn, name, s) })
	if err != nil {
		return fmt.Errorf("set progress of %s: %w", name, err)
	}
	return nil
}

func setProgress(txn *badger.Txn, name string, s audit.Seq) error {
	return setEncoded(txn, nameKey(kindProgress, name), mark{name, uint64(s)})
}
