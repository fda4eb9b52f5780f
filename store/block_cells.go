package store

import "bytes"

// Cells are a byte of each of some changes, of which a single one can be looked
// up where they stand: cellsOne and the byte if all are the same; cellsEach and a
// byte for each; or cellsFew, how many different ones there are, these, and the
// place of each cell's among them in 1, 2 or 4 bits, the first in the lowest.
// Places that exceed them stand for the first.
const (
	cellsOne = iota
	cellsEach
	cellsOther // not cells: what else a column may be
	cellsFew
)

const maxFew = 16

// fewBits is how many bits a place among k bytes takes.
func fewBits(k int) int {
	switch {
	case k <= 2:
		return 1
	case k <= 4:
		return 2
	}
	return 4
}

func appendCells(dst, all []byte) []byte {
	var few [maxFew]byte
	k := 0
	for _, b := range all {
		if bytes.IndexByte(few[:k], b) >= 0 {
			continue
		}
		if k++; k > maxFew {
			break
		}
		few[k-1] = b
	}
	width := fewBits(k)
	packed := (len(all)*width + 7) / 8
	switch {
	case k == 1:
		return append(dst, cellsOne, all[0])
	case k > maxFew || 1+k+packed >= len(all):
		return append(append(dst, cellsEach), all...)
	}
	dst = append(append(dst, cellsFew, byte(k)), few[:k]...)
	start := len(dst)
	dst = append(dst, make([]byte, packed)...)
	for i, b := range all {
		at := i * width
		dst[start+at/8] |= byte(bytes.IndexByte(few[:k], b)) << (at % 8)
	}
	return dst
}

// cellsLen is how many bytes the cells of n changes take with which b begins; 0: it
// does not begin with cells.
func cellsLen(b []byte, n int) int {
	if len(b) < 2 {
		return 0
	}
	size := 2
	switch b[0] {
	case cellsOne:
	case cellsEach:
		size = 1 + n
	case cellsFew:
		k := int(b[1])
		if k == 0 || k > maxFew {
			return 0
		}
		size = 2 + k + (n*fewBits(k)+7)/8
	default:
		return 0
	}
	if size > len(b) {
		return 0
	}
	return size
}

// cells are those of n changes, as they stand, for cellAt.
func (s *stream) cells(n int) []byte {
	size := cellsLen(s.b[s.pos:], n)
	s.bad = s.bad || size == 0
	s.pos += size
	return s.b[s.pos-size : s.pos]
}

func cellAt(cells []byte, i int) byte {
	if cells[0] == cellsFew {
		return fewAt(cells, i)
	}
	return cells[1+i*int(cells[0])]
}

// fewAt is kept out of cellAt, which is inlined.
//
//go:noinline
func fewAt(cells []byte, i int) byte {
	k := int(cells[1])
	width := fewBits(k)
	at := i * width
	place := int(cells[2+k+at/8]>>(at%8)) & (1<<width - 1)
	if place >= k {
		place = 0
	}
	return cells[2+place]
}

// appendSpread appends cells of n changes so that all are looked up fast.
func appendSpread(dst, cells []byte, n int) []byte {
	if cells[0] != cellsFew {
		return append(dst, cells...)
	}
	k := int(cells[1])
	few, packed := cells[2:2+k], cells[2+k:]
	var bytes [maxFew]byte
	for i := range bytes {
		bytes[i] = few[0]
	}
	copy(bytes[:], few)
	width := fewBits(k)
	mask := byte(1<<width - 1)
	dst = append(dst, cellsEach)
	for at := 0; at < n*width; at += width {
		dst = append(dst, bytes[packed[at/8]>>(at%8)&mask&(maxFew-1)])
	}
	return dst
}
