package store

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	mathbits "math/bits"
)

// A lexicon numbers distinct texts from 0 on, in the order in which they come.
// In a payload it is the uvarint of how many there are, the uvarint of the
// length of each, and the texts.
type lexicon struct {
	seed  maphash.Seed
	mix   [2]uint64 // of short texts; random, so that nobody can make many fall together
	text  []byte
	ends  []int
	slots []uint32 // open hashing: number + 1, or 0
}

func (l *lexicon) reset() {
	l.text, l.ends = l.text[:0], l.ends[:0]
	if len(l.slots) == 0 || len(l.slots) > 1<<12 {
		l.slots = make([]uint32, 1<<10)
		l.seed = maphash.MakeSeed()
		l.mix = [2]uint64{maphash.String(l.seed, "low"), maphash.String(l.seed, "high")}
		return
	}
	clear(l.slots)
}

func (l *lexicon) at(i int) []byte {
	if i == 0 {
		return l.text[:l.ends[0]]
	}
	return l.text[l.ends[i-1]:l.ends[i]]
}

// hash is of a text; most are short.
func (l *lexicon) hash(b []byte) uint64 {
	var low, high uint64
	switch n := len(b); {
	case n > 16:
		return maphash.Bytes(l.seed, b)
	case n >= 8:
		low, high = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[n-8:])
	case n >= 4:
		low, high = uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[n-4:]))
	case n > 0:
		low, high = uint64(b[0])|uint64(b[n/2])<<8, uint64(b[n-1])
	}
	high, low = mathbits.Mul64(low^l.mix[0], high^l.mix[1]^uint64(len(b)))
	return high ^ low
}

// number is that of b, which is added if it is new and there are fewer than
// limit; else it is -1.
func (l *lexicon) number(b []byte, limit int) int {
	mask := uint64(len(l.slots) - 1)
	slot := l.hash(b) & mask
	for ; l.slots[slot] != 0; slot = (slot + 1) & mask {
		if n := int(l.slots[slot] - 1); string(l.at(n)) == string(b) {
			return n
		}
	}
	n := len(l.ends)
	if n >= limit {
		return -1
	}
	l.text = append(l.text, b...)
	l.ends = append(l.ends, len(l.text))
	l.slots[slot] = uint32(n + 1)
	if 2*(n+1) > len(l.slots) {
		l.rehash()
	}
	return n
}

func (l *lexicon) rehash() {
	l.slots = make([]uint32, 2*len(l.slots))
	mask := uint64(len(l.slots) - 1)
	for n := range l.ends {
		slot := l.hash(l.at(n)) & mask
		for l.slots[slot] != 0 {
			slot = (slot + 1) & mask
		}
		l.slots[slot] = uint32(n + 1)
	}
}

func (l *lexicon) appendTo(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(l.ends)))
	last := 0
	for _, end := range l.ends {
		dst = binary.AppendUvarint(dst, uint64(end-last))
		last = end
	}
	return append(dst, l.text...)
}

// texts is a lexicon that was read.
type texts struct {
	text []byte
	ends []int32 // the first is 0, where the first text begins
}

func (t *texts) len() int { return len(t.ends) - 1 }

func (t *texts) at(i int) []byte { return t.text[t.ends[i]:t.ends[i+1]] }

// texts reads a lexicon of up to limit entries, none of which is longer than longest.
// Most are shorter than 128 bytes.
func (s *stream) texts(room *blockRoom, limit, longest int) texts {
	n := s.uvarint()
	if s.bad || n > uint64(limit) || n > uint64(len(s.b)-s.pos) {
		s.bad = true
		return texts{ends: []int32{0}}
	}
	t, start := texts{ends: room.endsOf(int(n) + 1)}, s.pos
	var total, most uint64
	ends := t.ends[1:]
	for i, size := range s.b[s.pos : s.pos+int(n)] { // nearly all sizes are a byte each
		if size >= 0x80 {
			break
		}
		total += uint64(size)
		most = max(most, uint64(size))
		ends[i] = int32(total)
		s.pos++
	}
	for i := s.pos - start; i < len(ends) && !s.bad; i++ {
		size := s.uvarint()
		total += min(size, math.MaxInt32)
		most = max(most, size)
		s.bad = s.bad || total > uint64(len(s.b))
		ends[i] = int32(total)
	}
	s.bad = s.bad || most > uint64(longest)
	if !s.bad {
		t.text = s.take(total)
	}
	if s.bad {
		return texts{ends: []int32{0}}
	}
	return t
}

// names are texts as strings, which share one copy of them, and of which few are
// asked for.
type names struct {
	text string
	ends []int32
}

func (t *texts) names() names { return names{text: string(t.text), ends: t.ends} }

func (n *names) len() int { return len(n.ends) - 1 }

func (n *names) at(i uint64) string { return n.text[n.ends[i]:n.ends[i+1]] }
