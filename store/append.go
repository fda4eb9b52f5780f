package store

import (
	"context"
	"fmt"
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
	defer db.written()
	if err := ctx.Err(); err != nil { // while waiting for another writer
		return audit.Appended{}, fmt.Errorf("append: %w", err)
	}
	if err := db.ready(); err != nil {
		return audit.Appended{}, fmt.Errorf("append: %w", err)
	}
	old := db.known.Load()
	var a *appender
	err := db.commit(func(txn *badger.Txn) error {
		a = newAppender(db, txn)
		defer a.r.release()
		if err := a.batch(b); err != nil {
			return err
		}
		if err := db.room.check(int64(a.written)); err != nil {
			return err
		}
		if a.known != old {
			db.known.Store(during(old, a.known))
		}
		db.sums.open.announce(a.marked)
		return nil
	})
	if err != nil {
		db.known.Store(old)
		db.sums.open.apply(nil)
		return audit.Appended{}, fmt.Errorf("append: %w", err)
	}
	db.room.wrote(int64(a.written))
	if err := db.settle(a); err != nil {
		// It is on disk; only what is kept in memory of it is not whole, and is
		// made again by whoever comes next.
		db.writer = nil
		if o := db.o.Logger; o != nil {
			o.Error("keep up with what was appended", "error", err)
		}
	}
	return a.out, nil
}

// An appender is one Append under way. Nothing outside of its transaction is
// changed before that is committed.
type appender struct {
	txn     *badger.Txn
	w       *writer
	teller  *teller
	r       *reader // of the transaction, with what the batch brought
	head    audit.Seq
	old     *known
	known   *known               // old, until something of it changes
	touched map[audit.Table]bool // whose gaps or spans changed
	lasts   map[recordName]lastImage
	cloned  map[int]bool // chunks whose stale changes are this batch's own to add to
	marked  []audit.Seq  // changes that are read otherwise now
	bytes   int          // of images, as they came
	written int          // of what goes to disk
	out     audit.Appended
}

func newAppender(db *DB, txn *badger.Txn) *appender {
	k := db.known.Load()
	a := &appender{txn: txn, w: db.writer, teller: db.teller(db.routes.on, db.routes.limit), head: k.head, old: k, known: k, touched: map[audit.Table]bool{},
		lasts: map[recordName]lastImage{}, cloned: map[int]bool{}}
	a.r = &reader{txn: txn, known: k, sums: db.sums, w: db.writer, rows: slices.Clip(db.writer.rows), summed: k.head}
	return a
}

// edit is what is known, to be changed.
func (a *appender) edit() *known {
	if a.known == a.old {
		k := *a.old
		a.known = &k
		a.r.known = a.known
	}
	return a.known
}

func (a *appender) change(c *audit.Change) error {
	h := nameRecord(&c.Key, c.Cluster)
	last, err := a.last(h)
	if err != nil {
		return err
	}
	at := place{sortable(c.Time), a.head + 1}
	message := c.Op.Kind() == audit.KindMessage
	// A change that is newer than all of its record is new. Of messages the last
	// image says nothing.
	if message || last.at.seq != 0 && at.time <= last.at.time {
		seq, known, err := a.r.find(c)
		if err != nil {
			return err
		}
		if known {
			return a.again(seq, c)
		}
	}
	w := row{c: *c}
	w.c.Seq = at.seq
	if c.Before.Source != audit.Logged {
		w.c.Before = audit.Image{}
	}
	if err := a.precede(&w, h, last, at); err != nil {
		return err
	}
	return a.add(&w, h, last)
}

// precede finds what a new change changed. If others of its record are later, the
// next of them followed something else until now.
func (a *appender) precede(w *row, h recordName, last lastImage, at place) error {
	now := last
	message := w.c.Op.Kind() == audit.KindMessage
	if now.at.seq == 0 || now.at.compare(at) < 0 {
		if now.at.seq != 0 {
			image, err := a.imageOf(&last)
			if err != nil {
				return err
			}
			w.follow(now.at, image)
		}
		if !message {
			now.at, now.after, now.packed, now.bodyless = at, w.c.After, nil, false
		}
	} else {
		prev, err := a.r.previous(&w.c)
		if err != nil {
			return err
		}
		if prev != nil {
			w.follow(placeOf(prev), prev.After)
		}
	}
	late := !message && (now.at != at || now.said > at.time)
	if message {
		now.said = max(now.said, at.time)
	}
	a.lasts[h] = now
	if !late {
		return nil
	}
	return a.markAfter(&w.c)
}

// follow says which change a row's own changed, and what it left.
func (w *row) follow(p place, after audit.Image) {
	if w.c.Before.Source == audit.Logged {
		return
	}
	w.prev, w.prevTime, w.was = p.seq, unsortable(p.time), after
}

// add makes a change the newest. last is that of its record without it.
func (a *appender) add(came *row, h recordName, last lastImage) error {
	based, err := a.basedOn(came, h)
	if err != nil {
		return err
	}
	a.r.rows = append(a.r.rows, *came)
	w := &a.r.rows[len(a.r.rows)-1]
	c := &w.c
	a.bytes += len(c.After.Body) + len(c.Before.Body) + len(c.Sent)
	if err := a.stow(w); err != nil {
		return err
	}
	a.head = c.Seq
	if based {
		a.mark(c.Seq)
		if err := a.refresh(c); err != nil {
			return err
		}
		if sortable(c.Time) <= max(last.at.time, last.said) {
			if err := a.untie(c); err != nil {
				return err
			}
		}
	}
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

// basedOn says that a baseline tells something of a new change or of what was
// before it, which the change before it does not.
func (a *appender) basedOn(w *row, h recordName) (bool, error) {
	if !a.known.basedOn(w.c.Key.Table) {
		return false, nil
	}
	records, err := a.r.baseOf(w.c.Key, w.c.Cluster)
	return len(records) > 0, err
}

// blocks writes the blocks that the batch added to.
func (a *appender) blocks() error {
	if a.out.New == 0 {
		return nil
	}
	rows, chain := a.r.rows, a.w.link
	for i, p := range packAll(rows) {
		if p.err != nil {
			return p.err
		}
		to := chain.next(p.sum)
		value := append(slices.Clip(to[:]), p.payload...)
		n, begun := audit.BlockOf(rows[0].c.Seq), i == 0 && len(a.w.rows) > 0
		a.written += len(value)
		if len(rows) < audit.BlockSize {
			if err := setOpenBlock(a.txn, n, value, begun); err != nil {
				return err
			}
			break
		}
		if err := setFullBlock(a.txn, n, value, begun); err != nil {
			return err
		}
		chain = to
		rows = rows[audit.BlockSize:]
	}
	a.w.next = rest{rows: rows, link: chain}
	return set(a.txn, headKey(), uintPayload(uint64(a.head)))
}

func setEncoded(txn *badger.Txn, key []byte, v any) error {
	payload, err := encode(v)
	if err != nil {
		return err
	}
	return set(txn, key, payload)
}
