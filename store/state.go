package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// cursor, gap, count and mark are on disk what their names say.
type cursor struct {
	Node     string `cbor:"1,keyasint,omitempty"`
	Database string `cbor:"2,keyasint,omitempty"`
	Table    string `cbor:"3,keyasint,omitempty"`
	Time     uint64 `cbor:"4,keyasint"`
}

type gap struct {
	Node     string `cbor:"1,keyasint,omitempty"`
	Database string `cbor:"2,keyasint,omitempty"`
	Table    string `cbor:"3,keyasint,omitempty"`
	From     uint64 `cbor:"4,keyasint"`
	To       uint64 `cbor:"5,keyasint"`
	Reason   string `cbor:"6,keyasint,omitempty"`
	Entries  int    `cbor:"7,keyasint,omitempty"`
	Observed uint64 `cbor:"8,keyasint"`
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
	return cursor{Node: c.Node, Database: c.Table.Database, Table: c.Table.Name, Time: bits(c.Time)}
}

func decodeCursor(payload []byte) (audit.Cursor, error) {
	var d cursor
	if err := decode(payload, &d); err != nil {
		return audit.Cursor{}, fmt.Errorf("read cursor: %w", err)
	}
	return audit.Cursor{Node: d.Node, Table: audit.Table{Database: d.Database, Name: d.Table}, Time: timeOf(d.Time)}, nil
}

func gapOut(g audit.Gap) gap {
	return gap{Node: g.Node, Database: g.Table.Database, Table: g.Table.Name, From: bits(g.From), To: bits(g.To),
		Reason: g.Reason, Entries: g.Entries, Observed: bits(g.Observed)}
}

func decodeGap(payload []byte) (audit.Gap, error) {
	var d gap
	if err := decode(payload, &d); err != nil {
		return audit.Gap{}, fmt.Errorf("read gap: %w", err)
	}
	return audit.Gap{Node: d.Node, Table: audit.Table{Database: d.Database, Name: d.Table},
		From: timeOf(d.From), To: timeOf(d.To), Reason: d.Reason, Entries: d.Entries, Observed: timeOf(d.Observed)}, nil
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
	return list(ctx, db, []byte{byte(kindCursor)}, "cursors", decodeCursor)
}

// Gaps are the stretches that could not be read, by table, node and time. A gap
// is not taken back when its stretch is read later.
func (db *DB) Gaps(ctx context.Context) ([]audit.Gap, error) {
	return list(ctx, db, []byte{byte(kindGap)}, "gaps", decodeGap)
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

// Progress is the newest change that a follower of that name has dealt with;
// zero if it has dealt with none.
func (db *DB) Progress(ctx context.Context, name string) (audit.Seq, error) {
	var m mark
	err := db.view(ctx, func(r *reader) error {
		payload, found, err := get(r.txn, nameKey(kindProgress, name))
		if err != nil || !found {
			return err
		}
		return decode(payload, &m)
	})
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
