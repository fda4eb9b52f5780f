package store

import (
	"encoding/binary"
	"fmt"
	mathbits "math/bits"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// damagedSum says that a sum is not what this program writes.
func damagedSum(what string) error { return fmt.Errorf("%w: a sum has %s", ErrCorrupt, what) }

// encodeSet is a set as roaring writes it, with runs where they are shorter.
func encodeSet(b *roaring.Bitmap) ([]byte, error) {
	b.RunOptimize()
	return b.ToBytes()
}

// decodeSet reads the set of offsets below limit that is all of data. It keeps
// data, which must not be changed.
func decodeSet(data []byte, limit int) (*roaring.Bitmap, error) {
	b := roaring.New()
	n, err := b.FromBuffer(data)
	if err != nil || n != int64(len(data)) {
		return nil, damagedSum("a broken set")
	}
	if err := b.Validate(); err != nil {
		return nil, damagedSum("a broken set")
	}
	if !b.IsEmpty() && int(b.Maximum()) >= limit {
		return nil, damagedSum("an offset beyond its chunk")
	}
	return b, nil
}

// encodeTimes writes the first time, and then how far each is from that before
// it on the scale of sortable, without the bits that no time uses.
func encodeTimes(times []audit.Time) []byte {
	var used, last uint64
	for i, t := range times {
		u := sortable(t)
		if i > 0 {
			used |= u - last
		}
		last = u
	}
	shift := min(mathbits.TrailingZeros64(used), 63)
	dst := append(binary.AppendUvarint(nil, uint64(len(times))), byte(shift))
	for i, t := range times {
		u := sortable(t)
		if i == 0 {
			dst = appendUint(dst, u)
		} else {
			dst = binary.AppendVarint(dst, int64(u-last)>>shift)
		}
		last = u
	}
	return dst
}

func decodeTimes(data []byte, want int) ([]audit.Time, error) {
	n, w := binary.Uvarint(data)
	if w <= 0 || n != uint64(want) || len(data) < w+9 || data[w] > 63 {
		return nil, damagedSum("too few times")
	}
	shift, u := data[w], binary.BigEndian.Uint64(data[w+1:])
	data = data[w+9:]
	times := make([]audit.Time, want)
	times[0] = unsortable(u)
	for i := 1; i < want; i++ {
		var z uint64
		// Most differences have three bytes.
		if len(data) > 3 && data[0]&data[1]&0x80 != 0 && data[2] < 0x80 {
			z = uint64(data[0]&0x7f) | uint64(data[1]&0x7f)<<7 | uint64(data[2])<<14
			data = data[3:]
		} else {
			var w int
			if z, w = binary.Uvarint(data); w <= 0 {
				return nil, damagedSum("too few times")
			}
			data = data[w:]
		}
		u += (z>>1 ^ -(z & 1)) << shift
		times[i] = unsortable(u)
	}
	if len(data) > 0 {
		return nil, damagedSum("too many times")
	}
	return times, nil
}

func cutUvarint(data []byte) (uint64, []byte, bool) {
	n, w := binary.Uvarint(data)
	if w <= 0 {
		return 0, nil, false
	}
	return n, data[w:], true
}

func cutString(data []byte) (string, []byte, bool) {
	n, data, ok := cutUvarint(data)
	if !ok || n > uint64(len(data)) {
		return "", nil, false
	}
	return string(data[:n]), data[n:], true
}
