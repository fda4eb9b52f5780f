package store

import (
	"encoding/binary"
	mathbits "math/bits"

	"recourse/audit"
)

// Times are written as the first, and how far each of the others is from that
// before it on the scale of sortable: below zero and above in turn, without the
// last bits that no difference uses, timesFrame differences together in as many
// bits each as the longest of them needs. One time that is late costs its frame,
// not the chunk.
const (
	timesFrame = 16
	// widest is the most bits that are read at once; wider ones take all 64.
	widest = 56
)

// differences are what encodeTimes writes of all but the first time, and by how
// many bits they are shifted.
func differences(times []audit.Time) (all []uint64, shift int) {
	used := uint64(0)
	last := sortable(times[0])
	for _, t := range times[1:] {
		u := sortable(t)
		all = append(all, u-last)
		used |= u - last
		last = u
	}
	shift = min(mathbits.TrailingZeros64(used), 63)
	for i, d := range all {
		d := int64(d) >> shift
		all[i] = uint64(d<<1) ^ uint64(d>>63)
	}
	return all, shift
}

// encodeTimes writes one time or more.
func encodeTimes(times []audit.Time) []byte {
	all, shift := differences(times)
	dst := appendUint([]byte{byte(shift)}, sortable(times[0]))
	for len(all) > 0 {
		frame := all[:min(timesFrame, len(all))]
		all = all[len(frame):]
		var some uint64
		for _, d := range frame {
			some |= d
		}
		width := mathbits.Len64(some)
		if width > widest {
			width = 64
		}
		dst = append(dst, byte(width))
		at := len(dst)
		dst = append(dst, make([]byte, width*timesFrame/8)...)
		for i, d := range frame {
			putBits(dst[at:], i*width, d)
		}
	}
	return dst
}

// putBits writes a number from a bit on, where there are zeros.
func putBits(dst []byte, bit int, n uint64) {
	dst = dst[bit/8:]
	for n, i := n<<(bit%8), 0; n != 0; n, i = n>>8, i+1 {
		dst[i] |= byte(n)
	}
}

func decodeTimes(data []byte, want int) ([]audit.Time, error) {
	if len(data) < 9 || data[0] > 63 || want < 1 {
		return nil, damagedSum("broken times")
	}
	shift, u := data[0], binary.BigEndian.Uint64(data[1:])
	data = data[9:]
	times := make([]audit.Time, want)
	times[0] = unsortable(u)
	for rest := times[1:]; len(rest) > 0; {
		frame := rest[:min(timesFrame, len(rest))]
		rest = rest[len(frame):]
		if len(data) == 0 || data[0] > 64 {
			return nil, damagedSum("broken times")
		}
		width := int(data[0])
		size := 1 + width*timesFrame/8
		if len(data) < size {
			return nil, damagedSum("too few times")
		}
		packed := data[1:]
		if len(packed) < 64*timesFrame/8+8 { // so that eight bytes can be read anywhere
			packed = append(make([]byte, 0, 64*timesFrame/8+8), packed[:size-1]...)[:64*timesFrame/8+8]
		}
		mask := uint64(1)<<width - 1
		for i := range frame {
			bit := i * width
			z := binary.LittleEndian.Uint64(packed[bit/8:]) >> (bit % 8) & mask
			u += (z>>1 ^ -(z & 1)) << shift
			frame[i] = unsortable(u)
		}
		data = data[size:]
	}
	if len(data) > 0 {
		return nil, damagedSum("too many times")
	}
	return times, nil
}
