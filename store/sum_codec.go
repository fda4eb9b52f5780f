package store

import (
	"encoding/binary"
	"fmt"
	mathbits "math/bits"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/klauspost/compress/zstd"

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

// encodeColumn is a code of one or two bytes for each change, the low bytes of
// all before the high ones.
func encodeColumn(codes []uint16, values int) ([]byte, error) {
	z, err := columnEncoder()
	if err != nil {
		return nil, err
	}
	planes := make([]byte, len(codes), 2*len(codes))
	for i, c := range codes {
		planes[i] = byte(c)
	}
	if values > 256 {
		for _, c := range codes {
			planes = append(planes, byte(c>>8))
		}
	}
	return z.EncodeAll(planes, nil), nil
}

// decodeColumn reads as many codes, all below the number of values.
func decodeColumn(data []byte, want, values int) ([]uint32, error) {
	z, err := columnDecoder()
	if err != nil {
		return nil, err
	}
	width := 1
	if values > 256 {
		width = 2
	}
	planes, err := z.DecodeAll(data, make([]byte, 0, width*want))
	if err != nil || len(planes) != width*want {
		return nil, damagedSum("a broken column")
	}
	codes := make([]uint32, want)
	for i, b := range planes[:want] {
		codes[i] = uint32(b)
	}
	for i, b := range planes[want:] {
		codes[i] |= uint32(b) << 8
	}
	if want > 0 && int(slices.Max(codes)) >= values {
		return nil, damagedSum("a code without a value")
	}
	return codes, nil
}

// Coders are cheap to use and costly to make.
var (
	columnEncoder = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(128<<10), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
	})
	columnDecoder = sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(1<<20))
	})
)

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
