package store

import (
	"context"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// Doubtful is, for each chunk that has any, the changes of which more is known
// than when the chunk was summed up, by their offsets. Questions read those one by
// one; Resum makes that needless.
func (db *DB) Doubtful(ctx context.Context) (map[int]*roaring.Bitmap, error) {
	v, err := db.View(ctx)
	if err != nil {
		return nil, fmt.Errorf("list doubtful changes: %w", err)
	}
	defer v.Close()
	if err := v.readDoubts(); err != nil {
		return nil, fmt.Errorf("list doubtful changes: %w", err)
	}
	all := map[int]*roaring.Bitmap{}
	for chunk, set := range v.doubts {
		if !set.IsEmpty() {
			all[chunk] = set.Clone() // it outlives the view
		}
	}
	return all, nil
}

// Resum sums up a chunk again, which costs what reading it costs. Of its changes
// those in settled are doubtful no more; others stay so, if they became doubtful
// meanwhile. A chunk that is not full has no doubtful changes.
func (db *DB) Resum(ctx context.Context, chunk int, settled *roaring.Bitmap) error {
	if err := db.enter(ctx); err != nil {
		return fmt.Errorf("sum up chunk %d again: %w", chunk, err)
	}
	defer db.users.Done()
	db.write.Lock()
	defer db.write.Unlock()
	if err := db.resum(ctx, chunk, settled); err != nil {
		return fmt.Errorf("sum up chunk %d again: %w", chunk, err)
	}
	return nil
}

func (db *DB) resum(ctx context.Context, chunk int, settled *roaring.Bitmap) error {
	r := db.snapshot()
	defer r.close()
	first := db.sums.first(chunk)
	last := first + audit.Seq(db.sums.size) - 1
	if last > r.known.head {
		return nil
	}
	s := newSums(db.sums.layout, chunk)
	for from := first; from <= last; {
		if err := ctx.Err(); err != nil {
			return err
		}
		page, err := r.changes(audit.BlockOf(from), from)
		if err != nil {
			return err
		}
		page = page[:min(len(page), int(last-from)+1)]
		for i := range page {
			s.add(&page[i])
		}
		from += audit.Seq(len(page))
	}
	err := sealChunk(db.commit, s.freeze(), func(txn *badger.Txn) error {
		doubtful, err := readDoubtful(txn, db.sums.layout, chunk)
		if err != nil {
			return err
		}
		if doubtful.AndNot(settled); doubtful.IsEmpty() {
			return txn.Delete(doubtfulKey(chunk))
		}
		return setSet(txn, doubtfulKey(chunk), doubtful)
	})
	if err != nil {
		return err
	}
	return db.shelve()
}
