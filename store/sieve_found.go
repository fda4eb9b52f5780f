package store

import (
	"bytes"
	"sort"
	"unicode/utf8"
)

// A found is which of a block's groups of checkEvery changes have something.
type found struct {
	m      *blockMeta
	groups []bool
}

func (f *found) join(g found) {
	for i, is := range g.groups {
		f.groups[i] = f.groups[i] || is
	}
}

// at marks the group that a byte of the words (0), the numbers (1) or the
// literals (2) belongs to.
func (f *found) at(source, pos int) {
	checks := f.m.checks[source]
	f.groups[sort.Search(len(checks), func(i int) bool { return checks[i] > pos })] = true
}

// mark marks where bytes stand in a source.
func (f *found) mark(source int, in, what []byte) {
	for from := 0; ; {
		i := bytes.Index(in[from:], what)
		if i < 0 {
			return
		}
		f.at(source, from+i)
		from += i + 1
	}
}

// literals marks where a word stands among the literals, or, if odd, may.
func (f *found) literals(word string, odd bool) {
	lits := f.m.lits
	for from := 0; ; {
		i := indexFolded(lits[from:], word)
		if i < 0 {
			break
		}
		f.at(2, from+i)
		from += i + 1
	}
	if !odd {
		return
	}
	for i, c := range lits {
		if c >= utf8.RuneSelf {
			f.at(2, i)
		}
	}
}

// words marks where one of the words stands that may be the sieve's.
func (f *found) words(s *sieve) {
	var is []bool
	for i := range f.m.words.len() {
		if s.is(f.m.words.at(i)) {
			if is == nil {
				is = make([]bool, f.m.words.len())
			}
			is[i] = true
		}
	}
	if is == nil {
		return
	}
	in := f.m.parts[partWords]
	for i := 0; i < len(in); i++ {
		at, n := i, int(in[i])
		if n >= twoByteWord && i+1 < len(in) {
			i++
			n = twoByteWord + (n-twoByteWord)<<8 + int(in[i])
		}
		if n < len(is) && is[n] {
			f.at(0, at)
		}
	}
}

// joins says that a template has letters or digits from the literals side by side
// with a number or a word.
func (m *blockMeta) joins() bool {
	for i := range m.forms.len() {
		if joins(m.forms.at(i)) {
			return true
		}
	}
	return false
}

func joins(template []byte) bool {
	before := byte(0) // the item that ends here
	for i := 0; i < len(template); i++ {
		item := template[i]
		run := item == itemUpper || item == itemRun
		if run && (before == itemNumber || before == itemPadded) || (item == itemNumber || item == itemPadded) && (before == itemUpper || before == itemRun) {
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
	forms := m.parts[partForms]
	raw := bytes.IndexByte(forms, formRaw) >= 0 // or it is something else that is this byte
	for role := range m.groups {
		col := &m.cols[colAfterBody+role]
		seen := make([]int, len(m.shapes))
		for i := range may {
			kind := int(col.at(i))
			if kind == bodyRaw {
				may[i] = true
			}
			if kind < bodyShape || !raw {
				continue
			}
			shape := kind - bodyShape
			g := m.groups[role][shape]
			for _, at := range g.at {
				may[i] = may[i] || cellAt(forms[at:], seen[shape]) == formRaw
			}
			seen[shape]++
		}
	}
}
