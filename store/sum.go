package store

import (
	"encoding/binary"
	"slices"
	"strings"

	"recourse/audit"
)

// A dimension is what a column of sums is of: a facet, but for that of rules.
type dimension int

// Of attributes and marks a change may have several; its value is then the list
// of them, see appendList.
const (
	dimUser dimension = iota
	dimOp
	dimTable
	dimNode
	dimAttributes
	dimMarks
	dimensions
)

var dimensionFacets = [dimensions]audit.Facet{audit.FacetUser, audit.FacetOp, audit.FacetTable,
	audit.FacetNode, audit.FacetAttribute, audit.FacetMark}

// dimensionOf is the dimension of a facet that has one.
func dimensionOf(f audit.Facet) (dimension, bool) {
	for d, g := range dimensionFacets {
		if f == g {
			return dimension(d), true
		}
	}
	return 0, false
}

// sums are what is known of the changes of one chunk together, while it is being
// filled. They are for one goroutine: see openSums for how they are shared.
type sums struct {
	layout
	chunk   int
	times   []audit.Time
	records hashes
	ids     hashes
	columns [dimensions]column
	tables  map[audit.Table]seenTable
	span    timeSpan
	list    []byte // for making the value of a list
}

// A seenTable is what need be found out only once of a table.
type seenTable struct {
	code uint32 // of its name in the column
	seed uint64 // of the hashes of its records
}

// newSums are the sums of a chunk that has no changes yet.
func newSums(l layout, chunk int) *sums {
	s := &sums{layout: l, chunk: chunk, tables: map[audit.Table]seenTable{}}
	for d := range s.columns {
		s.columns[d].code, s.columns[d].came, s.columns[d].name = map[string]uint32{}, map[string]uint32{}, map[string]uint32{}
	}
	return s
}

// n is how many changes are summed up.
func (s *sums) n() int { return len(s.times) }

func (s *sums) full() bool { return s.n() == s.size }

// add sums up the chunk's next change, which must have its Before.
func (s *sums) add(c *audit.Change) { s.addWith(c, appendAttributes(nil, c)) }

// addWith is add for one who knows the list of the change's attributes.
func (s *sums) addWith(c *audit.Change, attributes []byte) {
	t, ok := s.tables[c.Key.Table]
	if !ok {
		t = seenTable{s.columns[dimTable].of(c.Key.Table.String()), tableSeed(c.Key.Table)}
		s.tables[audit.Table{Database: strings.Clone(c.Key.Table.Database), Name: strings.Clone(c.Key.Table.Name)}] = t
	}
	s.columns[dimTable].add(t.code)
	for _, d := range []dimension{dimUser, dimOp, dimNode, dimAttributes, dimMarks} {
		s.columns[d].add(s.valueOf(d, c, attributes))
	}
	s.records.add(recordHash(t.seed, c.Key.ID), s.size)
	s.ids.add(idHash(c.ID), s.size)
	s.span.add(c.Time, s.n() == 0)
	s.times = append(s.times, c.Time)
}

// replace sums up the change at an offset again, which is read otherwise now.
// Its time, its key and its id are as they were.
func (s *sums) replace(offset int, c *audit.Change, attributes []byte) {
	for _, d := range []dimension{dimUser, dimOp, dimNode, dimAttributes, dimMarks} {
		s.columns[d].set(offset, s.valueOf(d, c, attributes))
	}
}

// valueOf is the code of what a change has in a dimension.
func (s *sums) valueOf(d dimension, c *audit.Change, attributes []byte) uint32 {
	col := &s.columns[d]
	switch d {
	case dimUser:
		return col.of(c.User)
	case dimOp:
		return col.of(string(c.Op))
	case dimNode:
		return col.of(c.Node)
	case dimAttributes:
		return col.ofNames(attributes)
	default:
		s.list = appendMarks(s.list[:0], c)
	}
	return col.ofList(s.list)
}

