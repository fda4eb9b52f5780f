package store

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sync"

	"recourse/audit"
)

// What a body is: nothing, kept as it is, the same bytes as the image after, or
// an object with the shape of that number less bodyShape.
const (
	bodyNone = iota
	bodyRaw
	bodyAfter
	bodyShape
)

// The roles of a change's bodies, in the order in which they are packed.
const (
	roleAfter = iota
	roleBefore
	roleWas
	roleSent
	roleCount
)

const (
	maxEntries    = 8 * audit.BlockSize // of a lexicon that takes all that comes: more than a block can have
	maxAttributes = 1 << 10             // of an object that has a shape
	maxKept       = 1 << 20             // bytes of a buffer that is kept for the next block
)

var blockWriters = sync.Pool{New: func() any { return new(blockWriter) }}

// A blockWriter takes in the changes of one block.
type blockWriter struct {
	plain  bool // no shapes and no templates
	users  lexicon
	names  lexicon
	forms  lexicon
	words  lexicon
	shapes lexicon
	shaped [][][]byte // the names of each shape

	cols   [colCount][]uint64
	checks [checkCount][]uint64
	body   leftOut
	key    leftOut
	out    *leftOut // one of the two
	split  templater
	cells  [roleCount][][]byte // by shape: the forms, change after change
	bodies int
	keys   int

	after, other shapedBody
	guess        []int // by the number of a table's name: the shape that it had last
	maps         map[[2]int][]int
	scratch      []byte
	dict, meta   []byte
	table        []byte // the forms as they are stored
	packed       []byte
}

func (w *blockWriter) lexicons() []*lexicon {
	return []*lexicon{&w.users, &w.names, &w.forms, &w.words, &w.shapes}
}

func (w *blockWriter) reset(plain bool) {
	w.plain, w.bodies, w.keys = plain, 0, 0
	for _, l := range w.lexicons() {
		l.reset()
	}
	w.shaped, w.guess = w.shaped[:0], w.guess[:0]
	for i := range w.cols {
		w.cols[i] = w.cols[i][:0]
	}
	for i := range w.checks {
		w.checks[i] = w.checks[i][:0]
	}
	w.body.cut([3]int{})
	w.key.cut([3]int{})
	for i := range w.cells {
		for j := range w.cells[i] {
			w.cells[i][j] = w.cells[i][j][:0]
		}
	}
	clear(w.maps)
}

// release gives the writer back, but not one that had to grow very large, nor
// the memory of the caller.
func (w *blockWriter) release() {
	large := max(cap(w.body.lits), cap(w.body.nums), cap(w.dict), cap(w.names.text), cap(w.shapes.text), cap(w.key.lits), cap(w.packed))
	if large > maxKept {
		return
	}
	clear(w.after.vals[:cap(w.after.vals)])
	clear(w.other.vals[:cap(w.other.vals)])
	blockWriters.Put(w)
}

// pack is the block of these rows, its parts unpacked and in the memory of w.
func (w *blockWriter) pack(first audit.Seq, rows []row) (*block, error) {
	var size uint64
	for i := range rows {
		c := &rows[i].c
		size += uint64(len(c.After.Body) + len(c.Before.Body) + len(c.Sent) + len(rows[i].was.Body) + len(c.Note) + len(c.Key.ID))
	}
	if size > maxBlock/2 { // so much can be taken twice: as words and where they stand
		return nil, ErrTooLarge
	}
	for i := range rows {
		var before *row
		if i > 0 {
			before = &rows[i-1]
		}
		if i > 0 && i%checkEvery == 0 {
			body, key := w.body.sizes(), w.key.sizes()
			for j := range body {
				w.checks[checkBody+j] = append(w.checks[checkBody+j], uint64(body[j]))
				w.checks[checkKey+j] = append(w.checks[checkKey+j], uint64(key[j]))
			}
		}
		w.row(&rows[i], before)
	}
	w.finish()
	b := &block{first: first, n: len(rows), bodies: w.bodies, keys: w.keys}
	for i, part := range [partCount][]byte{w.dict, w.meta, w.table, w.body.words, w.body.nums} {
		b.frames[i] = frame{size: len(part), stored: part}
	}
	return b, nil
}

