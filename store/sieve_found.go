package store

import (
	"bytes"
	"slices"
	"sort"
	"unicode/utf8"
)

// A found is where something stands in what a block's changes are made of: its
// words (0), its numbers (1) and its literals (2); those of the bodies, and those
// of the keys' ids.
type found struct{ bodies, keys foundIn }

// any says that there is a place at all.
func (f *found) any() bool {
	there := func(places []int) bool { return len(places) > 0 }
	return slices.ContainsFunc(f.bodies[:], there) || slices.ContainsFunc(f.keys[:], there)
}

// A foundIn is places, in no order.
type foundIn [3][]int

// of says what to look in, and where to enter what is found there.
func (f *found) of(m *blockMeta, look func(in *sources, at *foundIn)) {
	look(&sources{words: stream{b: m.parts[partWords]}, nums: stream{b: m.parts[partNums]}, lits: stream{b: m.lits}}, &f.bodies)
	look(&m.key, &f.keys)
}

// markBytes enters where bytes stand in a source.
func markBytes(at *[]int, in, what []byte) {
	for from := 0; ; {
		i := bytes.Index(in[from:], what)
		if i < 0 {
			return
		}
		*at = append(*at, from+i)
		from += i + 1
	}
}

// markFolded enters where a word stands among literals, or, if odd, may.
func markFolded(at *[]int, lits []byte, word string, odd bool) {
	for from := 0; ; {
		i := indexFolded(lits[from:], word)
		if i < 0 {
			break
		}
		*at = append(*at, from+i)
		from += i + 1
	}
	if !odd {
		return
	}
	for i, c := range lits {
		if c >= utf8.RuneSelf {
			*at = append(*at, i)
		}
	}
}

// markWords enters where one of the words stands that is says of.
func markWords(at *[]int, in []byte, is []bool) {
	for i := 0; i < len(in); i++ {
		from, n := i, int(in[i])
		if n >= twoByteWord && i+1 < len(in) {
			i++
			n = twoByteWord + (n-twoByteWord)<<8 + int(in[i])
		}
		if n < len(is) && is[n] {
			*at = append(*at, from)
		}
	}
}

// groups marks the groups of changes that the places are in.
func (f *foundIn) groups(checks [][]int, groups []bool) {
	for source, places := range f {
		checks := checks[source]
		for _, p := range places {
			groups[sort.Search(len(checks), func(i int) bool { return checks[i] > p })] = true
		}
	}
}

func (f *found) groups(b *block) []bool {
	groups := make([]bool, (b.n-1)/checkEvery+1)
	f.bodies.groups(b.meta.checks[checkBody:], groups)
	f.keys.groups(b.meta.checks[checkKey:], groups)
	return groups
}

// lastOf is the last place of each source in a group at which something was found, whose
// places are sorted; -1: there is none.
func lastOf(b *block, group int, of ...*found) (body, key [3]int) {
	body, key = [3]int{-1, -1, -1}, [3]int{-1, -1, -1}
	for _, f := range of {
		f.bodies.last(b.meta.checks[checkBody:], group, &body)
		f.keys.last(b.meta.checks[checkKey:], group, &key)
	}
	return body, key
}

func (f *foundIn) last(checks [][]int, group int, last *[3]int) {
	for source, places := range f {
		if group < len(checks[source]) {
			end, _ := slices.BinarySearch(places, checks[source][group])
			places = places[:end]
		}
		if n := len(places); n > 0 {
			last[source] = max(last[source], places[n-1])
		}
	}
}

// before says that the sources have not come past all of some places.
func (s *sources) before(last [3]int) bool {
	return s.words.pos <= last[0] || s.nums.pos <= last[1] || s.lits.pos <= last[2]
}

func (f *foundIn) sort() {
	for _, places := range f {
		slices.Sort(places)
	}
}

// between says that there is a place from where sources are to where they have
// come since.
func (f *foundIn) between(from [3]int, to *sources) bool {
	for i, end := range [...]int{to.words.pos, to.nums.pos, to.lits.pos} {
		at, _ := slices.BinarySearch(f[i], from[i])
		if at < len(f[i]) && f[i][at] < end {
			return true
		}
	}
	return false
}

