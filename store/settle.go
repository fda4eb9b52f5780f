package store

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// settle takes what was committed into the writer's memory, sums up what is new,
// and lets readers see it.
func (db *DB) settle(a *appender) error {
	w := db.writer
	k := *a.known
	k.head = a.head
	if a.out.New > 0 {
		w.rest = w.next
		w.own()
		db.keepNewest(a.r.rows)
	}
	err := db.sumUp(a, &k)
	// Until here the batch was using the images that these take the place of.
	for h, i := range a.lasts {
		w.images.put(&h, &i, true)
	}
	if err != nil {
		db.behind.Store(true) // before anybody knows that there is more
	}
	db.known.Store(&k)
	if err != nil {
		return err
	}
	if err := db.seal(); err != nil && !errors.Is(err, ErrDiskFull) {
		return err
	}
	if err := db.saveDisplaced(); err != nil {
		return err
	}
	if k.head >= w.imaged+db.imageLimits().every {
		return db.saveImages(true)
	}
	return nil
}

// own makes the rows of the block that is not full the writer's own memory: they
// stay for long, and those who appended may have cut them from something large.
func (w *writer) own() {
	rows := make([]row, len(w.rows), audit.BlockSize)
	copy(rows, w.rows)
	for i := range rows {
		if rows[i].c.Seq <= w.owned {
			continue
		}
		for _, v := range rows[i].bodies {
			if *v != nil {
				*v = append(make(audit.Value, 0, len(*v)), *v...)
			}
		}
	}
	w.rows = rows
	if n := len(rows); n > 0 {
		w.owned = rows[n-1].c.Seq
	}
}

// ready makes what the writer keeps in memory, if it is not there: from the
// blocks, as far as it was not written.
func (db *DB) ready() error {
	if db.writer != nil {
		return nil
	}
	w := &writer{sums: db.sums, layout: db.sums.layout}
	err := db.badger.View(func(txn *badger.Txn) error {
		r := &reader{txn: txn, known: db.known.Load(), sums: db.sums, w: w}
		defer r.release()
		shapes, err := readShapes(txn)
		if err != nil {
			return err
		}
		w.images = newLastImages(db, shapes)
		return w.load(r)
	})
	if err != nil {
		return err
	}
	db.writer = w
	if err := db.readySums(); err != nil {
		db.writer = nil
		return err
	}
	return nil
}

// catchUp makes what is kept in memory again after a batch that could not be
// taken into it: an answer without that batch would lack it silently.
func (db *DB) catchUp() error {
	if !db.behind.Load() {
		return nil
	}
	db.write.Lock()
	defer db.write.Unlock()
	if err := db.ready(); db.behind.Load() {
		return err
	}
	return nil // what else is to be done is the writer's
}

// load reads the last block and what is not in the last images on disk.
func (w *writer) load(r *reader) error {
	payload, found, err := get(r.txn, imagedKey())
	if err != nil || !found {
		return fmt.Errorf("read how far last images are written: %w", errors.Join(err, missing(found)))
	}
	imaged, err := parseUint(payload)
	if err != nil {
		return err
	}
	w.imaged = audit.Seq(imaged)
	head := r.known.head
	if w.imaged > head {
		return fmt.Errorf("%w: last images are of %d changes, there are %d", ErrCorrupt, w.imaged, head)
	}
	if head == 0 {
		w.images.whole = true
		return nil
	}
	if err := w.loadRest(r, head); err != nil {
		return err
	}
	a := &appender{txn: r.txn, w: w, r: r, lasts: map[recordName]lastImage{}}
	for from := w.imaged + 1; from <= head; {
		rows, err := r.blockRows(audit.BlockOf(from), from, nil)
		if err != nil {
			return err
		}
		for i := range rows {
			if err := a.recall(&rows[i]); err != nil {
				return err
			}
		}
		from += audit.Seq(len(rows))
	}
	return nil
}

// loadRest reads the block that is not full.
func (w *writer) loadRest(r *reader, head audit.Seq) error {
	n := audit.BlockOf(head)
	b, err := r.block(n)
	if err != nil {
		return err
	}
	if b.len() != int(head-firstOf(n))+1 {
		return fmt.Errorf("%w: block %d has %d changes, and the head is %d", ErrCorrupt, n, b.len(), head)
	}
	if b.len() == audit.BlockSize {
		w.link = b.link
		return nil
	}
	if n > 0 {
		before, err := r.block(n - 1)
		if err != nil {
			return err
		}
		w.link = before.link
	}
	w.rows, err = b.rows()
	w.owned = head
	return err
}

// recall takes a stored change for its record's last, if it is.
func (a *appender) recall(w *row) error {
	c := &w.c
	h := nameRecord(&c.Key, c.Cluster)
	now, err := a.last(h)
	if err != nil {
		return err
	}
	switch at := placeOf(c); {
	case c.Op.Kind() == audit.KindMessage:
		if now.said >= at.time {
			return nil
		}
		now.said = at.time
	case now.at.seq != 0 && now.at.compare(at) >= 0:
		return nil
	default:
		now.at, now.bodyless, now.packed, now.after = at, false, nil, c.After
		if a.r.known.isStale(c.Seq) {
			if now.after, err = a.r.after(c.Seq); err != nil {
				return err
			}
		}
	}
	a.w.images.put(&h, &now, true)
	return nil
}

func missing(found bool) error {
	if found {
		return nil
	}
	return fmt.Errorf("%w: it is missing", ErrCorrupt)
}

// minImages is the least that last images take.
const minImages = 16 << 20

// rest writes what would have to be worked out again when the store is opened,
// and the bodies of last images: whoever opens it next begins without them, and
// reading one from its change takes unpacking a block.
func (db *DB) rest() error {
	if db.writer == nil {
		return nil
	}
	if err := db.saveImages(false); err != nil && !errors.Is(err, ErrDiskFull) {
		return err
	}
	return nil
}
