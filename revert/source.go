package revert

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"recourse/audit"
)

// A Source is what planning needs of the store.
type Source interface {
	// KeysOf are the keys of the records that changes are of; the zero key for one
	// that is not stored.
	KeysOf(context.Context, []audit.ChangeID) ([]audit.Key, error)
	// Histories yields the changes of records, record by record in the order of the
	// keys, each record's from the oldest to the newest.
	Histories(context.Context, []audit.Key) iter.Seq2[audit.Change, error]
}

// Records yields the histories of the records that the changes are of, by table
// and key. A change that is not stored is ErrIncomplete.
func Records(ctx context.Context, src Source, changes []audit.ChangeID) (iter.Seq2[Record, error], error) {
	keys, err := src.KeysOf(ctx, changes)
	if err != nil {
		return nil, err
	}
	for i, k := range keys {
		if k == (audit.Key{}) {
			return nil, fmt.Errorf("look up change: %w: change %s is not stored", ErrIncomplete, changes[i])
		}
	}
	return RecordsOf(ctx, src, keys), nil
}

// RecordsOf yields the histories of records, sorted and each once.
func RecordsOf(ctx context.Context, src Source, keys []audit.Key) iter.Seq2[Record, error] {
	keys = slices.Clone(keys)
	slices.SortFunc(keys, compareKeys)
	keys = slices.Compact(keys)
	return func(yield func(Record, error) bool) {
		at := 0 // of the key whose record is being read
		var rec Record
		// upTo yields the records before a place; those without changes too.
		upTo := func(to int) bool {
			for ; at < to; at++ {
				rec.Key = keys[at]
				if !yield(rec, nil) {
					return false
				}
				rec = Record{}
			}
			return true
		}
		for c, err := range src.Histories(ctx, keys) {
			if err != nil {
				yield(rec, fmt.Errorf("read histories: %w", err))
				return
			}
			to := at
			for to < len(keys) && keys[to] != c.Key {
				to++
			}
			if to == len(keys) {
				yield(rec, fmt.Errorf("read histories: change %d of %s comes out of turn", c.Seq, c.Key))
				return
			}
			if !upTo(to) {
				return
			}
			rec.Changes = append(rec.Changes, c)
		}
		upTo(len(keys))
	}
}
