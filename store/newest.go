package store

import (
	"slices"
	"sync"

	"recourse/audit"
)

// A newestBlocks is the rows of the blocks that were filled last, as they were
// appended, up to a number of bytes: who follows the store closely need not unpack
// what was packed a moment ago. A block that is full is never written again; what was
// learned of its changes since is applied when they are taken from here, as when they
// are read. What it holds is shared and never changed. The zero value keeps nothing.
type newestBlocks struct {
	mu    sync.RWMutex
	limit int // bytes
	first int // the number of the first block
	rows  [][]row
	size  []int // bytes of each
	used  int   // of all
}

// put keeps a block, which is full. One that does not follow the last takes the place
// of all.
func (b *newestBlocks) put(n int, rows []row) {
	const itself = 480 // a row, without what it points to
	size := itself * len(rows)
	for i := range rows {
		for _, v := range rows[i].bodies {
			size += len(*v)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if n != b.first+len(b.rows) {
		b.drop(len(b.rows))
		b.first = n
	}
	b.rows, b.size, b.used = append(b.rows, rows), append(b.size, size), b.used+size
	over := 0
	for left := b.used; left > b.limit; over++ {
		left -= b.size[over]
	}
	b.drop(over)
}

// drop forgets the first blocks.
func (b *newestBlocks) drop(n int) {
	for _, size := range b.size[:n] {
		b.used -= size
	}
	// What is cut off would still be held.
	b.rows, b.size, b.first = append([][]row(nil), b.rows[n:]...), append([]int(nil), b.size[n:]...), b.first+n
}

// clear forgets all.
func (b *newestBlocks) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drop(len(b.rows))
}

// get is a block's rows, and whether they are here.
func (b *newestBlocks) get(n int) ([]row, bool) {
	if b == nil {
		return nil, false
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	if n -= b.first; n < 0 || n >= len(b.rows) {
		return nil, false
	}
	return b.rows[n], true
}

// keepNewest keeps the blocks that a batch filled, each in memory of its own: one that is
// forgotten is not to be held by those that are kept.
func (db *DB) keepNewest(rows []row) {
	for ; len(rows) >= audit.BlockSize; rows = rows[audit.BlockSize:] {
		db.newest.put(audit.BlockOf(rows[0].c.Seq), slices.Clone(rows[:audit.BlockSize]))
	}
}

// newestChanges are the changes of a full block from a number on, if it was filled
// lately. With an error they are those before the failure.
func (r *reader) newestChanges(n int, from audit.Seq) (page []audit.Change, kept bool, err error) {
	if firstOf(n+1)-1 > r.known.head {
		return nil, false, nil
	}
	rows, kept := r.newest.get(n)
	if !kept {
		return nil, false, nil
	}
	rows = rows[from-firstOf(n):]
	page = make([]audit.Change, 0, len(rows))
	for i := range rows {
		w := &rows[i]
		if isStub(w.c.Before.Body) || isStub(w.c.After.Body) || isStub(w.c.Sent) {
			whole := *w
			if err := r.fetch(&whole); err != nil {
				return page, true, err
			}
			w = &whole
		}
		c, err := r.change(w)
		if err != nil {
			return page, true, changeError(w.c.Seq, err)
		}
		page = append(page, c)
	}
	return page, true, nil
}
