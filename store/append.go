package store

import (
	"context"
	"fmt"
	"maps"
	"slices"

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
// known and is not stored again; if it reads otherwise than the stored one (in
// Op, User or After) that reading is kept as a divergence, once. Divergences
// counts only those that were not kept before. Cursors are stored as given,
// even when they go back. A change's Before is stored only if its Source is
// Logged.
//
// ErrBatchTooBig asks for a smaller batch.
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
	var a *appender
	err := db.commit(func(txn *badger.Txn) error {
		a = &appender{txn: txn, gaps: *db.gaps.Load(), tables: map[audit.Table]int{}, users: map[string]int{}}
		return a.batch(b)
	})
	if err != nil {
		return audit.Appended{}, fmt.Errorf("append: %w", err)
	}
	db.head.Store(uint64(a.head))
	db.gaps.Store(&a.gaps)
	return a.out, nil
}

// An appender is one Append under way.
type appender struct {
	txn    *badger.Txn
	head   audit.Seq
	gaps   map[audit.Table][]audit.Gap // shared with readers: replaced, never changed
	tables map[audit.Table]int
	users  map[string]int
	bytes  int
	out    audit.Appended
}

func (a *appender) batch(b audit.Batch) error {
	var err error
	if a.head, err = readHead(a.txn); err != nil {
		return err
	}
	// A seq that is used twice would hide a change for good.
	if next, err := has(a.txn, changeKey(a.head+1)); err != nil || next {
		return fmt.Errorf("%w: there is a change beyond the head %d (%w)", ErrCorrupt, a.head, err)
	}
	for i := range b.Changes {
		c := &b.Changes[i]
		if err := a.change(c); err != nil {
			return fmt.Errorf("%s at %s: %w", c.Key.Table, c.Time, err)
		}
		if a.bytes > maxBatch && len(b.Changes) > 1 {
			return ErrBatchTooBig
		}
		if i == 0 || sortable(c.Time) > sortable(a.out.Newest) {
			a.out.Newest = c.Time
		}
	}
	for i := range b.Gaps {
		if err := a.gap(b.Gaps[i]); err != nil {
			return fmt.Errorf("gap of %s: %w", b.Gaps[i].Table, err)
		}
	}
	for _, c := range b.Cursors {
		if err := setEncoded(a.txn, cursorKey(c.Node, c.Table), cursorOut(c)); err != nil {
			return fmt.Errorf("cursor of %s: %w", c.Table, err)
		}
	}
	return a.counters()
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
	a.out.Last = a.head
	if a.out.First == 0 {
		a.out.First = a.head
	}
	return nil
}

// again looks at a change that is stored already.
func (a *appender) again(seq audit.Seq, c *audit.Change) error {
	a.out.Known++
	stored, err := readChange(a.txn, seq)
	if err != nil {
		return err
	}
	if readsAs(&stored, c) {
		return nil
	}
	key := divergenceKey(seq, c)
	if known, err := has(a.txn, key); known || err != nil {
		return err
	}
	payload, err := encodeDivergence(&audit.Divergence{Seq: seq, Node: c.Node, Observed: c.Observed,
		Op: c.Op, User: c.User, After: c.After})
	if err != nil {
		return err
	}
	a.out.Divergences++
	a.bytes += len(payload)
	return set(a.txn, key, payload)
}

// gap stores a gap unless it lies within a known one of that table and node.
func (a *appender) gap(g audit.Gap) error {
	for _, k := range a.gaps[g.Table] {
		if k.Node == g.Node && sortable(k.From) <= sortable(g.From) && sortable(g.To) <= sortable(k.To) {
			return nil
		}
	}
	a.gaps = maps.Clone(a.gaps)
	a.gaps[g.Table] = append(slices.Clip(a.gaps[g.Table]), g)
	a.out.Gaps++
	return setEncoded(a.txn, gapKey(&g), gapOut(g))
}

// counters writes what changed of the head and the counts.
func (a *appender) counters() error {
	if a.out.New == 0 {
		return nil
	}
	if err := set(a.txn, headKey(), uintPayload(uint64(a.head))); err != nil {
		return err
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
	c.N += n
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
