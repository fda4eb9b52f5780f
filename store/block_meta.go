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
	cols         [colCount]packedColumn
	times        []uint64
	observed     []uint64
	checks       [3][]int
	key          sources

	parts  [partCount][]byte
	lits   []byte
	groups [roleCount][]group
}

// A group is the forms of the bodies of one kind and shape.
type group struct{ start, n int }

func (m *blockMeta) dictionaries() bool {
	s := stream{b: m.parts[partTexts]}
	users, names := s.texts(maxEntries), s.texts(maxEntries)
	m.forms, m.words = s.texts(maxForms), s.texts(maxWords)
	shapes := s.texts(maxEntries)
	if s.bad {
		return false
	}
	m.lits = s.b[s.pos:]
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
	for role := range m.groups {
		col := &m.cols[colAfterBody+role]
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
		m.groups[role] = groups
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
