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
	// Lives yields the changes of each record that has any, record by record in the
	// order of the keys, from the oldest to the newest. They may be kept, and stay as
	// they are.
	Lives(context.Context, []audit.Key) iter.Seq2[[]audit.Change, error]
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
	return inKeyOrder(ctx, src, keys), nil
}

// RecordsOf yields the histories of records, sorted and each once.
func RecordsOf(ctx context.Context, src Source, keys []audit.Key) iter.Seq2[Record, error] {
	return inKeyOrder(ctx, src, slices.Clone(keys))
}

// inKeyOrder is RecordsOf for keys that nobody else has.
func inKeyOrder(ctx context.Context, src Source, keys []audit.Key) iter.Seq2[Record, error] {
	slices.SortFunc(keys, compareKeys)
	keys = slices.Compact(keys)
	return func(yield func(Record, error) bool) {
		at := 0 // of the key whose record comes next
		for life, err := range src.Lives(ctx, keys) {
			if err != nil {
				yield(Record{}, fmt.Errorf("read histories: %w", err))
				return
			}
			for at < len(keys) && keys[at] != life[0].Key { // records without changes
				if !yield(Record{Key: keys[at]}, nil) {
					return
				}
				at++
			}
			if at == len(keys) {
				yield(Record{}, fmt.Errorf("read histories: change %d of %s comes out of turn", life[0].Seq, life[0].Key))
				return
			}
			if !yield(Record{Key: keys[at], Changes: life}, nil) {
				return
			}
			at++
		}
		for _, k := range keys[at:] {
			if !yield(Record{Key: k}, nil) {
				return
			}
		}
	}
}
