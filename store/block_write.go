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

// The bodies of a change, in the order in which they are packed.
const (
	partAfter = iota
	partBefore
	partWas
	partSent
	bodyCount
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
	checks [3][]uint64
	body   leftOut
	key    leftOut
	out    *leftOut // one of the two
	split  templater
	cells  [bodyCount][][]byte // by shape: the forms, change after change
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

// A shapedBody is the values of a body that has a shape.
type shapedBody struct {
	shape int
	vals  [][]byte
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
			for j, n := range w.body.sizes() {
				w.checks[j] = append(w.checks[j], uint64(n))
			}
		}
		w.row(&rows[i], before)
	}
	w.finish()
	b := &block{first: first, n: len(rows), bodies: w.bodies, keys: w.keys}
	for i, part := range [partCount][]byte{w.dict, w.meta, w.table, w.body.words, w.body.nums, w.body.lits} {
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
	kind := w.image(partAfter, c.After.Body, nil, &w.after, table, at)
	for part, body := range [bodyCount]audit.Value{c.After.Body, c.Before.Body, r.was.Body, c.Sent} {
		kind := kind
		if part != partAfter {
			kind = w.image(part, body, c.After.Body, &w.other, table, at)
		}
		w.cols[colAfterBody+part] = append(w.cols[colAfterBody+part], uint64(kind))
	}
}

// image takes in a body and says what it is. after is the image after, if it is
// another; w.after has its values.
func (w *blockWriter) image(part int, body, after []byte, o *shapedBody, table int, at moment) int {
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
	if part != partAfter && w.after.shape >= 0 {
		base = w.mapping(o.shape, w.after.shape)
	}
	for o.shape >= len(w.cells[part]) {
		w.cells[part] = append(w.cells[part], nil)
	}
	cells := w.cells[part][o.shape]
	for i, v := range o.vals {
		if base != nil && base[i] >= 0 && bytes.Equal(v, w.after.vals[base[i]]) {
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
	w.cells[part][o.shape] = cells
	return bodyShape + o.shape
}

// object finds the shape and the values of a body, first trying a shape. It says
// whether the body is an object, in the form in which values are kept.
func (w *blockWriter) object(body []byte, o *shapedBody, guess int) bool {
	n, size := cborHead(body)
	if size == 0 || body[0]&0xe0 != cborMap || n > maxAttributes {
		return false
	}
	rest := body[size:]
	if guess >= 0 && uint64(len(w.shaped[guess])) == n && o.take(rest, w.shaped[guess]) {
		o.shape = guess
		return true
	}
	o.vals, w.scratch = o.vals[:0], w.scratch[:0]
	for range n {
		name := nameLen(rest)
		if name == 0 {
			return false
		}
		w.scratch = append(w.scratch, rest[:name]...)
		rest = rest[name:]
		val := cborLen(rest)
		if val == 0 {
			return false
		}
		o.vals = append(o.vals, rest[:val:val])
		rest = rest[val:]
	}
	if len(rest) > 0 {
		return false
	}
	o.shape = w.shapes.number(w.scratch, maxEntries)
	if o.shape == len(w.shaped) {
		w.shaped = append(w.shaped, namesOf(slices.Clone(w.scratch)))
	}
	return true
}

// take finds the values of a body with these names, and says whether it has
// them.
func (o *shapedBody) take(rest []byte, names [][]byte) bool {
	o.vals = o.vals[:0]
	for _, name := range names {
		if !bytes.HasPrefix(rest, name) {
			return false
		}
		rest = rest[len(name):]
		val := cborLen(rest)
		if val == 0 {
			return false
		}
		o.vals = append(o.vals, rest[:val:val])
		rest = rest[val:]
	}
	return len(rest) == 0
}

// nameLen is the length of the text that b begins with, 0 if it does not.
func nameLen(b []byte) int {
	n, size := cborHead(b)
	if size == 0 || b[0]&0xe0 != cborText || n > uint64(len(b)-size) {
		return 0
	}
	return size + int(n)
}

// namesOf are the names of a shape; nil if it is none.
func namesOf(shape []byte) [][]byte {
	names := [][]byte{}
	for len(shape) > 0 {
		n := nameLen(shape)
		if n == 0 || len(names) == maxAttributes {
			return nil
		}
		names = append(names, shape[:n])
		shape = shape[n:]
	}
	return names
}

func (w *blockWriter) mapping(shape, after int) []int {
	if w.maps == nil {
		w.maps = map[[2]int][]int{}
	}
	return placesIn(w.maps, w.shaped, shape, after)
}

// placesIn says for each name of a shape at which place the other has it, or -1.
func placesIn(known map[[2]int][]int, shapes [][][]byte, shape, other int) []int {
	key := [2]int{shape, other}
	if m, ok := known[key]; ok {
		return m
	}
	place := make(map[string]int, len(shapes[other]))
	for i, name := range shapes[other] {
		place[string(name)] = i
	}
	m := make([]int, len(shapes[shape]))
	for i, name := range shapes[shape] {
		at, ok := place[string(name)]
		if !ok {
			at = -1
		}
		m[i] = at
	}
	known[key] = m
	return m
}

// finish writes the dictionaries, the columns and the forms.
func (w *blockWriter) finish() {
	w.dict, w.meta, w.table = w.dict[:0], w.meta[:0], w.table[:0]
	for _, l := range w.lexicons() {
		w.dict = l.appendTo(w.dict)
	}
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
	for _, shapes := range w.cells {
		for shape, cells := range shapes {
			if len(cells) == 0 {
				continue
			}
			width := len(w.shaped[shape])
			for a := range width {
				for at := a; at < len(cells); at += width {
					w.table = append(w.table, cells[at])
				}
			}
		}
	}
}
