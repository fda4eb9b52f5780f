package store

import (
	"context"
	"fmt"
	"hash/maphash"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// A Verification says what Verify looked at and how much was wrong.
type Verification struct {
	Changes     int // those that could be read
	Divergences int
	Gaps        int
	Spans       int
	Cursors     int
	// Observations of changes by further nodes; Amended counts changes.
	Observations, Amended int
	Baselines, Records    int
	Alerts                int
	Plans                 int // journals of receipts
	Receipts              int
	Problems              int // 0: the store is whole
}

// Verify reads everything in one snapshot and hands each problem to report, in
// words that name the change, the key or the plan. It returns an error only if
// it could not finish. It checks that the numbers are dense, that every value
// has its checksum and can be read, that every change has the ID of what it
// says and its place in the three indexes, that no index names anything else,
// that the counts are right and that the journals' chains hold.
//
// report must not close the store.
func (db *DB) Verify(ctx context.Context, report func(problem string)) (Verification, error) {
	var out Verification
	err := db.view(ctx, func(r *reader) error {
		v := &verifier{ctx: ctx, r: r, report: report, lasts: map[recordName]left{}, seed: maphash.MakeSeed()}
		if err := db.verifyTables(); err != nil {
			v.problem("%v", err)
		}
		v.view = &View{db: db, sums: db.sums, r: r, opened: r.opened}
		if err := v.view.prepare(); err != nil {
			v.problem("sums: %v", err)
			v.view = nil
		}
		err := v.run()
		out = v.out
		return err
	})
	if err != nil {
		return out, fmt.Errorf("verify store: %w", err)
	}
	return out, nil
}

// verifyTables has Badger check every block of its tables. On a bad block it
// panics: it takes the offset for its message from the block it does not have.
func (db *DB) verifyTables() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: a block of a table fails its checksum", ErrCorrupt)
		}
	}()
	if err := db.badger.VerifyChecksum(); err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return nil
}

// A verifier is one Verify under way.
type verifier struct {
	ctx    context.Context
	r      *reader
	report func(string)
	out    Verification
	head   audit.Seq
	imaged audit.Seq // see writer
	lasts  map[recordName]left
	shapes *imageShapes // of last images
	seed   maphash.Seed
	view   *View // nil: its sums cannot be read
	sums   *sums // of the chunk that is being read
	// lastSpan is the span whose key came before.
	lastSpan audit.Span
}

func (v *verifier) problem(format string, args ...any) {
	v.out.Problems++
	v.report(fmt.Sprintf(format, args...))
}

func (v *verifier) run() error {
	v.head = v.r.known.head
	var err error
	if v.shapes, err = readShapes(v.r.txn); err != nil {
		v.problem("%v", err)
	}
	if head, err := readHead(v.r.txn); err != nil {
		v.problem("%v", err)
	} else if head < v.head {
		v.problem("the head says %d, and there are changes up to %d", head, v.head)
	} else if head > v.head {
		v.problem("the head says %d, and %d changes are known", head, v.head)
	}
	if payload, found, err := get(v.r.txn, imagedKey()); err == nil && found {
		n, _ := parseUint(payload) // the key itself is checked with the rest
		v.imaged = audit.Seq(n)
	}
	for _, step := range []func() error{v.changes, v.rest, v.journals} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// each hands every key under a prefix to f. What f returns is a problem of that
// key; the scan goes on.
func (v *verifier) each(prefix []byte, values bool, f func(key []byte, item *badger.Item) error) error {
	it := v.r.txn.NewIterator(badger.IteratorOptions{PrefetchValues: values, PrefetchSize: 32, Prefix: prefix})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		if err := v.ctx.Err(); err != nil {
			return err
		}
		key := it.Item().KeyCopy(nil)
		if err := f(key, it.Item()); err != nil {
			v.problem("key %x: %v", shorten(key), err)
		}
	}
	return nil
}

// eachValue is each with the payload, checked, in place of the item.
func (v *verifier) eachValue(kind keyKind, f func(key, payload []byte) error) error {
	return v.each([]byte{byte(kind)}, true, func(key []byte, item *badger.Item) error {
		payload, err := payloadOf(item)
		if err != nil {
			return err
		}
		return f(key, payload)
	})
}

// missing reports that no change has a number from one to before another.
func (v *verifier) missing(from, to audit.Seq) {
	if from < to {
		v.problem("changes %d to %d are missing", from, to-1)
	}
}

// checkValue makes sure that what should be a value is one.
func checkValue(v audit.Value) error {
	if v == nil {
		return nil
	}
	if _, err := audit.Decode(v); err != nil {
		return fmt.Errorf("an image cannot be read: %w", err)
	}
	return nil
}
