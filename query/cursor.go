package query

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"math"

	"recourse/audit"
)

// A cursor is the place of the last change on a page: the bits of its time, its
// number, and a checksum against mistyping.
func cursor(p Position) string {
	b := binary.BigEndian.AppendUint64(nil, math.Float64bits(float64(p.Time)))
	b = binary.BigEndian.AppendUint64(b, uint64(p.Seq))
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseCursor(s string) (Position, error) {
	if s == "" {
		return Position{}, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != 20 || binary.BigEndian.Uint32(b[16:]) != crc32.ChecksumIEEE(b[:16]) {
		return Position{}, ErrCursor
	}
	p := Position{
		Time: audit.Time(math.Float64frombits(binary.BigEndian.Uint64(b))),
		Seq:  audit.Seq(binary.BigEndian.Uint64(b[8:])),
	}
	if !finite(float64(p.Time)) || p.Seq == 0 {
		return Position{}, ErrCursor
	}
	return p, nil
}
