package store

import "recourse/audit"

// blockMeta is what a block says of its changes as a whole. It is only read once
// it is there.
type blockMeta struct {
	room         *blockRoom // nil: all is in memory of its own
	first        audit.Seq
	users        texts
	userText     string // of the users, of who reads all changes
	names        names
	forms, words texts
	shapes       []shape
	cols         [colCount]packedColumn
	times        []uint64 // written out, of who reads all changes
	observed     []uint64
	checks       [checkCount][]int
	key          sources // of the keys' ids
	keys         int     // bytes of all ids

	parts  [partCount][]byte
	lits   []byte
	groups [roleCount][]group // by shape; nil: there are no such bodies
}

// A shape is the names of an object's attributes, one after the other as they are
// written, and how many there are.
type shape struct {
	names []byte
	n     int
}

// A group is the forms of the bodies of one kind and shape. It is zero if there
// are no such bodies.
type group struct {
	n  int     // bodies
	at []int32 // where the cells of each attribute begin
}

// What checkpoints tell of: words, numbers and literals of the bodies, and those
// of the keys.
const (
	checkBody  = 0
	checkKey   = 3
	checkCount = 6
)

func (m *blockMeta) dictionaries() bool {
	s := stream{b: m.parts[partTexts]}
	var names, shapes texts
	m.users, names = s.texts(m.room, maxEntries, maxBlock), s.texts(m.room, maxEntries, maxBlock)
	m.forms, m.words = s.texts(m.room, maxForms, maxTemplate+2), s.texts(m.room, maxWords, maxWord)
	shapes = s.texts(m.room, maxEntries, maxBlock)
	if s.bad {
		return false
	}
	m.lits, m.names = s.b[s.pos:], names.names()
	m.shapes = m.room.shapesOf(shapes.len())
	for i := range m.shapes {
		names := shapes.at(i)
		n := countNames(names)
		if n < 0 {
			return false
		}
		m.shapes[i] = shape{names, n}
	}
	return true
}

func (m *blockMeta) columns(n int) bool {
	s := stream{b: m.parts[partMeta]}
	for i := range m.cols {
		m.cols[i] = s.column(n)
	}
	each := (n - 1) / checkEvery
	checks := m.room.checksOf(checkCount * each)
	for i := range m.checks {
		m.checks[i] = checks[i*each : (i+1)*each]
		at := 0
		for j := range m.checks[i] {
			at = min(at+int(min(s.uvarint(), maxBlock)), maxBlock)
			m.checks[i][j] = at
		}
	}
	for _, part := range []*stream{&m.key.words, &m.key.nums, &m.key.lits} {
		part.b = s.take(s.uvarint())
	}
	if s.bad || s.pos != len(s.b) || !m.cols[colUser].below(m.users.len(), n) {
		return false
	}
	for col := colOp; col <= colNote; col++ {
		if !m.cols[col].below(m.names.len(), n) {
			return false
		}
	}
	return true
}

// sums are the numbers of which the column has the folded differences.
func (c *packedColumn) sums(sum uint64, n int, room *[]uint64) []uint64 {
	out := numbersIn(room, n)
	for i := range out {
		sum += uint64(unfold(c.at(i)))
		out[i] = sum
	}
	return out
}

// sumTo is the number at place i of those of which the column has the folded
// differences.
func (c *packedColumn) sumTo(sum uint64, i int) uint64 {
	if c.wide == nil {
		for at := range i + 1 {
			sum += uint64(unfold(c.at(at)))
		}
		return sum
	}
	in := stream{b: c.wide}
	for range i + 1 {
		sum += uint64(unfold(in.uvarint()))
	}
	return sum
}

// timesAt are the bits of the time of the change at place i, and of when it was
// observed.
func (m *blockMeta) timesAt(i int) (time, observed uint64) {
	if m.times != nil {
		return m.times[i], m.observed[i]
	}
	time = m.cols[colTime].sumTo(0, i)
	first := time
	if i > 0 {
		first = uint64(unfold(m.cols[colTime].at(0)))
	}
	return time, m.cols[colObserved].sumTo(first, i)
}

