package store

import (
	"fmt"
	"sync"

	"recourse/audit"
)

// A block is the changes of audit.BlockSize consecutive numbers, or of fewer at
// the head of the store, packed together. Its payload is
//
//	version  1 byte: blockVersion
//	n        uvarint: how many changes, 1 to audit.BlockSize
//	bodies   uvarint: how many bytes all bodies have when they are written out
//	keys     uvarint: how many bytes all keys' ids have
//	sizes    for each part: uvarint of its bytes, uvarint of those stored here
//	parts    dictionaries and literals, columns, forms, words, numbers
//
// A part is one zstd frame, or the bytes themselves where zstd gains little
// (both sizes are the same then). Numbers are LEB128 as encoding/binary's
// uvarint; a signed one is folded (zigzag: 0, -1, 1, -2 …).
//
// Dictionaries and literals: five lexicons, see lexicon: users; other names
// (clusters, nodes, operations, databases, tables, notes); templates; words;
// shapes. The first entry of a lexicon is 0. A shape is the names of an object's
// attributes in the order in which they stand, each as its CBOR text. The
// literals are what follows the dictionaries.
//
// Columns: one number of every change, column after column, see column; then
// the checkpoints, and the keys' own words, numbers and literals, each after its
// uvarint size.
//
// Forms: cells, see block_cells.go, of every attribute of the bodies that have a
// shape: first of the images after, then of those before, then of what was known
// of the earlier change, then of what was sent; among these by shape. The form says what a value is
// made of, see block_value.go, and so what is to be taken from words, numbers
// and literals, where all of one change stands together, image after first.
//
// A checkpoint, one for every checkEvery changes but the first of them, says how
// far words, numbers and literals have been used up by the changes before: those
// of the bodies, then those of the keys.
type block struct {
	first  audit.Seq
	n      int
	bodies int // bytes of all bodies
	keys   int // bytes of all ids
	frames [partCount]frame
	room   *blockRoom // nil: what is found out stays with the block

	// Unpacked once and then only read, so that a block may be shared.
	once sync.Once
	err  error
	meta *blockMeta
}

const (
	blockVersion = 1
	// maxBlock is the size that a block may reach when it is unpacked, and what
	// a damaged one can make us use.
	maxBlock = 1 << 30
	// maxGain is how many bytes a byte of zstd can stand for: a block of it has up
	// to 128 KiB and takes at least four.
	maxGain    = 1 << 15
	checkEvery = 16
)

// The parts of a payload, in order.
const (
	partTexts = iota
	partMeta
	partForms
	partWords
	partNums
	partCount
)

// A row is a change as a block holds it.
type row struct {
	c audit.Change // Before is zero unless the log itself held it
	// prev is the change from which the image before is folded; 0: none was known.
	prev     audit.Seq
	prevTime audit.Time  // of that change
	was      audit.Image // that change's After as it was known then; zero if prev is 0
}

// encodeBlock packs rows, whose numbers are dense from first on. Everything of a
// row comes back exactly but its ID, which must be c.Identify(): who stores
// changes sees to that.
func encodeBlock(first audit.Seq, rows []row) ([]byte, error) {
	if len(rows) == 0 || len(rows) > audit.BlockSize {
		return nil, fmt.Errorf("encode block of change %d: %d changes", first, len(rows))
	}
	for i := range rows {
		if c := &rows[i].c; c.Seq != first+audit.Seq(i) {
			return nil, fmt.Errorf("encode block of change %d: change %d stands at place %d", first, c.Seq, i)
		}
	}
	w := blockWriters.Get().(*blockWriter)
	defer w.release()
	// What does not come back from its columns is kept as it is.
	var err error
	for _, plain := range []bool{false, true} {
		w.reset(plain)
		var b *block
		if b, err = w.pack(first, rows); err != nil {
			break
		}
		if err = b.check(rows); err == nil {
			return w.frame(b)
		}
	}
	return nil, fmt.Errorf("encode block of change %d: %w", first, err)
}

// check says whether the block has these rows.
func (b *block) check(rows []row) error {
	d, err := b.all()
	if err != nil {
		return err
	}
	for i := range rows {
		var r row
		d.limit -= len(d.arena)
		d.arena = d.arena[:0]
		d.row(i, &r)
		r.c.ID = rows[i].c.ID // of what is compared
		if d.bad() || !sameRow(&r, &rows[i]) {
			return fmt.Errorf("change %d would not come back as it is", rows[i].c.Seq)
		}
	}
	if !d.ended() {
		return fmt.Errorf("more would come back than there was")
	}
	return nil
}

