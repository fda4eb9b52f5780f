package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// MarkReverted enters changes as undone by a plan, each by itself.
func (db *DB) MarkReverted(ctx context.Context, plan string, ids []audit.ChangeID) error {
	records := make([]audit.Entered, len(ids))
	for i := range ids {
		records[i].Reverted = ids[i : i+1]
	}
	return db.Enter(ctx, plan, records...)
}

// MarkOwn enters changes as compensating writes of a plan of ours, each by itself.
func (db *DB) MarkOwn(ctx context.Context, plan string, ids ...audit.ChangeID) error {
	records := make([]audit.Entered, len(ids))
	for i := range ids {
		records[i].Own = ids[i : i+1]
	}
	return db.Enter(ctx, plan, records...)
}

// Reverted are the changes that are undone now, each with the digest of the
// newest plan that undid it.
func (db *DB) Reverted(ctx context.Context) (map[audit.ChangeID]string, error) {
	l, err := db.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	return l.Reverted(), nil
}

// Own is, for each change that is a compensating write of ours, the plan's digest.
func (db *DB) Own(ctx context.Context) (map[audit.ChangeID]string, error) {
	return db.marks(ctx, kindOwn, "own changes")
}

func (db *DB) marks(ctx context.Context, kind keyKind, what string) (map[audit.ChangeID]string, error) {
	all := map[audit.ChangeID]string{}
	err := db.view(ctx, func(r *reader) error {
		return scan(r.txn, []byte{byte(kind)}, func(key, payload []byte) error {
			id, err := cutID(key)
			all[id] = string(payload)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", what, err)
	}
	return all, nil
}

func cutID(key []byte) (audit.ChangeID, error) {
	var id audit.ChangeID
	if len(key) != 1+len(id) {
		return id, fmt.Errorf("%w: a change id of %d bytes", ErrCorrupt, len(key)-1)
	}
	copy(id[:], key[1:])
	return id, nil
}

// pieces runs f for 0 to n-1, in as few transactions as it takes.
func (db *DB) pieces(ctx context.Context, n int, f func(*badger.Txn, int) error) error {
	for done := 0; done < n; {
		next := done
		err := db.update(ctx, func(txn *badger.Txn) error {
			for ; next < n; next++ {
				err := f(txn, next)
				if errors.Is(err, badger.ErrTxnTooBig) && next > done {
					return nil // commit what fitted
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		done = next
	}
	return nil
}
