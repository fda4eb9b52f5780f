package revert

import (
	"cmp"
	"slices"

	"recourse/audit"
)

// cells are those of a record, in the order in which they were met. Records have
// few attributes, and mostly in the same order: to look where the next one should
// stand takes less than a map does.
type cells struct {
	list  []*cell
	next  int              // behind the one that was looked up last
	index map[string]*cell // by name, where they are many
}

// manyCells is how many there must be for an index.
const manyCells = 24

// get is the cell of that name; nil: there is none.
func (s *cells) get(name string) *cell {
	if len(s.list) >= manyCells {
		return s.index[name]
	}
	for range s.list {
		if s.next >= len(s.list) {
			s.next = 0
		}
		c := s.list[s.next]
		if s.next++; c.name == name {
			return c
		}
	}
	return nil
}

// add takes a cell with a name of its own.
func (s *cells) add(c *cell) {
	s.list = append(s.list, c)
	switch n := len(s.list); {
	case n == manyCells:
		for _, c := range s.list {
			s.index = put(s.index, c.name, c)
		}
	case n > manyCells:
		s.index[c.name] = c
	}
}

// reset takes all cells out.
func (s *cells) reset() {
	s.list, s.next = s.list[:0], 0
	clear(s.index)
}

// sorted are the cells for which something holds, by their names; they are good until
// the next call.
func (r *replay) sorted(which func(*cell) bool) []*cell {
	r.inOrder = r.inOrder[:0]
	for _, c := range r.cells.list {
		if which(c) {
			r.inOrder = append(r.inOrder, c)
		}
	}
	if len(r.inOrder) > 1 {
		slices.SortFunc(r.inOrder, func(a, b *cell) int { return cmp.Compare(a.name, b.name) })
	}
	return r.inOrder
}

func anyCell(*cell) bool { return true }

// of is the cell of an attribute of an image, made when it is first met; nil of one
// that the server assigns.
func (r *replay) of(name []byte) *cell {
	if c := r.cells.get(string(name)); c != nil {
		return c
	}
	// Where the record before had an attribute in this place it had the same, most likely.
	if n := len(r.cells.list); r.alike && n < len(r.slab) && r.slab[n].name == string(name) {
		return r.newCell(r.slab[n].name)
	}
	if r.managed[string(name)] {
		return nil
	}
	return r.newCell(string(name))
}

// cell is the attribute's cell, made when it is first met.
func (r *replay) cell(name string) *cell {
	if c := r.cells.get(name); c != nil {
		return c
	}
	return r.newCell(name)
}

// newCell is the cell of an attribute that was not met before.
func (r *replay) newCell(name string) *cell {
	c := r.blank()
	*c = cell{name: name, kind: r.number(name), owner: -1, masked: -1, carried: -1, unknown: r.wouldOpen, sKnown: r.wouldOpen == "", sTrust: audit.Exact,
		maybe: c.maybe[:0], by: c.by[:0], resent: c.resent[:0]}
	if r.open {
		c.maybe = append(c.maybe, r.past...)
	} else {
		c.aKnown = true
		for _, i := range r.dark {
			c.blur(i)
		}
	}
	r.cells.add(c)
	return c
}

// blank is memory for a cell.
func (r *replay) blank() *cell {
	n := len(r.cells.list)
	if n == len(r.slab) {
		r.slab = make([]cell, max(16, 2*n)) // those before stay where they are
	}
	return &r.slab[n]
}
