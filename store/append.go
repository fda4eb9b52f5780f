package store

import (
	"context"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// maxBatch bounds the bytes of one transaction: Badger counts large values as
// if they were small ones. A single change may be larger.
const maxBatch = 64 << 20

// Append stores a batch in one transaction: all of it or, with an error,
// nothing. When it returns, the batch is on disk.
//
// A change whose ID is stored, or that came earlier in the batch, counts as
// known and is not stored again. If the reading is of another node, that is kept
// as an observation. If it knows more of the change (its image can be trusted
// further, its operation is the origin's, it says what was sent), the change is
// amended: read back, it is what is known now. If it reads otherwise (in Op,
// User or After; the operation is no difference between nodes), the lesser of
// the two readings is kept as a divergence, once. Divergences counts only those
// that were not kept before. A change's Before is stored only if its Source is
// Logged.
//
// Cursors, slow windows and baselines take the place of those of their names;
// cursors even when they go back. Spans are joined with those stored. A gap
// within a known one that is not healed is not stored again; those of the kinds
// before and unaudited are joined. Healed needs the time in Healed; what has no
// such gap is passed over.
//
// ErrBatchTooBig asks for a smaller batch; ErrDiskFull for room.
func (db *DB) Append(ctx context.Context, b audit.Batch) (audit.Appended, error) {
	for i := range b.Changes {
		if c := &b.Changes[i]; c.ID != c.Identify() {
			return audit.Appended{}, fmt.Errorf("append change %s: its id is not that of what it says", c.ID)
		}
	}
	if err := db.enter(ctx); err != nil {
		return audit.Appended{}, fmt.Errorf("append: %w", err)
	}
	defer db.users.Done()
	db.write.Lock()
	defer db.write.Unlock()
	if err := ctx.Err(); err != nil { // while waiting for another writer
		return audit.Appended{}, fmt.Errorf("append: %w", err)
	}
	old := db.known.Load()
	var a *appender
	err := db.commit(func(txn *badger.Txn) error {
		a = &appender{txn: txn, old: old, known: old, touched: map[audit.Table]bool{}, tables: map[audit.Table]int{}, users: map[string]int{}}
		if err := a.batch(b); err != nil {
			return err
		}
		if err := db.room.check(int64(a.bytes)); err != nil {
			return err
		}
		if a.known != old {
			db.known.Store(during(old, a.known))
		}
		return nil
	})
	if err != nil {
		db.known.Store(old)
		return audit.Appended{}, fmt.Errorf("append: %w", err)
	}
	db.room.wrote(int64(a.bytes))
	db.head.Store(uint64(a.head))
	db.known.Store(a.known)
	return a.out, nil
}

// An appender is one Append under way.
type appender struct {
	txn     *badger.Txn
	head    audit.Seq
	old     *known
	known   *known               // old, until something of it changes
	touched map[audit.Table]bool // whose gaps or spans changed
	tables  map[audit.Table]int
	users   map[string]int
	bytes   int
	out     audit.Appended
}

// edit is what is known, to be changed.
func (a *appender) edit() *known {
	if a.known == a.old {
		k := *a.old
		a.known = &k
	}
	return a.known
}

// read is a stored change as it is known now.
func (a *appender) read(seq audit.Seq) (audit.Change, error) {
	c, err := readChange(a.txn, seq)
	if err == nil {
		err = a.known.amend(a.txn, &c)
	}
	return c, err
}

func (a *appender) change(c *audit.Change) error {
	seq, known, err := seqOf(a.txn, c.ID)
	if err != nil {
		return err
	}
	if known {
		return a.again(seq, c)
	}
	stored := *c
	stored.Seq = a.head + 1
	payload, err := encodeChange(&stored)
	if err != nil {
		return err
	}
	if err := set(a.txn, changeKey(stored.Seq), payload); err != nil {
		return err
	}
	if err := set(a.txn, idKey(kindID, c.ID), uintPayload(uint64(stored.Seq))); err != nil {
		return err
	}
	if err := a.txn.Set(recordKey(c.Key, c.Cluster, placeOf(&stored)), nil); err != nil {
		return err
	}
	if err := a.txn.Set(timeKey(placeOf(&stored)), nil); err != nil {
		return err
	}
	a.head = stored.Seq
	a.bytes += len(payload)
	a.tables[c.Key.Table]++
	a.users[c.User]++
	a.out.New++
	if c.Late {
		a.out.Late++
	}
	a.out.Last = a.head
	if a.out.First == 0 {
		a.out.First = a.head
	}
	return nil
}

// counters writes what changed of the head and the counts.
func (a *appender) counters() error {
	if a.out.New > 0 {
		if err := set(a.txn, headKey(), uintPayload(uint64(a.head))); err != nil {
			return err
		}
	}
	for t, n := range a.tables {
		if err := a.count(tableKey(kindTableCount, t), n, count{Database: t.Database, Table: t.Name}); err != nil {
			return err
		}
	}
	for u, n := range a.users {
		if err := a.count(nameKey(kindUserCount, u), n, count{User: u}); err != nil {
			return err
		}
	}
	return nil
}

func (a *appender) count(key []byte, n int, c count) error {
	payload, found, err := get(a.txn, key)
	if err != nil {
		return fmt.Errorf("read count: %w", err)
	}
	if found {
		if err := decode(payload, &c); err != nil {
			return fmt.Errorf("read count: %w", err)
		}
	}
	if c.N += n; c.N == 0 {
		return a.txn.Delete(key)
	}
	return setEncoded(a.txn, key, c)
}

// seqOf is the number under which a change is stored.
func seqOf(txn *badger.Txn, id audit.ChangeID) (audit.Seq, bool, error) {
	payload, found, err := get(txn, idKey(kindID, id))
	if err == nil && found {
		var n uint64
		n, err = parseUint(payload)
		return audit.Seq(n), true, err
	}
	return 0, false, err
}

// readChange is a stored change as it was stored.
func readChange(txn *badger.Txn, seq audit.Seq) (audit.Change, error) {
	payload, found, err := get(txn, changeKey(seq))
	var c audit.Change
	switch {
	case err != nil:
	case !found:
		err = ErrNotFound
	default:
		c, err = decodeChange(seq, payload)
	}
	if err != nil {
		return audit.Change{}, fmt.Errorf("read change %d: %w", seq, err)
	}
	return c, nil
}

func setEncoded(txn *badger.Txn, key []byte, v any) error {
	payload, err := encode(v)
	if err != nil {
		return err
	}
	return set(txn, key, payload)
}
