package store

import (
	"strings"

	"recourse/audit"
)

// blockMeta is what a block says of its changes as a whole. It is only read once
// it is there.
type blockMeta struct {
	first        audit.Seq
	users, names []string
	forms, words texts
	shapes       [][][]byte
	cols         [colCount]column
	times        []uint64
	observed     []uint64
	checks       [3][]int
	key          sources

	parts  [partCount][]byte
	groups [bodyCount][]group
}

// A group is the forms of the bodies of one kind and shape.
type group struct{ start, n int }

// load unpacks the block, once.
func (b *block) load() error {
	b.once.Do(func() { b.err = b.unpack() })
	return b.err
}

func (b *block) unpack() error {
	m := &blockMeta{first: b.first}
	for i, f := range b.frames {
		var err error
		if m.parts[i], err = f.open(); err != nil {
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
	ids, ok := m.ids(b.n, b.keys)
	if !ok {
		return b.corrupt("its keys")
	}
	b.ids, b.meta = ids, m
	return nil
}

func (m *blockMeta) dictionaries() bool {
	s := stream{b: m.parts[partDict]}
	users, names := s.texts(maxEntries), s.texts(maxEntries)
	m.forms, m.words = s.texts(maxForms), s.texts(maxWords)
	shapes := s.texts(maxEntries)
	if s.bad || s.pos != len(s.b) {
		return false
	}
	m.users, m.names = users.strings(), names.strings()
	m.shapes = make([][][]byte, shapes.len())
	for i := range m.shapes {
		if m.shapes[i] = namesOf(shapes.at(i)); m.shapes[i] == nil {
			return false
		}
	}
	return m.forms.within(maxTemplate+2) && m.words.within(maxWord)
}

func (m *blockMeta) columns(n int) bool {
	s := stream{b: m.parts[partMeta]}
	for i := range m.cols {
		m.cols[i] = s.column(n)
	}
	for i := range m.checks {
		at := 0
		for range (n - 1) / checkEvery {
			at += int(min(s.uvarint(), maxBlock))
			m.checks[i] = append(m.checks[i], min(at, maxBlock))
		}
	}
	for _, part := range []*stream{&m.key.words, &m.key.nums, &m.key.lits} {
		part.b = s.take(s.uvarint())
	}
	if s.bad || s.pos != len(s.b) || !m.cols[colUser].below(len(m.users)) {
		return false
	}
	for col := colOp; col <= colNote; col++ {
		if !m.cols[col].below(len(m.names)) {
			return false
		}
	}
	m.times, m.observed = make([]uint64, n), make([]uint64, n)
	var time uint64
	for i := range n {
		time += uint64(unfold(m.cols[colTime].at(i)))
		m.times[i] = time
	}
	observed := m.times[0]
	for i := range n {
		observed += uint64(unfold(m.cols[colObserved].at(i)))
		m.observed[i] = observed
	}
	return true
}

// groupForms finds where the forms of each kind and shape begin.
func (m *blockMeta) groupForms(n int) bool {
	at := 0
	for part := range m.groups {
		col := &m.cols[colAfterBody+part]
		if !col.below(bodyShape + len(m.shapes)) {
			return false
		}
		groups := make([]group, len(m.shapes))
		for i := range n {
			if kind := col.at(i); kind >= bodyShape {
				groups[kind-bodyShape].n++
			}
		}
		for shape := range groups {
			groups[shape].start = at
			at += groups[shape].n * len(m.shapes[shape])
		}
		m.groups[part] = groups
	}
	return at == len(m.parts[partForms])
}

func (m *blockMeta) ids(n, size int) ([]audit.ID, bool) {
	var all strings.Builder
	all.Grow(min(size, 1<<16))
	ends := make([]int, n)
	in := m.key
	var id []byte
	for i := range ends {
		form := m.cols[colID].at(i)
		switch {
		case form == formText:
			id = append(id[:0], in.lits.take(in.nums.uvarint())...)
		case form >= formTemplate && form-formTemplate < uint64(m.forms.len()):
			id = in.text(id[:0], m.forms.at(int(form-formTemplate)), &m.words)
		default:
			return nil, false
		}
		all.Write(id)
		if ends[i] = all.Len(); ends[i] > size {
			return nil, false
		}
	}
	ids, start := make([]audit.ID, n), 0
	for i, end := range ends {
		ids[i] = audit.ID(all.String()[start:end])
		start = end
	}
	return ids, start == size && in.ended()
}

// within says that no text is longer than limit.
func (t *texts) within(limit int) bool {
	for i := range t.len() {
		if t.ends[i+1]-t.ends[i] > int32(limit) {
			return false
		}
	}
	return true
}

func (s *sources) bad() bool { return s.words.bad || s.nums.bad || s.lits.bad }

// ended says that all was used up, and nothing was missing.
func (s *sources) ended() bool {
	return !s.bad() && s.words.pos == len(s.words.b) && s.nums.pos == len(s.nums.b) && s.lits.pos == len(s.lits.b)
}

// A blockReader writes out the changes of a block, one after the other.
type blockReader struct {
	b     *block
	m     *blockMeta
	in    sources
	arena []byte
	limit int // how long arena may become
	seen  [bodyCount][]int // by shape: how many bodies of it came before
	ends  []int            // where the values of the image after begin and end in arena
	shape int              // of the image after; -1: it has none
	maps  map[[2]int][]int
	large bool // there is more than the block says
}

func (b *block) reader() (*blockReader, error) {
	if err := b.load(); err != nil {
		return nil, err
	}
	m := b.meta
	d := &blockReader{b: b, m: m, limit: b.bodies, maps: map[[2]int][]int{}}
	d.in = sources{words: stream{b: m.parts[partWords]}, nums: stream{b: m.parts[partNums]}, lits: stream{b: m.parts[partLits]}}
	all := make([]int, bodyCount*len(m.shapes))
	for part := range d.seen {
		d.seen[part] = all[part*len(m.shapes) : (part+1)*len(m.shapes)]
	}
	return d, nil
}

func (d *blockReader) bad() bool { return d.in.bad() || d.large }

func (d *blockReader) ended() bool { return d.in.ended() && len(d.arena) == d.limit }

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
	for j, s := range []*stream{&d.in.words, &d.in.nums, &d.in.lits} {
		if s.pos = d.m.checks[j][check-1]; s.pos > len(s.b) {
			s.pos, s.bad = len(s.b), true
		}
	}
	for part, seen := range d.seen {
		col := &d.m.cols[colAfterBody+part]
		for at := range check * checkEvery {
			if kind := col.at(at); kind >= bodyShape {
				seen[kind-bodyShape]++
			}
		}
	}
	return check * checkEvery
}

// checked says that if there is a checkpoint before place i, the next, it tells
// where the reader is.
func (d *blockReader) checked(i int) bool {
	check := i / checkEvery
	if check == 0 || i%checkEvery > 0 || d.bad() {
		return true
	}
	m := d.m
	return m.checks[0][check-1] == d.in.words.pos && m.checks[1][check-1] == d.in.nums.pos && m.checks[2][check-1] == d.in.lits.pos
}

// row writes out the change at place i, which is the next.
func (d *blockReader) row(i int, r *row) {
	d.m.fill(i, r)
	c := &r.c
	c.Key.ID = d.b.ids[i]
	at := momentOf(c)
	d.shape = -1
	for part, to := range [bodyCount]*audit.Value{&c.After.Body, &c.Before.Body, &r.was.Body, &c.Sent} {
		switch kind := int(d.m.cols[colAfterBody+part].at(i)); kind {
		case bodyNone:
		case bodyAfter:
			if *to = c.After.Body; c.After.Body == nil {
				d.in.nums.bad = true
			}
		default:
			*to = d.body(part, kind, &at)
		}
	}
}

func (d *blockReader) body(part, kind int, at *moment) audit.Value {
	if d.bad() {
		return nil
	}
	start := len(d.arena)
	if kind == bodyRaw {
		d.arena = append(d.arena, d.in.lits.take(d.in.nums.uvarint())...)
	} else {
		d.object(part, kind-bodyShape, at)
	}
	if d.large = len(d.arena) > d.limit; d.bad() {
		return nil
	}
	if len(d.arena) == start {
		return audit.Value{} // not nil, which would be no body
	}
	return d.arena[start:len(d.arena):len(d.arena)]
}

func (d *blockReader) object(part, shape int, at *moment) {
	names, g := d.m.shapes[shape], d.m.groups[part][shape]
	cell := g.start + d.seen[part][shape]
	d.seen[part][shape]++
	var base []int
	switch {
	case part == partAfter:
		d.shape, d.ends = shape, d.ends[:0]
	case d.shape >= 0 && d.shape != shape:
		base = placesIn(d.maps, d.m.shapes, shape, d.shape)
	}
	same := d.shape == shape && part != partAfter
	out := appendCBORHead(d.arena, cborMap, uint64(len(names)))
	for a := 0; a < len(names); a++ {
		form := int(d.m.parts[partForms][cell])
		cell += g.n
		if form == formSame && same {
			// Of an object of the same shape whole stretches are the same.
			from := a
			for ; a+1 < len(names) && d.m.parts[partForms][cell] == formSame; a++ {
				cell += g.n
			}
			out = append(out, out[d.ends[2*from]-len(names[from]):d.ends[2*a+1]]...)
			continue
		}
		out = appendShort(out, names[a])
		start := len(out)
		switch {
		case form != formSame:
			if form == wideForm {
				form += int(min(d.in.nums.uvarint(), 2*maxForms))
			}
			out = d.value(out, form, at)
		case base != nil && base[a] >= 0:
			out = append(out, out[d.ends[2*base[a]]:d.ends[2*base[a]+1]]...)
		default:
			d.in.nums.bad = true
		}
		if part == partAfter {
			d.ends = append(d.ends, start, len(out))
		}
		if len(out) > d.limit || d.in.bad() {
			break
		}
	}
	d.arena = out
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
