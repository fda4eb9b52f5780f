package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

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
		v := &verifier{ctx: ctx, r: r, report: report, tables: map[audit.Table]int{}, users: map[string]int{}}
		if err := db.verifyTables(); err != nil {
			v.problem("%v", err)
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
	tables map[audit.Table]int
	users  map[string]int
	// lastSpan is the span whose key came before.
	lastSpan audit.Span
}

func (v *verifier) problem(format string, args ...any) {
	v.out.Problems++
	v.report(fmt.Sprintf(format, args...))
}

func (v *verifier) run() error {
	head, err := readHead(v.r.txn)
	if err != nil {
		v.problem("%v", err)
	}
	v.head = head
	for _, step := range []func() error{v.changes, v.indexes, v.counts, v.rest, v.journals} {
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

func (v *verifier) changes() error {
	want := audit.Seq(1)
	err := v.each([]byte{byte(kindChange)}, true, func(key []byte, item *badger.Item) error {
		if len(key) != 9 {
			return errors.New("not the key of a change")
		}
		n, err := parseUint(key[1:])
		if err != nil {
			return err
		}
		seq := audit.Seq(n)
		v.missing(want, seq)
		want = max(want, seq+1)
		c, err := changeOf(seq, item)
		if err != nil {
			v.problem("change %d: %v", seq, err)
			return nil
		}
		if err := v.r.known.amend(v.r.txn, &c); err != nil {
			v.problem("%v", err)
			return nil
		}
		v.change(&c)
		return nil
	})
	v.missing(want, v.head+1)
	if want > v.head+1 {
		v.problem("the head says %d, but there are changes up to %d", v.head, want-1)
	}
	return err
}

// missing reports that no change has a number from one to before another.
func (v *verifier) missing(from, to audit.Seq) {
	if from < to {
		v.problem("changes %d to %d are missing", from, to-1)
	}
}

func (v *verifier) change(c *audit.Change) {
	v.out.Changes++
	v.tables[c.Key.Table]++
	v.users[c.User]++
	if c.ID != c.Identify() {
		v.problem("change %d: its id is not that of what it says", c.Seq)
	}
	for _, body := range []audit.Value{c.Before.Body, c.After.Body, c.Sent} {
		if err := checkValue(body); err != nil {
			v.problem("change %d: %v", c.Seq, err)
		}
	}
	if seq, found, err := seqOf(v.r.txn, c.ID); err != nil || !found || seq != c.Seq {
		v.problem("change %d: its id leads to change %d (%v)", c.Seq, seq, err)
	}
	for _, key := range [][]byte{recordKey(c.Key, c.Cluster, placeOf(c)), timeKey(placeOf(c))} {
		if found, err := has(v.r.txn, key); err != nil || !found {
			v.problem("change %d: it has no place in index %c (%v)", c.Seq, key[0], err)
		}
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

// indexes checks the other direction: that no index names what is not there.
// Every readable change has its places, and they differ, so when nothing was
// amiss the number of keys tells; only otherwise are the changes read again.
func (v *verifier) indexes() error {
	for _, kind := range []keyKind{kindID, kindRecord, kindTime} {
		if v.out.Problems == 0 {
			n := 0
			err := v.each([]byte{byte(kind)}, false, func([]byte, *badger.Item) error { n++; return nil })
			if err != nil {
				return err
			}
			if n == v.out.Changes {
				continue
			}
		}
		check := v.place
		if kind == kindID {
			check = v.id
		}
		if err := v.each([]byte{byte(kind)}, true, check); err != nil {
			return err
		}
	}
	return nil
}

// id checks that an id leads to the change that has it.
func (v *verifier) id(key []byte, item *badger.Item) error {
	id, err := cutID(key)
	if err != nil {
		return err
	}
	payload, err := payloadOf(item)
	if err != nil {
		return err
	}
	seq, err := parseUint(payload)
	if err != nil {
		return err
	}
	c, err := readChange(v.r.txn, audit.Seq(seq))
	if err == nil && c.ID != id {
		err = fmt.Errorf("it leads to change %d, which has another id", seq)
	}
	return err
}

// place checks that a place in an index is that of its change.
func (v *verifier) place(key []byte, _ *badger.Item) error {
	p, ok := cutPlace(key)
	if !ok {
		return errors.New("not a key of this index")
	}
	c, err := readChange(v.r.txn, p.seq)
	if err != nil {
		return err
	}
	want := timeKey(placeOf(&c))
	if keyKind(key[0]) == kindRecord {
		want = recordKey(c.Key, c.Cluster, placeOf(&c))
	}
	if !bytes.Equal(key, want) {
		return fmt.Errorf("it is not the place of change %d", p.seq)
	}
	return nil
}
