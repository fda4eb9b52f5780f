package revert

import (
	"cmp"
	"context"
	"errors"
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
// and key. A change that is not stored is ErrIncomplete. Of the records' keys it has a
// part in memory; the rest, where they are many, stands in a file that temp makes as
// long as the histories are read; nil: all are in memory.
func Records(ctx context.Context, src Source, changes []audit.ChangeID, temp func() (TempFile, error)) iter.Seq2[Record, error] {
	return recordsBy(ctx, src, temp, func(keys *keySort) error { return keys.addOf(ctx, src, changes) })
}

// recordsBy are the histories of the records whose keys are filled in.
func recordsBy(ctx context.Context, src Source, temp func() (TempFile, error), fill func(*keySort) error) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		keys, ended := &keySort{temp: temp}, false
		err := fill(keys)
		if err == nil {
			err = keys.each(keysTogether, func(some []audit.Key) error {
				for rec, err := range inKeyOrder(ctx, src, some) {
					if !yield(rec, err) || err != nil {
						ended = true
						return errEnded
					}
				}
				return nil
			})
		}
		if err = cmp.Or(err, keys.close()); !ended && err != nil {
			yield(Record{}, err)
		}
	}
}

// errEnded ends a reading of keys whose reader wants no more, or has its error.
var errEnded = errors.New("enough was read")

// keysTogether is for how many records, or changes, something is looked up at once.
const keysTogether = 128 << 10

// addOf adds the keys of the records that changes are of.
func (s *keySort) addOf(ctx context.Context, src Source, changes []audit.ChangeID) error {
	for some := range slices.Chunk(changes, keysTogether) {
		keys, err := src.KeysOf(ctx, some)
		if err != nil {
			return err
		}
		for i, k := range keys {
			if k == (audit.Key{}) {
				return fmt.Errorf("look up change: %w: change %s is not stored", ErrIncomplete, some[i])
			}
		}
		if err := s.add(keys); err != nil {
			return err
		}
	}
	return nil
}

// RecordsOf yields the histories of records, sorted and each once.
func RecordsOf(ctx context.Context, src Source, keys []audit.Key) iter.Seq2[Record, error] {
	keys = slices.Clone(keys)
	slices.SortFunc(keys, compareKeys)
	return inKeyOrder(ctx, src, slices.Compact(keys))
}

// inKeyOrder is RecordsOf for keys that are sorted, each once.
func inKeyOrder(ctx context.Context, src Source, keys []audit.Key) iter.Seq2[Record, error] {
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
