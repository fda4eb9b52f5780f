package query

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"

	"recourse/audit"
)

// A cursor is the place of the last change on a page: the bits of its time and its
// number; from when the query's relative times are reckoned, in nanoseconds, if it has
// any; and a checksum of these and of the query's words, against mistyping, and
// against pages of another query.
const (
	cursorSize = 8 + 8 + 4 // without the time of asking
	askedSize  = 8
)

// cursor is where the page after the change at p begins.
func (q Query) cursor(p Position) string {
	b := binary.BigEndian.AppendUint64(nil, math.Float64bits(float64(p.Time)))
	b = binary.BigEndian.AppendUint64(b, uint64(p.Seq))
	if !q.Asked.IsZero() {
		b = binary.BigEndian.AppendUint64(b, uint64(q.Asked.UnixNano()))
	}
	b = binary.BigEndian.AppendUint32(b, q.checksum(b))
	return base64.RawURLEncoding.EncodeToString(b)
}

func (q Query) checksum(b []byte) uint32 {
	return crc32.Update(crc32.ChecksumIEEE(b), crc32.IEEETable, []byte(q.Expr.String()))
}

// place is where the query's page begins.
func (q Query) place() (Position, error) {
	if q.After == "" {
		return Position{}, nil
	}
	b, ok := cursorBytes(q.After)
	if !ok || binary.BigEndian.Uint32(b[len(b)-4:]) != q.checksum(b[:len(b)-4]) {
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

func cursorBytes(s string) ([]byte, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return b, err == nil && (len(b) == cursorSize || len(b) == cursorSize+askedSize)
}

// AskedAt is from when the relative times of a query are reckoned whose page begins
// at a cursor: from when its first page was asked for, so that all pages are of the
// same stretch. For a first page, and where the cursor says nothing of it, it is now.
func AskedAt(after string, now time.Time) time.Time {
	if b, ok := cursorBytes(after); ok && len(b) == cursorSize+askedSize {
		return time.Unix(0, int64(binary.BigEndian.Uint64(b[16:]))).UTC()
	}
	return now
}
