package store

import "encoding/binary"

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
	u, n := binary.Uvarint(s.b[min(s.pos, len(s.b)):])
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