// appendAttributes appends the names of the attributes that a change edited, as a
// list, in the order in which they come.
func appendAttributes(dst []byte, c *audit.Change) []byte {
	for name := range c.RawAttributes {
		dst = append(binary.AppendUvarint(dst, uint64(len(name))), name...)
	}
	return dst
}

func appendMarks(dst []byte, c *audit.Change) []byte {
	if c.Late {
		dst = appendList(dst, audit.MarkLate)
	}
	if c.Lossy {
		dst = appendList(dst, audit.MarkLossy)
	}
	if c.Synthetic {
		dst = appendList(dst, audit.MarkSynthetic)
	}
	return dst
}

// A column is one dimension of a chunk's changes.
type column struct {
	codes  []uint32 // by offset: index into values
	values []string // only ever appended to, as are the next two
	// If values are lists: which names are in each, and the names.
	lists  [][]uint32
	names  []string
	code   map[string]uint32 // of a value
	came   map[string]uint32 // of a list that is not sorted
	name   map[string]uint32 // index of a name
	shared bool              // somebody reads the codes there are
}

// of is the code of a value.
func (c *column) of(value string) uint32 {
	if n := len(c.codes); n > 0 && c.values[c.codes[n-1]] == value {
		return c.codes[n-1]
	}
	code, ok := c.code[value]
	if !ok {
		code = c.learn(strings.Clone(value))
	}
	return code
}

// ofList is the code of a value that appendList wrote.
func (c *column) ofList(list []byte) uint32 {
	if n := len(c.codes); n > 0 && c.values[c.codes[n-1]] == string(list) {
		return c.codes[n-1]
	}
	code, ok := c.code[string(list)]
	if !ok {
		code = c.learn(string(list))
		var in []uint32
		for _, name := range splitList(c.values[code]) {
			i, ok := c.name[name]
			if !ok {
				i = uint32(len(c.names))
				c.names, c.name[name] = append(c.names, name), i
			}
			in = append(in, i)
		}
		c.lists = append(c.lists, in)
	}
	return code
}

// ofNames is the code of a list whose names stand in any order: that of the list
// in which they are sorted.
func (c *column) ofNames(list []byte) uint32 {
	code, ok := c.came[string(list)]
	if !ok {
		names := splitList(string(list))
		slices.Sort(names)
		code = c.ofList(appendList(nil, names...))
		c.came[string(list)] = code
	}
	return code
}

func (c *column) learn(value string) uint32 {
	code := uint32(len(c.values))
	c.values = append(c.values, value)
	c.code[value] = code
	return code
}

func (c *column) add(code uint32) { c.codes = append(c.codes, code) }

// set changes a code. Readers keep what they have.
func (c *column) set(offset int, code uint32) {
	if c.codes[offset] == code {
		return
	}
	if c.shared {
		c.codes = append(make([]uint32, 0, cap(c.codes)), c.codes...)
		c.shared = false
	}
	c.codes[offset] = code
}

// appendList writes texts one after another such that they can be told apart.
func appendList(dst []byte, texts ...string) []byte {
	for _, t := range texts {
		dst = append(binary.AppendUvarint(dst, uint64(len(t))), t...)
	}
	return dst
}

// splitList reads what appendList wrote in this process.
func splitList(list string) []string {
	var texts []string
	for len(list) > 0 {
		n, w := binary.Uvarint([]byte(list[:min(len(list), binary.MaxVarintLen64)]))
		texts = append(texts, list[w:w+int(n)])
		list = list[w+int(n):]
	}
	return texts
}

// A timeSpan is the times of some changes.
type timeSpan struct {
	min, max, last uint64 // sortable
	falls          bool   // a time is before that of the change before it
}

func (s *timeSpan) add(t audit.Time, first bool) {
	u := sortable(t)
	if first {
		*s = timeSpan{min: u, max: u, last: u}
		return
	}
	s.min, s.max, s.falls, s.last = min(s.min, u), max(s.max, u), s.falls || u < s.last, u
}
