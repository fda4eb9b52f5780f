package store

import (
	"context"
	"fmt"
	"iter"
	"sync"

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
	txn    *badger.Txn
	known  *known
	sums   *summing
	opened opened  // sums of the chunks that are not full
	w      *writer // nil: not the writer's own
	rows   []row   // of a batch that is being appended, and of its first block
	// summed is the number up to which rows are in the sums.
	summed audit.Seq
	blocks map[int]stowed
	held   heldRows  // read before they are wanted
	room   []row     // memory of those, which is zero before
	opens  *sumCache // opened blocks that all readers share; nil: none are
	// recents are changes that were read before, which all readers share; nil: none
	// are, as of what a transaction is about to write.
	recents *rowCache
	newest  *newestBlocks    // blocks that were filled lately; nil: none are
	bases   *badger.Iterator // over the base records; made when needed
	base    base
}

func (r *reader) close() {
	r.release()
	r.txn.Discard()
}

// release gives back what belongs to the reader and not to its transaction.
func (r *reader) release() {
	if r.bases != nil {
		r.bases.Close()
	}
}

// Last is the newest change's number; zero in an empty store.
func (db *DB) Last() audit.Seq { return db.known.Load().head }

// Lookup is the number under which a change is stored, and whether it is.
func (db *DB) Lookup(ctx context.Context, id audit.ChangeID) (audit.Seq, bool, error) {
	var seq audit.Seq
	var found bool
	err := db.view(ctx, func(r *reader) (err error) {
		seq, found, err = r.lookUp(id)
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
	w, err := r.row(s)
	if err != nil {
		return audit.Change{}, err
	}
	return r.change(&w)
}

// change is a row's change as it is known now.
func (r *reader) change(w *row) (audit.Change, error) {
	c := w.c
	switch {
	case r.known.isStale(c.Seq), w.prev == 0 && r.known.based:
		if err := r.amend(&c); err != nil {
			return audit.Change{}, err
		}
		return c, r.setBefore(&c)
	case c.Before.Source == audit.Logged:
	case w.prev == 0:
		r.fold(&c, nil)
	default:
		prev := audit.Change{Time: w.prevTime, After: w.was}
		if isStub(w.was.Body) {
			after, err := r.after(w.prev)
			if err != nil {
				return audit.Change{}, err
			}
			prev.After.Body = after.Body
		}
		r.fold(&c, &prev)
	}
	return c, nil
}

// after is what a change left.
func (r *reader) after(s audit.Seq) (audit.Image, error) {
	c, err := r.read(s)
	if err == nil {
		err = r.raise(&c)
	}
	return c.After, err
}

// read is a stored change as it is known now, but for its Before.
func (r *reader) read(s audit.Seq) (audit.Change, error) {
	w, err := r.row(s)
	if err != nil {
		return audit.Change{}, err
	}
	return w.c, r.amend(&w.c)
}

// amend applies what later readings knew better.
func (r *reader) amend(c *audit.Change) error {
	if !r.known.isStale(c.Seq) {
		return nil
	}
	return r.known.amend(r.txn, c)
}

// Follow yields the changes after a number, in order, with their Before, and
// ends at the newest. Changes that are appended meanwhile may be among them.
func (db *DB) Follow(ctx context.Context, after audit.Seq) iter.Seq2[audit.Change, error] {
	return Each(db.FollowPages(ctx, after))
}

// Each yields the changes of pages one by one, and an error behind those of its page. It
// is the end.
func Each(pages iter.Seq2[[]audit.Change, error]) iter.Seq2[audit.Change, error] {
	return func(yield func(audit.Change, error) bool) {
		for page, err := range pages {
			for i := range page {
				if !yield(page[i], nil) {
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

// FollowPages is Follow with the changes of a block at once, or of what is left of it;
// with an error come those before the failure. A page is the caller's.
func (db *DB) FollowPages(ctx context.Context, after audit.Seq) iter.Seq2[[]audit.Change, error] {
	return func(yield func([]audit.Change, error) bool) {
		for more := true; more; {
			var page []audit.Change
			err := db.view(ctx, func(r *reader) (err error) {
				page, more, err = r.follow(ctx, after)
				return err
			})
			db.stir()
			if err != nil {
				more, err = false, fmt.Errorf("follow: %w", err)
			}
			if n := len(page); n > 0 {
				after = page[n-1].Seq
			} else if err == nil {
				return
			}
			if !yield(page, err) {
				return
			}
		}
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

// follow reads the page of changes after a number: what is left of its block.
// With an error it returns those before the failure.
func (r *reader) follow(ctx context.Context, after audit.Seq) (page []audit.Change, more bool, err error) {
	head := r.known.head
	if after >= head {
		return nil, false, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	page, err = r.changes(audit.BlockOf(after+1), after+1)
	return page, err == nil && after+audit.Seq(len(page)) < head, err
}

// changes are the changes of a block from a number on, up to the newest. With an
// error they are those before the failure.
func (r *reader) changes(n int, from audit.Seq) ([]audit.Change, error) {
	if page, kept, err := r.newestChanges(n, from); kept {
		return page, err
	}
	room := rowRooms.Get().(*[audit.BlockSize]row)
	defer func() {
		clear(room[:]) // of what the caller has now
		rowRooms.Put(room)
	}()
	rows, err := r.blockRows(n, from, room[:])
	page := make([]audit.Change, 0, len(rows))
	for i := range rows {
		c, err := r.change(&rows[i])
		if err != nil {
			return page, changeError(rows[i].c.Seq, err)
		}
		page = append(page, c)
	}
	return page, err
}

func changeError(s audit.Seq, err error) error { return fmt.Errorf("change %d: %w", s, err) }

// rowRooms are rows to be written, of which a scan needs as many for every block.
var rowRooms = sync.Pool{New: func() any { return new([audit.BlockSize]row) }}

// blockRows are the rows of a block from a number on, up to the newest change.
// With an error they are those before the failure. They may stand in room.
func (r *reader) blockRows(n int, from audit.Seq, room []row) ([]row, error) {
	var rows []row
	err := r.withBlock(n, func(b stowed) (err error) {
		rows, err = b.rowsIn(room)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("change %d: %w", from, err)
	}
	want := int(min(r.known.head-firstOf(n)+1, audit.BlockSize))
	if len(rows) < want {
		return nil, fmt.Errorf("change %d: %w: block %d has %d changes, not %d", from, ErrCorrupt, n, len(rows), want)
	}
	rows = rows[from-firstOf(n) : want]
	for i := range rows {
		if err := r.fetch(&rows[i]); err != nil {
			return rows[:i], err
		}
	}
	return rows, nil
}
