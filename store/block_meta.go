package store

import "recourse/audit"

// blockMeta is what a block says of its changes as a whole. It is only read once
// it is there.
type blockMeta struct {
	first        audit.Seq
	users        names
	names        []string
	forms, words texts
	shapes       [][][]byte
	cols         [colCount]packedColumn
	times        []uint64 // written out, of who reads all changes
	observed     []uint64
	checks       [checkCount][]int
	key          sources // of the keys' ids
	keys         int     // bytes of all ids

	parts  [partCount][]byte
	lits   []byte
	groups [roleCount][]group
	seen   [roleCount][]uint16 // by checkpoint and shape: how many bodies come before; nil: there are none
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
	users, names := s.texts(maxEntries), s.texts(maxEntries)
	m.forms, m.words = s.texts(maxForms), s.texts(maxWords)
	shapes := s.texts(maxEntries)
	if s.bad {
		return false
	}
	m.lits = s.b[s.pos:]
	m.users, m.names = users.names(), names.strings()
	m.shapes = make([][][]byte, shapes.len())
	room := make([][]byte, 0, 128)
	for i := range m.shapes {
		if m.shapes[i], room = namesIn(room, shapes.at(i)); m.shapes[i] == nil {
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
	each := (n - 1) / checkEvery
	checks := make([]int, checkCount*each)
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
		if !m.cols[col].below(len(m.names), n) {
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
	m.times = m.cols[colTime].sums(0, n, &room)
	m.observed = m.cols[colObserved].sums(m.times[0], n, &room)
	return true
}

// groupForms finds where the forms of each kind and shape begin.
func (m *blockMeta) groupForms(n int) bool {
	b, pos := m.parts[partForms], 0
	groups := make([]group, roleCount*len(m.shapes))
	count := make([]uint16, len(m.shapes))
	for role := range m.groups {
		m.groups[role] = groups[role*len(m.shapes) : (role+1)*len(m.shapes)]
		col := &m.cols[colAfterBody+role]
		if !col.below(bodyShape+len(m.shapes), n) {
			return false
		}
		if col.cells == nil && col.wide == nil && col.one < bodyShape {
			continue
		}
		m.seen[role] = m.countBodies(col, n, count)
		for shape, bodies := range count {
			if bodies == 0 {
				continue
			}
			g := group{n: int(bodies), at: make([]int32, len(m.shapes[shape]))}
			for i := range g.at {
				g.at[i] = int32(pos)
				size := cellsLen(b[pos:], g.n)
				if size == 0 {
					return false
				}
				pos += size
			}
			m.groups[role][shape] = g
		}
	}
	return pos == len(b)
}

// countBodies counts the bodies of each shape; it gives, for each checkpoint, how
// many came before it.
func (m *blockMeta) countBodies(col *packedColumn, n int, count []uint16) []uint16 {
	clear(count)
	seen := make([]uint16, 0, (n-1)/checkEvery*len(count))
	var room [1 + audit.BlockSize]byte
	var kinds []byte
	if col.cells != nil {
		kinds = appendSpread(room[:0], col.cells, n)[1:] // they are not all the same
	}
	for i := range n {
		if i > 0 && i%checkEvery == 0 {
			seen = append(seen, count...)
		}
		if kinds != nil {
			if kind := kinds[i]; kind >= bodyShape {
				count[kind-bodyShape]++
			}
		} else if kind := col.at(i); kind >= bodyShape {
			count[kind-bodyShape]++
		}
	}
	return seen
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
