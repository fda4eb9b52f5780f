package store

import "encoding/binary"

// An imageTable finds entries by the names of their records: for each name the upper
// half of its first eight bytes and, below that, 1 + where the entry is. A cell of 0 is
// free; an entry is in the first cell from its own on that was free. It is half as large
// as a map of them, and nothing in it is for the garbage collector to look at. The zero
// value is empty.
type imageTable struct {
	cells []uint64
	n     int
}

// hashOf is what of a name says where it belongs. Names are halves of SHA-256.
func hashOf(h *recordName) uint64 { return binary.LittleEndian.Uint64(h[:8]) }

// find is the place of the cell that has an entry for which is is true, and whether
// there is one.
func (t *imageTable) find(hash uint64, is func(at uint32) bool) (int, bool) {
	if len(t.cells) == 0 {
		return 0, false
	}
	mask := len(t.cells) - 1
	for i := int(hash) & mask; t.cells[i] != 0; i = (i + 1) & mask {
		if c := t.cells[i]; c>>32 == hash>>32 && is(uint32(c)-1) {
			return i, true
		}
	}
	return 0, false
}

// put adds an entry, which is not there yet. hashAt says what the hash of another
// entry is.
func (t *imageTable) put(hash uint64, at uint32, hashAt func(uint32) uint64) {
	if 4*t.n >= 3*len(t.cells) {
		old := t.cells
		t.cells = make([]uint64, max(64, 2*len(old)))
		for _, c := range old {
			if c != 0 {
				t.place(hashAt(uint32(c)-1), c)
			}
		}
	}
	t.place(hash, cellOf(hash, at))
	t.n++
}

func cellOf(hash uint64, at uint32) uint64 { return hash>>32<<32 | (uint64(at) + 1) }

func (t *imageTable) place(hash, cell uint64) {
	mask := len(t.cells) - 1
	i := int(hash) & mask
	for t.cells[i] != 0 {
		i = (i + 1) & mask
	}
	t.cells[i] = cell
}

// at is where the entry of a cell is; move says where it is now.
func (t *imageTable) at(i int) uint32 { return uint32(t.cells[i]) - 1 }

func (t *imageTable) move(i int, at uint32) { t.cells[i] = cellOf(t.cells[i], at) }

// remove frees a cell, and moves those that follow up, so that none is behind a free
// cell that is not before its own.
func (t *imageTable) remove(i int, hashAt func(uint32) uint64) {
	mask := len(t.cells) - 1
	for j := (i + 1) & mask; t.cells[j] != 0; j = (j + 1) & mask {
		own := int(hashAt(t.at(j))) & mask
		if (j-own)&mask >= (j-i)&mask {
			t.cells[i] = t.cells[j]
			i = j
		}
	}
	t.cells[i] = 0
	t.n--
}

// all yields where every entry is.
func (t *imageTable) all(yield func(at uint32) bool) {
	for _, c := range t.cells {
		if c != 0 && !yield(uint32(c)-1) {
			return
		}
	}
}