// spread is what the block says of its n changes, its columns and forms so that
// they are looked up fast: for who reads all changes. It is nil if a column is
// damaged.
func (m *blockMeta) spread(n int) *blockMeta {
	s := *m
	if !s.spreadColumns(n) {
		return nil
	}
	in := stream{b: m.parts[partForms]}
	forms := make([]byte, 0, 6*len(in.b))
	for role, groups := range m.groups {
		s.groups[role] = make([]group, len(groups))
		for shape, g := range groups {
			if len(g.at) == 0 {
				continue
			}
			at := make([]int32, len(g.at))
			for i := range at {
				at[i] = int32(len(forms))
				forms = appendSpread(forms, in.cells(g.n), g.n)
			}
			s.groups[role][shape] = group{n: g.n, at: at}
		}
	}
	s.parts[partForms] = forms
	return &s
}

// spreadColumns makes the columns so that they are looked up fast, and says whether
// none is damaged.
func (m *blockMeta) spreadColumns(n int) bool {
	var room []uint64
	for i := range m.cols {
		if !m.cols[i].spread(n, &room) {
			return false
		}
	}
	m.userText = string(m.users.text)
	m.times = m.cols[colTime].sums(0, n, &room)
	m.observed = m.cols[colObserved].sums(m.times[0], n, &room)
	return true
}

// groupForms finds where the forms of each kind and shape begin.
func (m *blockMeta) groupForms(n int) bool {
	b, pos := m.parts[partForms], 0
	counts := m.room.countsOf(len(m.shapes))
	for role := range m.groups {
		col := &m.cols[colAfterBody+role]
		if !col.below(bodyShape+len(m.shapes), n) {
			return false
		}
		if col.cells == nil && col.wide == nil && col.one < bodyShape {
			continue
		}
		clear(counts)
		col.tally(0, n, counts)
		names := 0
		for i, n := range counts {
			if n > 0 {
				names += m.shapes[i].n
			}
		}
		m.groups[role] = m.room.groupsOf(len(m.shapes))
		room := m.room.endsOf(names)
		for i, n := range counts {
			if n == 0 {
				continue
			}
			at := room[:m.shapes[i].n:m.shapes[i].n]
			room = room[len(at):]
			if pos = cellsAfter(b, pos, int(n), at); pos < 0 {
				return false
			}
			m.groups[role][i] = group{n: int(n), at: at}
		}
	}
	return pos == len(b)
}

// cellsAfter enters where cells of n bodies begin that stand one after the other from
// pos on, and is where the last end; -1 if there are not so many.
func cellsAfter(b []byte, pos, n int, at []int32) int {
	few := [...]int{(n + 7) / 8, (n + 3) / 4, 0, (n + 1) / 2} // by bits less one
	for i := range at {
		at[i] = int32(pos)
		size := 2
		switch rest := b[min(pos, len(b)):]; {
		case len(rest) < 2:
			return -1
		case rest[0] == cellsOne:
		case rest[0] == cellsFew && rest[1]-1 < maxFew:
			size = 2 + int(rest[1]) + few[(fewBits(int(rest[1]))-1)&3]
		default:
			if size = cellsLen(rest, n); size == 0 {
				return -1
			}
		}
		pos += size
	}
	if pos > len(b) {
		return -1
	}
	return pos
}

// tally adds up how many of the changes from a place to before another have a body of
// each shape, of a column that says so.
func (c *packedColumn) tally(from, to int, counts []uint16) {
	count := func(kind uint64, n uint16) {
		if kind >= bodyShape {
			counts[kind-bodyShape] += n
		}
	}
	switch {
	case c.cells == nil && c.wide == nil:
		count(c.one, uint16(to-from))
	case c.cells == nil:
		in := stream{b: c.wide}
		in.skip(from)
		for range to - from {
			count(in.uvarint(), 1)
		}
	case c.cells[0] == cellsFew:
		k := int(c.cells[1])
		few, packed := c.cells[2:2+k], c.cells[2+k:]
		width := fewBits(k)
		mask := byte(1<<width - 1)
		var places [maxFew]uint16
		at, end := from*width, to*width
		for ; width == 4 && at%8 == 0 && at+8 <= end; at += 8 {
			places[packed[at/8]&15]++
			places[packed[at/8]>>4]++
		}
		for ; at < end; at += width {
			places[packed[at/8]>>(at%8)&mask&(maxFew-1)]++
		}
		for i, n := range places {
			count(uint64(few[min(i, k)%k]), n) // places that exceed them stand for the first
		}
	default:
		for _, kind := range c.cells[1+from : 1+to] {
			count(uint64(kind), 1)
		}
	}
}
