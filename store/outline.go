package store

import (
	"context"
	"fmt"
	mathbits "math/bits"

	"recourse/audit"
)

// Outlines is the changes of these numbers, ascending, as Read has them but for
// their IDs, the bodies of their images and what was sent: who did what to which
// record when, and whether it was there. Bodies are most of a block, and stay packed.
func (v *View) Outlines(ctx context.Context, seqs []audit.Seq) ([]audit.Change, error) {
	r := v.r.again()
	defer r.release()
	changes := make([]audit.Change, 0, len(seqs))
	for len(seqs) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if seqs[0] == 0 || seqs[0] > v.last {
			return nil, fmt.Errorf("read change %d: %w", seqs[0], ErrNotFound)
		}
		n := 1
		for n < len(seqs) && seqs[n] <= v.last && audit.BlockOf(seqs[n]) == audit.BlockOf(seqs[0]) {
			n++
		}
		var err error
		if changes, err = r.outlines(changes, seqs[:n]); err != nil {
			return nil, fmt.Errorf("read change %d: %w", seqs[0], err)
		}
		seqs = seqs[n:]
	}
	return changes, nil
}

// outlines appends those of changes of one block.
func (r *reader) outlines(to []audit.Change, seqs []audit.Seq) ([]audit.Change, error) {
	room := rowRooms.Get().(*[audit.BlockSize]row)
	rows := room[:len(seqs)]
	defer func() {
		clear(rows) // of what the caller has now
		rowRooms.Put(room)
	}()
	err := r.withBlock(audit.BlockOf(seqs[0]), func(b stowed) error { return b.outlines(seqs, rows) })
	if err != nil {
		return to, err
	}
	for i := range rows {
		c, err := r.outline(&rows[i])
		if err != nil {
			return to, err
		}
		to = append(to, c)
	}
	return to, nil
}

func (r *reader) outline(w *row) (audit.Change, error) {
	if !r.known.isStale(w.c.Seq) && (w.prev != 0 || !r.known.based) {
		return r.change(w)
	}
	c, err := r.get(w.c.Seq) // whether it was there may follow from other changes
	c.ID, c.Before.Body, c.After.Body, c.Sent = audit.ChangeID{}, nil, nil, nil
	return c, err
}

// outlines are the changes of these numbers without IDs and bodies, in rows that are
// zero.
func (b *block) outlines(seqs []audit.Seq, rows []row) error {
	if int(seqs[len(seqs)-1]-b.first) >= b.n {
		return b.corrupt("it ends too early")
	}
	m, err := b.directory()
	if err != nil {
		return err
	}
	if len(seqs) >= manyPlaces && !m.spreadColumns(b.n) {
		return b.corrupt("its columns")
	}
	keys := m.keyReader()
	keys.grow((b.keys/b.n + 8) * len(seqs))
	at := 0
	for n, s := range seqs {
		i := int(s - b.first)
		if check := i / checkEvery; check > at/checkEvery {
			keys.seek(check)
			at = check * checkEvery
		}
		for ; at < i; at++ {
			keys.pass(at)
		}
		m.fill(i, &rows[n])
		rows[n].c.Key.ID = keys.next(i)
		at++
	}
	if keys.bad {
		return b.corrupt("its keys")
	}
	return nil
}

// directory is what the block says of its changes but for their bodies. What needs
// these unpacks the rest, and then it is the same.
func (b *block) directory() (*blockMeta, error) {
	m := b.room.newMeta()
	m.first, m.keys, m.room = b.first, b.keys, b.room
	for _, part := range []int{partTexts, partMeta} {
		var err error
		if m.parts[part], err = b.frames[part].open(b.room); err != nil {
			return nil, b.corrupt(err.Error())
		}
	}
	switch {
	case !m.dictionaries():
		return nil, b.corrupt("its dictionaries")
	case !m.columns(b.n):
		return nil, b.corrupt("its columns")
	}
	return m, nil
}

// Touching is the numbers of the changes of records in all clusters, ascending;
// there may be some of other records among them.
func (v *View) Touching(ctx context.Context, keys []audit.Key) ([]audit.Seq, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	hashes := make([]uint32, len(keys))
	for i, k := range keys {
		hashes[i] = recordHashOf(k)
	}
	sealed, err := v.r.sealed()
	found := wantHashes(hashes)
	found.all = make([]uint64, v.r.known.head/64+1)
	if err == nil {
		err = v.r.findAll(kindRecordHash, sealed, found)
	}
	if err != nil {
		return nil, fmt.Errorf("find changes of %d records: %w", len(keys), err)
	}
	var seqs []audit.Seq
	for i, word := range found.all {
		for ; word != 0; word &= word - 1 {
			if s := audit.Seq(64*i + mathbits.TrailingZeros64(word)); s <= v.last {
				seqs = append(seqs, s)
			}
		}
	}
	return seqs, nil
}