func (s *sources) places() [3]int { return [3]int{s.words.pos, s.nums.pos, s.lits.pos} }

// has says that there is a place in what the change takes that the reader has
// just gone past.
func (f *found) has(body, key [3]int, d *blockReader) bool {
	return f.bodies.between(body, &d.in) || f.keys.between(key, &d.keys.in)
}

// hasBeside is has; but words count only where digits may be beside them.
func (f *found) hasBeside(body, key [3]int, d *blockReader) bool {
	return f.bodies.beside(body, &d.in) || f.keys.beside(key, &d.keys.in)
}

func (f *foundIn) beside(from [3]int, to *sources) bool {
	for _, p := range to.beside {
		if _, is := slices.BinarySearch(f[0], p); is {
			return true
		}
	}
	return (&foundIn{2: f[2]}).between(from, to)
}

// templates says that some template is one: any of the block's, or of those that
// a column of forms has.
func (m *blockMeta) templates(column int, is func(template []byte) bool) bool {
	for i := range m.forms.len() {
		if is(m.forms.at(i)) && (column == 0 || formTemplate+i > 0x7f || m.cols[column].has(byte(formTemplate+i))) {
			return true
		}
	}
	return false
}

// joins says that a template has letters or digits from the literals side by side
// with a number or a word.
func joins(template []byte) bool {
	return sideBySide(template, func(item byte) bool { return item == itemUpper || item == itemRun })
}

// besideDigits says that a template has a word side by side with what may be digits.
func besideDigits(template []byte) bool {
	return sideBySide(template, func(item byte) bool { return item == itemWord })
}

func sideBySide(template []byte, is func(item byte) bool) bool {
	before := byte(0) // the item that ends here
	for i := 0; i < len(template); i++ {
		item := template[i]
		if is(item) && mayBeDigits(before) || mayBeDigits(item) && is(before) {
			return true
		}
		before = item
		switch item {
		case itemPadded, itemHex, itemUpper, itemByte:
			i++
		}
	}
	return false
}

// rawPlaces adds the changes with a body or a value that is kept as it is, in
// which texts may be written in other ways, or that lies beside the block.
func (m *blockMeta) rawPlaces(may []bool) {
	for role := range m.groups {
		col := &m.cols[colAfterBody+role]
		if col.has(bodyRaw) {
			for i := range may {
				may[i] = may[i] || col.at(i) == bodyRaw
			}
		}
		for shape, g := range m.groups[role] {
			for _, at := range g.at {
				if cells := m.parts[partForms][at:]; hasCell(cells, g.n, formRaw) {
					m.rawValues(may, col, uint64(bodyShape+shape), cells)
				}
			}
		}
	}
}

// rawValues adds those whose body has a shape, and an attribute that is kept so.
func (m *blockMeta) rawValues(may []bool, col *packedColumn, kind uint64, cells []byte) {
	cell := 0
	for i := range may {
		if col.at(i) == kind {
			may[i] = may[i] || cellAt(cells, cell) == formRaw
			cell++
		}
	}
}

// hasCell says that one of n cells may be c.
func hasCell(cells []byte, n int, c byte) bool {
	switch cells[0] {
	case cellsOne:
		return cells[1] == c
	case cellsFew:
		return bytes.IndexByte(cells[2:2+cells[1]], c) >= 0
	}
	return bytes.IndexByte(cells[1:1+n], c) >= 0
}

// has says that one of the column's numbers, which are below 128, may be u.
func (c *packedColumn) has(u byte) bool {
	switch {
	case c.cells != nil && c.cells[0] == cellsFew:
		return bytes.IndexByte(c.cells[2:2+c.cells[1]], u) >= 0
	case c.cells != nil:
		return bytes.IndexByte(c.cells[1:], u) >= 0
	case c.wide != nil:
		return bytes.IndexByte(c.wide, u) >= 0
	}
	return c.one == uint64(u)
}
