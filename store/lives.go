package store

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"recourse/audit"
)

// Limits of what is read of the store at once for many records.
const (
	mostRecords   = 128 << 10 // whose changes are looked up
	mostHeld      = 32 << 10  // changes
	mostHeldBytes = 64 << 20  // of their images; what exceeds it is the end
)

// Histories yields the changes of records as History does, record by record in
// the order of the keys.
func (db *DB) Histories(ctx context.Context, keys []audit.Key) iter.Seq2[audit.Change, error] {
	return func(yield func(audit.Change, error) bool) {
		for life, err := range db.Lives(ctx, keys) {
			for i := range life {
				if !yield(life[i], nil) {
					return
				}
			}
			if err != nil {
				yield(audit.Change{}, err)
				return
			}
		}
	}
}

// Lives yields the changes of each record as History does, those of a record
// together and record after record in the order of the keys; of a record without
// changes nothing. With an error come those of its record that were read before. A
// block is opened once for all the changes of some thousand records, not for each:
// where the records are many, that is most of the work. While some are dealt with
// the next are read. What is appended meanwhile may be among the changes. What was
// yielded stays as it is, and may be kept.
func (db *DB) Lives(ctx context.Context, keys []audit.Key) iter.Seq2[[]audit.Change, error] {
	return func(yield func([]audit.Change, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		ahead := make(chan livesPage)
		var wait sync.WaitGroup
		defer wait.Wait()
		defer cancel()
		wait.Go(func() { db.readAhead(ctx, keys, ahead) })
		for {
			p, sent := <-ahead
			if !sent {
				if err := ctx.Err(); err != nil {
					yield(nil, fmt.Errorf("histories: %w", err))
				}
				return
			}
			for i, life := range p.lives {
				if last := i == len(p.lives)-1; len(life) > 0 && !(last && p.err != nil) && !yield(life, nil) {
					return
				}
			}
			if p.err != nil {
				var life []audit.Change
				if n := len(p.lives); n > 0 {
					life = p.lives[n-1]
				}
				yield(life, fmt.Errorf("histories: %w", p.err))
				return
			}
		}
	}
}

// A livesPage is the histories of some of the records. With an error the last is
// what was read of the record at which it came.
type livesPage struct {
	lives [][]audit.Change
	err   error
}

// readAhead sends the pages, each when the one before is taken, until the last, an
// error, or ctx's end.
func (db *DB) readAhead(ctx context.Context, keys []audit.Key, to chan<- livesPage) {
	defer close(to)
	var of [][]audit.Seq // of the first keys, where their changes may stand
	var room []row
	for len(keys) > 0 {
		var p livesPage
		p.err = db.view(ctx, func(r *reader) (err error) {
			defer audit.Guard(&err)
			if len(of) == 0 {
				if of, err = r.recordsSeqs(keys[:min(len(keys), mostRecords)]); err != nil {
					return err
				}
			}
			r.room = room[:0]
			p.lives, err = r.lives(ctx, keys, of)
			room = r.room
			clear(room) // of what the page has now
			return err
		})
		if n := len(p.lives); p.err == nil {
			keys, of = keys[n:], of[n:]
		}
		select {
		case to <- p:
		case <-ctx.Done():
			return
		}
		if p.err != nil {
			return
		}
	}
}

// recordsSeqs are where the changes of each of some records may stand.
func (r *reader) recordsSeqs(keys []audit.Key) ([][]audit.Seq, error) {
	hashes := make([]uint32, len(keys))
	for i, k := range keys {
		hashes[i] = recordHashOf(k)
	}
	return r.seqsOfAll(kindRecordHash, hashes)
}

// lives are the histories of the first keys, of which it is known where their changes
// may stand: with the record whose images exceed what is held at once, they end.
func (r *reader) lives(ctx context.Context, keys []audit.Key, of [][]audit.Seq) ([][]audit.Change, error) {
	held := 0
	for i, seqs := range of {
		if held += len(seqs); held > mostHeld && i > 0 {
			held -= len(seqs)
			of = of[:i]
			break
		}
	}
	if err := r.hold(ctx, of); err != nil {
		return nil, err
	}
	lives, room, size := make([][]audit.Change, 0, len(of)), make([]audit.Change, 0, held), 0
	var h history
	var places []place // memory
	for i, seqs := range of {
		var err error
		places, err = r.appendPlaces(places[:0], keys[i], place{}, seqs)
		if h.places, h.newest = places, h.newest[:0]; err == nil {
			from := len(room)
			for len(h.places) > 0 && err == nil {
				if err = ctx.Err(); err == nil {
					room, err = h.next(r, room)
				}
			}
			lives = append(lives, room[from:len(room):len(room)])
		}
		if err != nil {
			return lives, fmt.Errorf("history of %s: %w", keys[i].Table, err)
		}
		for j := range lives[i] {
			size += len(lives[i][j].Before.Body) + len(lives[i][j].After.Body)
		}
		if size >= mostHeldBytes {
			break
		}
	}
	return lives, nil
}

// hold reads changes, so that they are at hand: block by block, on all
// processors, up to a limit of bytes. The rest are read when they are wanted.
func (r *reader) hold(ctx context.Context, of [][]audit.Seq) error {
	seqs := slices.Concat(of...)
	slices.Sort(seqs)
	seqs = slices.Compact(seqs)
	n := len(seqs)
	var blocks [][]audit.Seq
	for len(seqs) > 0 {
		to := 1
		for to < len(seqs) && audit.BlockOf(seqs[to]) == audit.BlockOf(seqs[0]) {
			to++
		}
		blocks, seqs = append(blocks, seqs[:to]), seqs[to:]
	}
	if len(blocks) < 2 {
		return nil
	}
	if cap(r.room) < n {
		r.room = make([]row, n)
	}
	r.room = r.room[:n]
	rows, rest := make([][]row, len(blocks)), r.room
	for i, b := range blocks {
		rows[i], rest = rest[:len(b)], rest[len(b):]
	}
	var size atomic.Int64
	err := r.onAll(ctx, len(blocks), func(mine *reader, i int) (err error) {
		if size.Load() >= mostHeldBytes {
			return nil
		}
		rows[i], err = mine.rowsInto(rows[i], blocks[i])
		for j := range rows[i] {
			for _, v := range rows[i][j].bodies {
				size.Add(int64(len(*v)))
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	r.held = holdRows(r.room)
	return nil
}
