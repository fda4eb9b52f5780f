package store

import (
	"recourse/audit"
)

// load unpacks the block, once.
func (b *block) load() error {
	b.once.Do(func() { b.err = b.unpack() })
	return b.err
}

func (b *block) unpack() error {
	m := b.room.newMeta()
	m.first, m.keys, m.room = b.first, b.keys, b.room
	for i, f := range b.frames {
		var err error
		if m.parts[i], err = f.open(b.room); err != nil {
			return b.corrupt(err.Error())
		}
	}
	if !m.dictionaries() {
		return b.corrupt("its dictionaries")
	}
	if !m.columns(b.n) {
		return b.corrupt("its columns")
	}
	if !m.groupForms(b.n) {
		return b.corrupt("its forms")
	}
	b.meta = m
	return nil
}

func (s *sources) bad() bool { return s.words.bad || s.nums.bad || s.lits.bad }

// seek goes to where checkpoint i of each is.
func (s *sources) seek(checks [][]int, i int) {
	for j, in := range []*stream{&s.words, &s.nums, &s.lits} {
		if in.pos = checks[j][i]; in.pos > len(in.b) {
			in.pos, in.bad = len(in.b), true
		}
	}
}

// at says that this is where checkpoint i of each is.
func (s *sources) at(checks [][]int, i int) bool {
	return checks[0][i] == s.words.pos && checks[1][i] == s.nums.pos && checks[2][i] == s.lits.pos
}

// ended says that all was used up, and nothing was missing.
func (s *sources) ended() bool {
	return !s.bad() && s.words.pos == len(s.words.b) && s.nums.pos == len(s.nums.b) && s.lits.pos == len(s.lits.b)
}

// A blockReader writes out the changes of a block, one after the other.
type blockReader struct {
	b     *block
	m     *blockMeta
	in    sources
	keys  keyReader
	arena []byte
	limit int                 // how long arena may become
	seen  [roleCount][]uint16 // by shape: how many bodies of it came before; nil: there are none
	next  int                 // the place of the change whose bodies come next
	names [][][]byte          // by shape, of those that were asked for
	ends  []int               // where the values of the image after begin and end in arena
	shape int                 // of the image after; -1: it has none
	maps  map[[2]int][]int
	large bool // there is more than the block says
}

func (b *block) reader() (*blockReader, error) {
	if err := b.load(); err != nil {
		return nil, err
	}
	m := b.meta
	d := &blockReader{b: b, m: m, limit: b.bodies, keys: m.keyReader()}
	d.in = sources{words: stream{b: m.parts[partWords]}, nums: stream{b: m.parts[partNums]}, lits: stream{b: m.lits}}
	d.names = b.room.namesOf(len(m.shapes))
	for role := range d.seen {
		if m.groups[role] != nil {
			d.seen[role] = b.room.countsOf(len(m.shapes))
		}
	}
	return d, nil
}

// all is a reader for who reads all changes.
func (b *block) all() (*blockReader, error) {
	d, err := b.reader()
	if err != nil {
		return nil, err
	}
	if d.m = b.meta.spread(b.n); d.m == nil {
		return nil, b.corrupt("its columns")
	}
	d.keys.m = d.m
	return d, nil
}

func (d *blockReader) bad() bool { return d.in.bad() || d.keys.bad || d.large }

func (d *blockReader) ended() bool { return d.in.ended() && d.keys.ended() && len(d.arena) == d.limit }

// grow makes room for so many bytes, as far as the block can be believed.
func (d *blockReader) grow(n int) {
	believed := 1 << 16
	for _, part := range d.m.parts {
		believed += 16 * len(part)
	}
	d.arena = make([]byte, 0, min(n, believed))
}

// seek goes to the last checkpoint up to place i, and says where that is.
func (d *blockReader) seek(i int) int {
	check := i / checkEvery
	if check == 0 {
		return 0
	}
	d.in.seek(d.m.checks[checkBody:], check-1)
	d.keys.seek(check)
	to := check * checkEvery
	if d.next > to {
		for _, seen := range d.seen {
			clear(seen)
		}
		d.next = 0
	}
	for role, seen := range d.seen {
		if seen != nil {
			d.m.cols[colAfterBody+role].tally(d.next, to, seen)
		}
	}
	d.next = to
	return to
}

