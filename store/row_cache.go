package store

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"recourse/audit"
)

// A rowCache keeps the changes that were read last as their blocks have them, up to
// a number of bytes: who has read a record's history asks for it again, in another
// form, and of each of its changes the whole block would be got and unpacked anew.
// Only of whole blocks are there any, which are never written again; what was learned
// of a change since is applied when it is taken from here, as when it is read from its
// block. What it holds is shared and never changed. Nil keeps nothing.
type rowCache struct {
	mu    sync.Mutex
	limit int
	// young takes what is put and what is asked for; when it has half of limit it
	// becomes old, and what was old is gone.
	young, old map[audit.Seq]*row
	used       int // bytes of young
}

func newRowCache(limit int) *rowCache {
	return &rowCache{limit: limit, young: map[audit.Seq]*row{}}
}

func (c *rowCache) get(s audit.Seq) (*row, bool) {
	if c == nil {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if w, ok := c.young[s]; ok {
		return w, true
	}
	w, ok := c.old[s]
	if ok {
		delete(c.old, s)
		c.add(s, w)
	}
	return w, ok
}

// put keeps a copy of a row.
func (c *rowCache) put(w *row) {
	own := w.alone()
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, have := c.young[w.c.Seq]; !have && own.memory() <= c.limit/8 {
		delete(c.old, w.c.Seq)
		c.add(w.c.Seq, own)
	}
}

func (c *rowCache) add(s audit.Seq, w *row) {
	size := w.memory()
	if c.used > 0 && c.used+size > c.limit/2 {
		c.young, c.old, c.used = map[audit.Seq]*row{}, c.young, 0
	}
	c.young[s] = w
	c.used += size
}

// room is about how many bytes can be put before anything put is gone again.
func (c *rowCache) room() int { return c.limit / 2 }

// memory is about how many bytes a row takes that is alone.
func (w *row) memory() int {
	const itself = 800 // with its place in a map
	size := itself
	for _, v := range w.bodies {
		size += len(*v)
	}
	for _, s := range w.texts {
		size += len(*s)
	}
	return size
}

// texts yields what of a row is text.
func (w *row) texts(yield func(at int, s *string) bool) {
	c := &w.c
	for i, s := range [...]*string{&c.Cluster, &c.Node, &c.User, (*string)(&c.Op), (*string)(&c.Reported),
		&c.Key.Table.Database, &c.Key.Table.Name, (*string)(&c.Key.ID), &c.Note} {
		if !yield(i, s) {
			return
		}
	}
}

// alone is a copy of a row that holds no memory of others.
func (w *row) alone() *row {
	own := *w
	var text []byte
	for _, s := range w.texts {
		text = append(text, *s...)
	}
	all := string(text)
	for _, s := range own.texts {
		*s, all = all[:len(*s)], all[len(*s):]
	}
	size := 0
	for _, v := range w.bodies {
		size += len(*v)
	}
	room := make([]byte, 0, size)
	for _, v := range own.bodies {
		if *v != nil {
			from := len(room)
			room = append(room, *v...)
			*v = room[from:len(room):len(room)]
		}
	}
	return &own
}

// recent is a change that was read before, if it is still at hand.
func (r *reader) recent(s audit.Seq) (*row, bool) {
	if !r.lasting(s) {
		return nil, false
	}
	return r.recents.get(s)
}

// lasting says that a change's block is whole in what the reader sees, so that it will
// not be written again, and what is read of it may be kept.
func (r *reader) lasting(s audit.Seq) bool {
	return r.recents != nil && s != 0 && firstOf(audit.BlockOf(s)+1)-1 <= r.known.head
}

// ahead reads changes, ascending, that will be wanted one after the other: on all
// processors, as far as they can be kept until then. What cannot be read is said to
// whoever wants it.
func (r *reader) ahead(ctx context.Context, seqs []audit.Seq) {
	if r.recents == nil {
		return
	}
	var blocks [][]audit.Seq
	for _, s := range seqs {
		if _, have := r.recent(s); have || !r.lasting(s) {
			continue
		}
		n := len(blocks)
		if n == 0 || audit.BlockOf(blocks[n-1][0]) != audit.BlockOf(s) {
			blocks = append(blocks, nil)
			n++
		}
		blocks[n-1] = append(blocks[n-1], s)
	}
	if len(blocks) < 2 {
		return
	}
	var size atomic.Int64
	_ = r.onAll(ctx, len(blocks), func(mine *reader, i int) error {
		if size.Load() > int64(r.recents.room()) {
			return nil
		}
		rows, err := mine.someOf(blocks[i])
		for i := range rows {
			size.Add(int64(rows[i].memory()))
			r.recents.put(&rows[i])
		}
		return err
	})
}

// someOf are changes of one block that is whole.
func (r *reader) someOf(seqs []audit.Seq) (rows []row, err error) {
	n := audit.BlockOf(seqs[0])
	err = r.withBlock(n, func(b stowed) (err error) {
		places := make([]int, len(seqs))
		for i, s := range seqs {
			if places[i] = int(s - firstOf(n)); places[i] >= b.len() {
				return endsEarly(n, s)
			}
		}
		rows, err = b.rowsAt(places)
		return err
	})
	return rows, err
}

// mostListed is how many changes that one view reads are kept: who lists more goes on
// to others, which would push out what is asked for again.
const mostListed = 256

// listed are changes of one block, ascending, of which others of the block are not
// likely to be wanted next. If they are few and to be kept, they are: a block costs as
// much for one as for many.
func (r *reader) listed(seqs []audit.Seq, keep bool) ([]row, error) {
	few := keep && len(seqs) < manyPlaces
	if !r.lasting(seqs[0]) {
		return r.rowsOf(seqs)
	}
	rows := make([]row, 0, len(seqs))
	for few && len(rows) < len(seqs) {
		w, kept := r.recent(seqs[len(rows)])
		if !kept {
			break
		}
		rows = append(rows, *w)
	}
	if len(rows) < len(seqs) {
		var err error
		if rows, err = r.someOf(seqs); err != nil {
			return nil, fmt.Errorf("read change %d: %w", seqs[0], err)
		}
		for i := range rows {
			if few {
				r.recents.put(&rows[i])
			}
		}
	}
	for i := range rows {
		if err := r.fetch(&rows[i]); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func endsEarly(n int, s audit.Seq) error {
	return fmt.Errorf("%w: block %d ends before change %d", ErrCorrupt, n, s)
}
