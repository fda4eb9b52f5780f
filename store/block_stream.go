package store

import (
	"encoding/binary"
	mathbits "math/bits"
)

func fold(n int64) uint64   { return uint64(n<<1) ^ uint64(n>>63) }
func unfold(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// A stream is read from its beginning; bad says that something was missing, and
// that what was read since is not to be used.
type stream struct {
	b   []byte
	pos int
	bad bool
}

func (s *stream) byte() byte {
	if s.pos >= len(s.b) {
		s.bad = true
		return 0
	}
	s.pos++
	return s.b[s.pos-1]
}

func (s *stream) uvarint() uint64 {
	if s.pos < len(s.b) && s.b[s.pos] < 0x80 {
		s.pos++
		return uint64(s.b[s.pos-1])
	}
	return s.long()
}

// skip passes over n uvarints, of which those that end in eight bytes are counted
// together.
func (s *stream) skip(n int) {
	for n >= 8 && len(s.b)-s.pos >= 8 {
		u := binary.LittleEndian.Uint64(s.b[s.pos:])
		n -= mathbits.OnesCount64(^u & 0x8080808080808080)
		s.pos += 8
	}
	// A number may have begun in the last of the eight bytes, and ends behind them.
	for ; n > 0; n-- {
		s.uvarint()
	}
}

// long reads a uvarint of any length. Of eight bytes the groups of seven bits are
// moved together all at once.
func (s *stream) long() uint64 {
	rest := s.b[min(s.pos, len(s.b)):]
	if len(rest) >= 8 {
		u := binary.LittleEndian.Uint64(rest)
		if ends := ^u & 0x8080808080808080; ends != 0 {
			n := mathbits.TrailingZeros64(ends) + 1
			s.pos += n / 8
			u = u << (64 - n) >> (64 - n) & 0x7f7f7f7f7f7f7f7f
			u = u&0x007f007f007f007f | u&0x7f007f007f007f00>>1
			u = u&0x00003fff00003fff | u&0x3fff00003fff0000>>2
			return u&0x000000000fffffff | u&0x0fffffff00000000>>4
		}
	}
	u, n := binary.Uvarint(rest)
	if n <= 0 {
		s.bad = true
		return 0
	}
	s.pos += n
	return u
}

// take is the next n bytes.
func (s *stream) take(n uint64) []byte {
	if n > uint64(len(s.b)-s.pos) {
		s.bad = true
		return nil
	}
	s.pos += int(n)
	return s.b[s.pos-int(n) : s.pos : s.pos]
}