// openBlock reads the directory of a payload, which the block goes on using.
// The rest is unpacked when it is first needed. What is not a block is
// ErrCorrupt, now or then.
func openBlock(first audit.Seq, payload []byte) (*block, error) {
	return openBlockIn(nil, first, payload)
}

// openBlockIn is openBlock for a block that is good as long as nobody else has the room.
func openBlockIn(room *blockRoom, first audit.Seq, payload []byte) (*block, error) {
	s := stream{b: payload}
	b := new(block)
	if room != nil {
		room.clear()
		b = &room.block
	}
	*b = block{first: first, room: room}
	version := s.byte()
	n, bodies, keys := s.uvarint(), s.uvarint(), s.uvarint()
	if s.bad || version != blockVersion || n == 0 || n > audit.BlockSize || bodies > maxBlock || keys > maxBlock {
		return nil, b.corrupt("its head")
	}
	b.n, b.bodies, b.keys = int(n), int(bodies), int(keys)
	var sizes [partCount][2]uint64
	var total uint64
	for i := range sizes {
		sizes[i] = [2]uint64{s.uvarint(), s.uvarint()}
		if sizes[i][0] > maxBlock || sizes[i][1] > sizes[i][0] || sizes[i][0] > sizes[i][1]*maxGain {
			return nil, b.corrupt("its directory")
		}
		total += sizes[i][0]
	}
	for i, size := range sizes {
		b.frames[i] = frame{size: int(size[0]), stored: s.take(size[1])}
	}
	if s.bad || s.pos != len(payload) || total > maxBlock {
		return nil, b.corrupt("its directory")
	}
	return b, nil
}

func (b *block) corrupt(what string) error {
	return fmt.Errorf("%w: block of change %d: %s", ErrCorrupt, b.first, what)
}

// len is how many changes the block has.
func (b *block) len() int { return b.n }

// row is the change at place i, in fresh memory.
func (b *block) row(i int) (row, error) {
	rows, err := b.rowsAt([]int{i})
	if err != nil {
		return row{}, err
	}
	return rows[0], nil
}

// rowsAt are the changes at these places, which ascend, in fresh memory that they
// share.
func (b *block) rowsAt(places []int) ([]row, error) {
	return b.rowsInto(make([]row, len(places)), places)
}

// rowsInto is rowsAt; the rows themselves stand in rows, which are zero and as many.
func (b *block) rowsInto(rows []row, places []int) ([]row, error) {
	open := b.reader
	if len(places) >= manyPlaces {
		open = b.all
	}
	d, err := open()
	if err != nil {
		return nil, err
	}
	d.grow(min(b.bodies, (len(places)+1)*(b.bodies/b.n+64)))
	d.keys.grow((b.keys/b.n + 8) * min(b.n, checkEvery*len(places)))
	at := 0
	for n, i := range places {
		if i/checkEvery > at/checkEvery {
			at = d.seek(i)
		}
		for ; at < i; at++ {
			d.pass(at)
		}
		d.row(at, &rows[n])
		at++
	}
	if d.bad() {
		return nil, b.corrupt("its bodies")
	}
	for i := range rows {
		rows[i].c.ID = rows[i].c.Identify()
	}
	return rows, nil
}

// manyPlaces is of how many changes of a block it is worth writing its columns
// out.
const manyPlaces = 16

// rows are all changes, in fresh memory that they share: who keeps a part of
// one for long copies it.
func (b *block) rows() ([]row, error) { return b.rowsIn(nil) }

// rowsIn is rows, the rows themselves standing in room, which is zero, if there
// are as many.
func (b *block) rowsIn(room []row) ([]row, error) {
	d, err := b.all()
	if err != nil {
		return nil, err
	}
	d.grow(b.bodies)
	d.keys.grow(b.keys)
	if len(room) < b.n {
		room = make([]row, b.n)
	}
	rows := room[:b.n]
	for i := range rows {
		if !d.checked(i) {
			return nil, b.corrupt("its checkpoints")
		}
		d.row(i, &rows[i])
	}
	if d.bad() || !d.ended() {
		return nil, b.corrupt("its bodies")
	}
	for i := range rows {
		rows[i].c.ID = rows[i].c.Identify()
	}
	return rows, nil
}

// head is the change at place i without its images and what was sent: all that
// Identify needs, and who did it. It leaves the bodies packed.
func (b *block) head(i int) (audit.Change, error) {
	if err := b.load(); err != nil {
		return audit.Change{}, err
	}
	var r row
	b.meta.fill(i, &r)
	var err error
	if r.c.Key.ID, err = b.key(i); err != nil {
		return audit.Change{}, err
	}
	r.c.After, r.c.Before = audit.Image{}, audit.Image{}
	return r.c, nil
}