func (w *blockWriter) row(r, before *row) {
	w.columns(r, before)
	c := &r.c
	at := momentOf(c)
	w.out, w.split = &w.key, templater{items: w.split.items, words: &w.words, out: &w.key}
	w.keys += len(c.Key.ID)
	w.cols[colID] = append(w.cols[colID], uint64(w.textForm([]byte(c.Key.ID), moment{})))
	w.out, w.split.out = &w.body, &w.body
	table := int(w.cols[colTable][len(w.cols[colTable])-1])
	for table >= len(w.guess) {
		w.guess = append(w.guess, -1)
	}
	kind := w.image(roleAfter, c.After.Body, nil, &w.after, table, at)
	for role, body := range [roleCount]audit.Value{c.After.Body, c.Before.Body, r.was.Body, c.Sent} {
		kind := kind
		if role != roleAfter {
			kind = w.image(role, body, c.After.Body, &w.other, table, at)
		}
		w.cols[colAfterBody+role] = append(w.cols[colAfterBody+role], uint64(kind))
	}
}

// image takes in a body and says what it is. after is the image after, if it is
// another; w.after has its values.
func (w *blockWriter) image(role int, body, after []byte, o *shapedBody, table int, at moment) int {
	o.shape = -1
	if body == nil {
		return bodyNone
	}
	if after != nil && bytes.Equal(body, after) {
		return bodyAfter
	}
	w.bodies += len(body)
	if w.plain || !w.object(body, o, w.guess[table]) {
		w.out.raw(body)
		return bodyRaw
	}
	w.guess[table] = o.shape
	var base []int
	if role != roleAfter && w.after.shape >= 0 {
		base = w.mapping(o.shape, w.after.shape)
	}
	w.attributes(role, o, base, at)
	return bodyShape + o.shape
}

// attributes takes in the values of an object. base says for each which value of
// the image after has its name, or is nil.
func (w *blockWriter) attributes(role int, o *shapedBody, base []int, at moment) {
	for o.shape >= len(w.cells[role]) {
		w.cells[role] = append(w.cells[role], nil)
	}
	cells := w.cells[role][o.shape]
	for i, v := range o.vals {
		if base != nil && base[i] >= 0 && sameMemory(v, w.after.vals[base[i]]) {
			cells = append(cells, formSame)
			continue
		}
		start := len(w.out.nums)
		form := w.valueForm(v, at)
		if form >= wideForm {
			w.out.nums = slices.Insert(w.out.nums, start, binary.AppendUvarint(nil, uint64(form-wideForm))...)
			form = wideForm
		}
		cells = append(cells, byte(form))
	}
	w.cells[role][o.shape] = cells
}

// sameMemory is bytes.Equal, which is known of what lies at the same place.
func sameMemory(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0] || bytes.Equal(a, b))
}

// finish writes the dictionaries, the columns and the forms.
func (w *blockWriter) finish() {
	w.dict, w.meta, w.table = w.dict[:0], w.meta[:0], w.table[:0]
	for _, l := range w.lexicons() {
		w.dict = l.appendTo(w.dict)
	}
	w.dict = append(w.dict, w.body.lits...)
	for _, col := range w.cols {
		w.meta = appendColumn(w.meta, col)
	}
	for _, check := range w.checks {
		last := uint64(0)
		for _, n := range check {
			w.meta = binary.AppendUvarint(w.meta, n-last)
			last = n
		}
	}
	for _, part := range [][]byte{w.key.words, w.key.nums, w.key.lits} {
		w.meta = append(binary.AppendUvarint(w.meta, uint64(len(part))), part...)
	}
	for _, cells := range w.cells {
		for shape, names := range w.shaped[:min(len(w.shaped), len(cells))] {
			for a := range names {
				w.scratch = w.scratch[:0]
				for at := a; at < len(cells[shape]); at += len(names) {
					w.scratch = append(w.scratch, cells[shape][at])
				}
				if len(w.scratch) > 0 {
					w.table = appendCells(w.table, w.scratch)
				}
			}
		}
	}
}
