package store

import (
	"context"
	"errors"

	"github.com/dgraph-io/badger/v4"
)

// update runs f in one transaction and commits it, all or nothing.
func (db *DB) update(ctx context.Context, f func(*badger.Txn) error) error {
	return db.locked(ctx, func() error { return db.commit(f) })
}

// locked runs f as the one writer.
func (db *DB) locked(ctx context.Context, f func() error) error {
	if err := db.enter(ctx); err != nil {
		return err
	}
	defer db.users.Done()
	db.write.Lock()
	defer db.write.Unlock()
	defer db.written()
	if err := ctx.Err(); err != nil { // while waiting for another writer
		return err
	}
	defer db.room.stale()
	return f()
}

// commit is update for one who holds the write lock.
func (db *DB) commit(f func(*badger.Txn) error) error {
	if err := db.room.check(0); err != nil {
		return err
	}
	if db.o.cut != nil {
		if err := db.o.cut(); err != nil {
			return err
		}
	}
	txn := db.badger.NewTransaction(true)
	defer txn.Discard()
	err := f(txn)
	if err == nil {
		err = txn.Commit()
	}
	if errors.Is(err, badger.ErrTxnTooBig) {
		return ErrBatchTooBig
	}
	db.stir()
	return err
}

// stir says that tables are being written or read through, and so are mapped.
func (db *DB) stir() {
	select {
	case db.stirred <- struct{}{}:
	default: // it is known already
	}
}
