package index

import (
	"bytes"
	"hash/maphash"
	"math"
	"math/bits"
)

// put adds a word, which is in w.word.
func (w *words) put(word []byte) {
	w.settle()
	word, cut := cutTerm(word)
	if cut {
		word = append(word, cutMark)
	}
	l := leadOf(word)
	w.enter(l, len(word), word, w.hash(l, len(word), word))
}

// await adds a word that is no longer than its lead, later.
func (w *words) await(l lead, size int) {
	w.waiting = append(w.waiting, met{lead: l, size: size, hash: w.hash(l, size, nil)})
	if len(w.waiting) == cap(w.waiting) {
		w.settle()
	}
}

// settle enters the words that wait. Their places in memory are far from one another and
// from the processor, which gets many at once as long as nothing depends on one of them: so
// they are all looked at before.
func (w *words) settle() {
	mask := uint32(len(w.table) - 1)
	seen := uint32(0)
	for i := range w.waiting {
		m := &w.waiting[i]
		m.slot = w.table[m.hash&mask]
	}
	for i := range w.waiting {
		m := &w.waiting[i]
		if uint32(m.slot>>32) == m.hash {
			seen |= w.entries[uint32(m.slot)-1].latest
		}
	}
	w.looked = seen
	for i := range w.waiting {
		m := &w.waiting[i]
		w.enter(m.lead, m.size, nil, m.hash)
	}
	w.waiting = w.waiting[:0]
}

// enter adds a word of so many bytes; word is all of it where that is more than its lead.
func (w *words) enter(l lead, size int, word []byte, h uint32) {
	if len(w.places)-w.starts[len(w.starts)-1] >= mostWords {
		l, size = leadOf(anyWord), len(anyWord)
		h = w.hash(l, size, nil)
	}
	mask := uint32(len(w.table) - 1)
	at := h & mask
	for ; w.table[at] != 0; at = (at + 1) & mask {
		slot := w.table[at]
		if uint32(slot>>32) != h {
			continue
		}
		n := uint32(slot) - 1
		e := &w.entries[n]
		if e.lead == l && int(e.size) == size && (size <= leadSize || bytes.Equal(w.term(n), word)) {
			w.place(e, n)
			return
		}
	}
	n := uint32(len(w.entries))
	w.table[at] = uint64(h)<<32 | uint64(n+1)
	w.entries = append(w.entries, entry{lead: l, at: uint32(len(w.text)), size: uint32(size), latest: math.MaxUint32})
	if size > leadSize {
		w.text = append(w.text, word...)
	} else {
		w.text = l.append(w.text, size)
	}
	w.place(&w.entries[n], n)
	if len(w.entries)*2 > len(w.table) {
		w.grow()
	}
}

func (w *words) hash(l lead, size int, word []byte) uint32 {
	if size > leadSize {
		return uint32(maphash.Bytes(w.seed, word))
	}
	high, low := bits.Mul64(l[0]^w.keys[0], l[1]^w.keys[1]) // as wyhash ends
	return uint32(high ^ low)
}

func (w *words) grow() {
	old := w.table
	w.table = make([]uint64, 2*len(old))
	mask := uint32(len(w.table) - 1)
	for _, slot := range old {
		if slot == 0 {
			continue
		}
		at := uint32(slot>>32) & mask
		for w.table[at] != 0 {
			at = (at + 1) & mask
		}
		w.table[at] = slot
	}
}

// place puts a word into the block, once.
func (w *words) place(e *entry, n uint32) {
	block := uint32(len(w.blocks) - 1)
	if e.latest == block {
		return
	}
	e.latest = block
	e.seen++
	w.places = append(w.places, n)
}

// term is a word by its number. It is w's memory.
func (w *words) term(n uint32) []byte {
	e := &w.entries[n]
	return w.text[e.at : e.at+e.size]
}
