package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// Readers yield between short snapshots, never inside one, so that a slow
// consumer holds nothing back and may call the store itself.
const (
	pageChanges = 256
	pageBytes   = 8 << 20 // of images; a page ends with the change that exceeds it
	pageKeys    = 4096
)

// A reader is one snapshot.
type reader struct {
	txn   *badger.Txn
	known *known
	back  *badger.Iterator // over the record index, backwards; made when needed
	bases *badger.Iterator // over the base records; made when needed
	base  base
}

func (r *reader) close() {
	if r.back != nil {
		r.back.Close()
	}
	if r.bases != nil {
		r.bases.Close()
	}
	r.txn.Discard()
}

// Last is the newest change's number; zero in an empty store.
func (db *DB) Last() audit.Seq { return audit.Seq(db.head.Load()) }

// Lookup is the number under which a change is stored, and whether it is.
func (db *DB) Lookup(ctx context.Context, id audit.ChangeID) (audit.Seq, bool, error) {
	var seq audit.Seq
	var found bool
	err := db.view(ctx, func(r *reader) (err error) {
		seq, found, err = seqOf(r.txn, id)
		return err
	})
	if err != nil {
		return 0, false, fmt.Errorf("look up change %s: %w", id, err)
	}
	return seq, found, nil
}

// Get is one change, its Before derived from what is stored now. It fails with
// ErrNotFound if there is no such change and with ErrCorrupt if it is damaged
// or missing.
func (db *DB) Get(ctx context.Context, s audit.Seq) (audit.Change, error) {
	var c audit.Change
	err := db.view(ctx, func(r *reader) (err error) {
		c, err = r.get(s)
		return err
	})
	if err != nil {
		return audit.Change{}, fmt.Errorf("get change %d: %w", s, err)
	}
	return c, nil
}

func (r *reader) get(s audit.Seq) (audit.Change, error) {
	c, err := r.read(s)
	if errors.Is(err, ErrNotFound) {
		// Numbers are dense, so one up to the head that is missing is lost.
		if head, herr := readHead(r.txn); herr != nil {
			return audit.Change{}, herr
		} else if s != 0 && s <= head {
			return audit.Change{}, fmt.Errorf("%w: change %d is missing", ErrCorrupt, s)
		}
	}
	if err != nil {
		return audit.Change{}, err
	}
	return c, r.setBefore(&c)
}

// Follow yields the changes after a number, in order, with their Before, and
// ends at the newest. Changes that are appended meanwhile may be among them.
func (db *DB) Follow(ctx context.Context, after audit.Seq) iter.Seq2[audit.Change, error] {
	return func(yield func(audit.Change, error) bool) {
		pages(yield, "follow", func() (page []audit.Change, more bool, err error) {
			err = db.view(ctx, func(r *reader) (err error) {
				page, more, err = r.follow(ctx, after)
				return err
			})
			if len(page) > 0 {
				after = page[len(page)-1].Seq
			}
			return page, more, err
		})
	}
}

// pages yields what next returns until there is no more.
func pages[T any](yield func(T, error) bool, what string, next func() ([]T, bool, error)) {
	for {
		page, more, err := next()
		for _, v := range page {
			if !yield(v, nil) {
				return
			}
		}
		if err != nil {
			var none T
			yield(none, fmt.Errorf("%s: %w", what, err))
			return
		}
		if !more {
			return
		}
	}
}

// follow reads the page of changes after a number. With an error it returns
// those before the failure.
func (r *reader) follow(ctx context.Context, after audit.Seq) (page []audit.Change, more bool, err error) {
	head, err := readHead(r.txn)
	if err != nil || after >= head {
		return nil, false, err
	}
	it := r.txn.NewIterator(badger.IteratorOptions{PrefetchValues: true, PrefetchSize: 64, Prefix: []byte{byte(kindChange)}})
	defer it.Close()
	it.Seek(changeKey(after + 1))
	for size := 0; len(page) < pageChanges && size < pageBytes && after < head; it.Next() {
		if err := ctx.Err(); err != nil {
			return page, false, err
		}
		after++
		if !it.Valid() || string(it.Item().Key()) != string(changeKey(after)) {
			return page, false, fmt.Errorf("%w: change %d is missing", ErrCorrupt, after)
		}
		c, err := changeOf(after, it.Item())
		if err == nil {
			err = r.known.amend(r.txn, &c)
		}
		if err == nil {
			err = r.setBefore(&c)
		}
		if err != nil {
			return page, false, fmt.Errorf("change %d: %w", after, err)
		}
		page = append(page, c)
		size += len(c.Before.Body) + len(c.After.Body)
	}
	return page, after < head, nil
}

// read is a stored change as it is known now, but for its Before.
func (r *reader) read(s audit.Seq) (audit.Change, error) {
	c, err := readChange(r.txn, s)
	if err == nil {
		err = r.known.amend(r.txn, &c)
	}
	return c, err
}

func changeOf(seq audit.Seq, item *badger.Item) (audit.Change, error) {
	payload, err := payloadOf(item)
	if err != nil {
		return audit.Change{}, err
	}
	return decodeChange(seq, payload)
}

// ByTime yields the numbers of the changes from one time, inclusive, to
// another, exclusive, by time and then by number: the oldest first, or all the
// other way round. Infinities stand for no limit; an infinite to is inclusive.
// A change that is appended meanwhile may or may not be among them.
func (db *DB) ByTime(ctx context.Context, from, to audit.Time, newestFirst bool) iter.Seq2[audit.Seq, error] {
	return func(yield func(audit.Seq, error) bool) {
		if math.IsNaN(float64(from)) || math.IsNaN(float64(to)) {
			yield(0, errors.New("scan by time: a limit is no number"))
			return
		}
		low, high := place{time: sortable(from)}, place{time: sortable(to)}
		if math.IsInf(float64(from), -1) {
			low = place{}
		}
		if math.IsInf(float64(to), 1) {
			high = place{math.MaxUint64, math.MaxUint64}
		}
		pages(yield, "scan by time", func() (page []audit.Seq, more bool, err error) {
			err = db.view(ctx, func(r *reader) (err error) {
				page, low, high, err = r.byTime(low, high, newestFirst)
				return err
			})
			return page, len(page) == pageKeys, err
		})
	}
}

// byTime reads the page of places from low to before high, and what is then
// left of the two.
func (r *reader) byTime(low, high place, newestFirst bool) ([]audit.Seq, place, place, error) {
	it := r.txn.NewIterator(badger.IteratorOptions{Reverse: newestFirst, Prefix: []byte{byte(kindTime)}})
	defer it.Close()
	start := low
	if newestFirst {
		start = high
	}
	var page []audit.Seq
	for it.Seek(timeKey(start)); it.Valid() && len(page) < pageKeys; it.Next() {
		p, ok := cutPlace(it.Item().Key())
		if !ok {
			return page, low, high, fmt.Errorf("%w: a key of the time index is too short", ErrCorrupt)
		}
		if newestFirst && p.compare(high) >= 0 {
			continue // the limit itself, where the last page ended
		}
		if p.compare(low) < 0 || p.compare(high) >= 0 {
			break
		}
		page = append(page, p.seq)
		if newestFirst {
			high = p
		} else {
			low = place{p.time, p.seq + 1}
		}
	}
	return page, low, high, nil
}
