package rules

import (
	"encoding/binary"
)

// texts are the texts of a rule's groups, side by side in a few pieces of memory, each
// after its length. A text is known by where it stands: the number of the piece and
// the byte in it. There are a great many, and most are soon of no use any more; were
// they objects of their own, each would be looked at whenever memory is collected.
type texts struct {
	pieces [][]byte
	live   []int // bytes of each piece that are of use
	empty  []int // pieces that are to be used again
	last   int   // the piece that is being filled, counted from 1
	size   int   // bytes of all pieces that are in use
	useful int   // of them
}

const (
	textsPiece = 16 << 10
	offsetBits = 14 // of where a text stands; a longer one begins its piece
)

// room is where n bytes more are to stand.
func (t *texts) room(n int) (at int) {
	if t.last == 0 || len(t.pieces[t.last-1])+n > textsPiece {
		t.another(n)
	}
	i := t.last - 1
	t.live[i] += n
	t.size, t.useful = t.size+n, t.useful+n
	return i<<offsetBits | len(t.pieces[i])
}

// another begins a piece with room for n bytes.
func (t *texts) another(n int) {
	if last := t.last - 1; last >= 0 && t.live[last] == 0 {
		t.free(last)
	}
	if k := len(t.empty) - 1; k >= 0 && n <= textsPiece {
		t.last, t.empty = t.empty[k]+1, t.empty[:k]
		if i := t.last - 1; cap(t.pieces[i]) == 0 {
			t.pieces[i] = make([]byte, 0, textsPiece)
		}
		return
	}
	t.pieces, t.live = append(t.pieces, make([]byte, 0, max(n, textsPiece))), append(t.live, 0)
	t.last = len(t.pieces)
}

// free has a piece used again.
func (t *texts) free(i int) {
	t.size -= len(t.pieces[i])
	if t.pieces[i] = t.pieces[i][:0]; cap(t.pieces[i]) > textsPiece {
		t.pieces[i] = nil
	}
	t.empty = append(t.empty, i)
}

// put adds a text.
func (t *texts) put(s []byte) int {
	at := t.room(uvarintSize(len(s)) + len(s))
	p := &t.pieces[at>>offsetBits]
	*p = append(binary.AppendUvarint(*p, uint64(len(s))), s...)
	return at
}

// at is the text that stands somewhere, and where the next one does. It is good until
// another is put.
func (t *texts) at(at int) (s []byte, next int) {
	b := t.pieces[at>>offsetBits][at&(1<<offsetBits-1):]
	n, size := binary.Uvarint(b)
	end := size + int(n)
	return b[size:end:end], at + end
}

// drop says that so many texts from there on are of no use any more.
func (t *texts) drop(at, many int) {
	n := t.length(at, many)
	t.useful -= n
	i := at >> offsetBits
	if t.live[i] -= n; t.live[i] == 0 && i != t.last-1 {
		t.free(i)
	}
}

// length is how many bytes so many texts take.
func (t *texts) length(at, many int) int {
	b := t.pieces[at>>offsetBits][at&(1<<offsetBits-1):]
	all := 0
	for range many {
		n, size := binary.Uvarint(b[all:])
		all += size + int(n)
	}
	return all
}

// copied puts what stands elsewhere, so many texts.
func (t *texts) copied(of *texts, at, many int) int {
	n := of.length(at, many)
	to := t.room(n)
	p := &t.pieces[to>>offsetBits]
	begin := at & (1<<offsetBits - 1)
	*p = append(*p, of.pieces[at>>offsetBits][begin:begin+n]...)
	return to
}

// wasteful says that it is time to put what is of use together anew.
func (t *texts) wasteful() bool {
	const little = 4 * textsPiece
	return t.size > little && t.useful < t.size/2
}

func uvarintSize(n int) (size int) {
	for size = 1; n >= 0x80; size++ {
		n >>= 7
	}
	return size
}
