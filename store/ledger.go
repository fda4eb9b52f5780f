package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// MarkReverted enters changes into the ledger as undone by a plan; for a change
// that is in it already, this plan takes the place of the other. Many changes
// are written in several transactions, each of them whole; after an error some
// may be marked, and marking them again does no harm.
func (db *DB) MarkReverted(ctx context.Context, plan string, ids []audit.ChangeID) error {
	err := db.pieces(ctx, len(ids), func(txn *badger.Txn, i int) error {
		return set(txn, idKey(kindReverted, ids[i]), []byte(plan))
	})
	if err != nil {
		return fmt.Errorf("mark changes reverted by plan %s: %w", plan, err)
	}
	return nil
}

// Unmark takes changes out of the ledger that a plan had undone, because the
// plan was itself undone. Changes that it does not hold for that plan stay as
// they are.
func (db *DB) Unmark(ctx context.Context, plan string, ids []audit.ChangeID) error {
	err := db.pieces(ctx, len(ids), func(txn *badger.Txn, i int) error {
		key := idKey(kindReverted, ids[i])
		by, found, err := get(txn, key)
		if err != nil || !found || string(by) != plan {
			return err
		}
		return txn.Delete(key)
	})
	if err != nil {
		return fmt.Errorf("unmark changes reverted by plan %s: %w", plan, err)
	}
	return nil
}

// Reverted is the ledger: for each change that was undone, the plan's digest.
func (db *DB) Reverted(ctx context.Context) (map[audit.ChangeID]string, error) {
	return db.marks(ctx, kindReverted, "reverted changes")
}

// MarkOwn records that changes are compensating writes of a plan of ours.
func (db *DB) MarkOwn(ctx context.Context, plan string, ids ...audit.ChangeID) error {
	err := db.pieces(ctx, len(ids), func(txn *badger.Txn, i int) error {
		return set(txn, idKey(kindOwn, ids[i]), []byte(plan))
	})
	if err != nil {
		return fmt.Errorf("mark changes as written by plan %s: %w", plan, err)
	}
	return nil
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
