package store

import (
	"context"
	"fmt"
	"iter"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// BaseKeys yields the records of a table that baselines hold, in the order of the
// keys on disk, each once for each cluster: only Cluster and Key are set. It holds
// one of them in memory.
func (db *DB) BaseKeys(ctx context.Context, t audit.Table) iter.Seq2[audit.BaseRecord, error] {
	return func(yield func(audit.BaseRecord, error) bool) {
		err := db.view(ctx, func(r *reader) error {
			var last audit.BaseRecord
			it := r.txn.NewIterator(badger.IteratorOptions{Prefix: tableKey(kindBaseRecord, t), PrefetchValues: true, PrefetchSize: 64})
			defer it.Close()
			for it.Rewind(); it.Valid(); it.Next() {
				if err := ctx.Err(); err != nil {
					return err
				}
				payload, err := payloadOf(it.Item())
				if err != nil {
					return fmt.Errorf("read base record: %w", err)
				}
				b, err := decodeBaseRecord(payload)
				if err != nil {
					return err
				}
				now := audit.BaseRecord{Cluster: b.Cluster, Key: b.Key}
				if b.Key.Table != t || now.Key == last.Key && now.Cluster == last.Cluster {
					continue
				}
				if last = now; !yield(now, nil) {
					return nil
				}
			}
			return nil
		})
		if err != nil {
			yield(audit.BaseRecord{}, fmt.Errorf("base records of %s: %w", t, err))
		}
	}
}
