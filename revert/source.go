package revert

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"recourse/audit"
)

// A Source is what planning needs of the store.
type Source interface {
	Lookup(context.Context, audit.ChangeID) (audit.Seq, bool, error)
	Get(context.Context, audit.Seq) (audit.Change, error)
	History(context.Context, audit.Key) iter.Seq2[audit.Change, error]
}

// Records yields the histories of the records that the changes are of, by table
// and key. A change that is not stored is ErrIncomplete.
func Records(ctx context.Context, src Source, changes []audit.ChangeID) (iter.Seq2[Record, error], error) {
	set := map[audit.Key]bool{}
	for _, id := range changes {
		seq, ok, err := src.Lookup(ctx, id)
		if err == nil && !ok {
			err = fmt.Errorf("%w: change %s is not stored", ErrIncomplete, id)
		}
		if err != nil {
			return nil, fmt.Errorf("look up change: %w", err)
		}
		c, err := src.Get(ctx, seq)
		if err != nil {
			return nil, fmt.Errorf("get change: %w", err)
		}
		set[c.Key] = true
	}
	return RecordsOf(ctx, src, slices.Collect(maps.Keys(set))), nil
}

// RecordsOf yields the histories of records, sorted and each once.
func RecordsOf(ctx context.Context, src Source, keys []audit.Key) iter.Seq2[Record, error] {
	keys = slices.Clone(keys)
	slices.SortFunc(keys, compareKeys)
	keys = slices.Compact(keys)
	return func(yield func(Record, error) bool) {
		for _, k := range keys {
			rec := Record{Key: k}
			for c, err := range src.History(ctx, k) {
				if err != nil {
					yield(rec, fmt.Errorf("read history of %s: %w", k, err))
					return
				}
				rec.Changes = append(rec.Changes, c)
			}
			if !yield(rec, nil) {
				return
			}
		}
	}
}