// checked says that if there is a checkpoint before place i, the next, it tells
// where the reader is.
func (d *blockReader) checked(i int) bool {
	check := i / checkEvery
	if check == 0 || i%checkEvery > 0 || d.bad() {
		return true
	}
	return d.in.at(d.m.checks[checkBody:], check-1) && d.keys.in.at(d.m.checks[checkKey:], check-1)
}

// row writes out the change at place i, which is the next.
func (d *blockReader) row(i int, r *row) {
	d.m.fill(i, r)
	r.c.Key.ID = d.keys.next(i)
	d.images(i, r, momentOf(&r.c))
}

// images writes out the bodies of the change at place i.
func (d *blockReader) images(i int, r *row, at moment) {
	c := &r.c
	d.shape, d.next = -1, i+1
	for role, to := range [roleCount]*audit.Value{&c.After.Body, &c.Before.Body, &r.was.Body, &c.Sent} {
		switch kind := int(d.m.cols[colAfterBody+role].at(i)); kind {
		case bodyNone:
		case bodyAfter:
			if *to = c.After.Body; c.After.Body == nil {
				d.in.nums.bad = true
			}
		default:
			*to = d.body(role, kind, &at)
		}
	}
}

func (d *blockReader) body(role, kind int, at *moment) audit.Value {
	if d.bad() {
		return nil
	}
	start := len(d.arena)
	if kind == bodyRaw {
		d.arena = append(d.arena, d.in.run()...)
	} else {
		d.object(role, kind-bodyShape, at)
	}
	if d.large = len(d.arena) > d.limit; d.bad() {
		return nil
	}
	if len(d.arena) == start {
		return audit.Value{} // not nil, which would be no body
	}
	return d.arena[start:len(d.arena):len(d.arena)]
}

func (d *blockReader) object(role, shape int, at *moment) {
	names, g := d.namesOf(shape), d.m.groups[role][shape].at
	cell := int(d.seen[role][shape])
	d.seen[role][shape]++
	var base []int
	switch {
	case role == roleAfter:
		d.shape, d.ends = shape, d.ends[:0]
	case d.shape >= 0:
		base = d.placesIn(shape, d.shape)
	}
	forms := d.m.parts[partForms]
	out := appendCBORHead(d.arena, cborMap, uint64(len(names)))
	for a := 0; a < len(names) && len(out) <= d.limit && !d.in.bad(); a++ {
		form := cellAt(forms[g[a]:], cell)
		if form == formSame && role != roleAfter && d.shape == shape {
			// Of an object of the same shape whole stretches are the same.
			from := a
			for a+1 < len(names) && cellAt(forms[g[a+1]:], cell) == formSame {
				a++
			}
			out = append(out, out[d.ends[2*from]-len(names[from]):d.ends[2*a+1]]...)
			continue
		}
		out = appendShort(out, names[a])
		start := len(out)
		switch {
		case form != formSame:
			out = d.value(out, int(form), at)
		case base != nil && base[a] >= 0:
			out = append(out, out[d.ends[2*base[a]]:d.ends[2*base[a]+1]]...)
		default:
			d.in.nums.bad = true
		}
		if role == roleAfter {
			d.ends = append(d.ends, start, len(out))
		}
	}
	d.arena = out
}

// namesOf are the names of a shape.
func (d *blockReader) namesOf(shape int) [][]byte {
	if d.names[shape] == nil {
		d.names[shape] = namesOf(d.m.shapes[shape].names)
	}
	return d.names[shape]
}

// placesIn says for each name of a shape at which place another has it, or -1.
func (d *blockReader) placesIn(shape, other int) []int {
	if d.maps == nil {
		d.maps = map[[2]int][]int{}
	}
	return placesIn(d.maps, [2]int{shape, other}, d.namesOf(shape), d.namesOf(other))
}

// appendShort appends what is mostly short: sixteen bytes are copied at once
// where there is room for them.
func appendShort(dst, b []byte) []byte {
	n := len(dst)
	if len(b) > 16 || cap(b) < 16 || cap(dst)-n < 16 {
		return append(dst, b...)
	}
	*(*[16]byte)(dst[n : n+16]) = [16]byte(b[:16])
	return dst[:n+len(b)]
}
