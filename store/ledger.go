package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// MarkReverted enters changes into the ledger as undone by a plan. Many changes
// are written in several transactions, each of them whole; after an error some
// may be marked, and marking them again does no harm.
func (db *DB) MarkReverted(ctx context.Context, plan string, ids []audit.ChangeID) error {
	if err := db.mark(ctx, plan, ids, ledgerEntry{}); err != nil {
		return fmt.Errorf("mark changes reverted by plan %s: %w", plan, err)
	}
	return nil
}

// MarkUndone enters that a plan has taken back, for these changes, what the plans
// did that it undoes. It writes as MarkReverted does.
func (db *DB) MarkUndone(ctx context.Context, plan string, ids []audit.ChangeID) error {
	if err := db.mark(ctx, plan, ids, ledgerEntry{Undone: true}); err != nil {
		return fmt.Errorf("mark changes as taken back by plan %s: %w", plan, err)
	}
	return nil
}

func (db *DB) mark(ctx context.Context, plan string, ids []audit.ChangeID, e ledgerEntry) error {
	if len(plan) > maxKeyText {
		return fmt.Errorf("the name of the plan has %d bytes, more than %d", len(plan), maxKeyText)
	}
	return db.pieces(ctx, len(ids), func(txn *badger.Txn, i int) error {
		return setEncoded(txn, entryKey(ids[i], plan), e)
	})
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

// MarkOwn records that a change is a compensating write of a plan of ours.
func (db *DB) MarkOwn(ctx context.Context, plan string, id audit.ChangeID) error {
	err := db.update(ctx, func(txn *badger.Txn) error { return set(txn, idKey(kindOwn, id), []byte(plan)) })
	if err != nil {
		return fmt.Errorf("mark change %s as written by plan %s: %w", id, plan, err)
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
