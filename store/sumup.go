package store

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// summed is the first change that is not in sums on disk.
func (w *writer) summed() audit.Seq { return w.sums.first(w.sealed) }

// A resummed is a change to be summed up, and the list of its attributes.
type resummed struct {
	c          *audit.Change
	attributes []byte
}

func resum(c *audit.Change) resummed { return resummed{c, appendAttributes(nil, c)} }

// sumUp takes what a batch brought into the sums of the chunks that are not full.
func (db *DB) sumUp(a *appender, k *known) error {
	txn := db.badger.NewTransaction(false)
	r := &reader{txn: txn, known: k, sums: db.sums, w: db.writer, rows: a.r.rows, summed: a.old.head}
	defer r.close()
	changes, err := r.summable(a.fresh())
	if err != nil {
		return err
	}
	var again []resummed
	for _, s := range a.marked {
		if s < a.w.summed() || s > a.old.head {
			continue
		}
		c, err := r.get(s)
		if err != nil {
			return err
		}
		again = append(again, resum(&c))
	}
	db.sums.open.apply(func(chunks []*sums) []*sums {
		chunks = db.sums.replace(chunks, again)
		for i := range changes {
			chunks = db.sums.add(chunks, &changes[i])
		}
		return chunks
	})
	return nil
}

// summable is what sums need of rows, most of which are part of it themselves.
func (r *reader) summable(rows []row) ([]resummed, error) {
	changes := make([]resummed, len(rows))
	var lists []byte
	ends := make([]int, len(rows))
	for i := range rows {
		w := &rows[i]
		if isStub(w.c.After.Body) || isStub(w.c.Before.Body) {
			whole := *w
			if err := r.fetch(&whole); err != nil {
				return nil, err
			}
			w = &whole
		}
		c, err := r.change(w)
		if err != nil {
			return nil, err
		}
		changes[i].c = &rows[i].c
		if r.known.isStale(c.Seq) || r.known.based {
			now := c
			changes[i].c = &now
		}
		lists = appendAttributes(lists, &c)
		ends[i] = len(lists)
	}
	from := 0
	for i, to := range ends {
		changes[i].attributes = lists[from:to]
		from = to
	}
	return changes, nil
}

// add sums up the next change.
func (g *summing) add(chunks []*sums, c *resummed) []*sums {
	if n := len(chunks); n == 0 || chunks[n-1].full() {
		chunks = append(chunks, newSums(g.layout, g.chunkOf(c.c.Seq)))
	}
	chunks[len(chunks)-1].addWith(c.c, c.attributes)
	return chunks
}

// fresh are the rows that a batch brought.
func (a *appender) fresh() []row { return a.r.rows[len(a.r.rows)-a.out.New:] }

// seal writes the sums of chunks that are full, and puts together what was
// written of sixteen. What fails is tried again with the next change.
func (db *DB) seal() error {
	for {
		open := db.sums.open.chunks
		if len(open) == 0 || !open[0].full() {
			return nil
		}
		// Views freeze the same sums meanwhile.
		if err := db.sealFirst(db.sums.open.freeze().chunks[0]); err != nil {
			return err
		}
	}
}

func (db *DB) sealFirst(s *frozen) error {
	if err := sealChunk(db.commit, s, nil); err != nil {
		return err
	}
	db.sums.open.apply(func(chunks []*sums) []*sums { return chunks[1:] })
	db.writer.sealed = s.chunk + 1
	if err := tidyHits(db.commit, db.sums.layout, s.chunk); err != nil {
		return err
	}
	return db.shelve()
}

// shelve puts the sums of sixteen chunks together, where they are due.
func (db *DB) shelve() error {
	for {
		var shelf int
		var due bool
		err := db.badger.View(func(txn *badger.Txn) (err error) {
			shelf, due, err = dueShelf(txn, db.sums.layout)
			return err
		})
		if err != nil || !due {
			return err
		}
		if err := mergeShelf(db.commit, db.sums.layout, shelf); err != nil {
			return err
		}
	}
}

// readySums sums up what is not in sums on disk.
func (db *DB) readySums() error {
	stale, err := db.loadSums()
	if err != nil {
		return fmt.Errorf("sum up: %w", err)
	}
	if err := db.resumStale(stale); err != nil {
		return fmt.Errorf("sum up: %w", err)
	}
	db.behind.Store(false)
	if err := db.checked(); err != nil {
		return err
	}
	err = errors.Join(tidySums(db.commit, db.sums.layout), db.seal(), db.shelve())
	if errors.Is(err, ErrDiskFull) {
		return nil // they can be read as they are
	}
	return err
}

// loadSums sums up what the blocks say, and names what they do not tell: the
// changes that are stale. Those are put together from what is stored of their
// records, and to find that takes these sums.
func (db *DB) loadSums() (stale []audit.Seq, err error) {
	r := db.snapshot()
	defer r.close()
	sealed, err := db.sums.read(r.txn)
	if err != nil {
		return nil, err
	}
	var chunks []*sums
	from := db.sums.first(len(sealed.chunks))
	for from <= r.known.head {
		rows, err := r.blockRows(audit.BlockOf(from), from, nil)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			c := rows[i].c
			if r.known.isStale(c.Seq) || rows[i].prev == 0 && r.known.based {
				stale = append(stale, c.Seq)
			} else if c, err = r.change(&rows[i]); err != nil {
				return nil, err
			}
			next := resum(&c)
			chunks = db.sums.add(chunks, &next)
		}
		from += audit.Seq(len(rows))
	}
	db.sums.open.apply(func([]*sums) []*sums { return chunks })
	db.writer.sealed = len(sealed.chunks)
	return stale, nil
}

// resumStale sums up changes again that are in chunks which are not full.
func (db *DB) resumStale(stale []audit.Seq) error {
	if len(stale) == 0 {
		return nil
	}
	r := db.snapshot()
	defer r.close()
	again := make([]resummed, len(stale))
	for i, s := range stale {
		c, err := r.get(s)
		if err != nil {
			return err
		}
		again[i] = resum(&c)
	}
	db.sums.open.apply(func(chunks []*sums) []*sums { return db.sums.replace(chunks, again) })
	return nil
}

// replace sums up changes again.
func (g *summing) replace(chunks []*sums, again []resummed) []*sums {
	for i := range again {
		s := again[i].c.Seq
		chunk := chunks[g.chunkOf(s)-chunks[0].chunk]
		chunk.replace(int(s-g.first(chunk.chunk)), again[i].c, again[i].attributes)
	}
	return chunks
}
