package store

import (
	"encoding/binary"
	"math"
)

// cborHead reads a head whose argument is as short as it can be. Its size is 0
// if there is none.
func cborHead(b []byte) (arg uint64, size int) {
	if len(b) == 0 {
		return 0, 0
	}
	info := b[0] & 31
	if info < 24 {
		return uint64(info), 1
	}
	n := 1 << (info - 24)
	if info > 27 || len(b) < 1+n {
		return 0, 0
	}
	for _, c := range b[1 : 1+n] {
		arg = arg<<8 | uint64(c)
	}
	if n == 1 && arg < 24 || n > 1 && arg>>(4*n) == 0 {
		return 0, 0
	}
	return arg, 1 + n
}

func appendCBORHead(dst []byte, major byte, arg uint64) []byte {
	switch {
	case arg < 24:
		return append(dst, major|byte(arg))
	case arg <= math.MaxUint8:
		return append(dst, major|24, byte(arg))
	case arg <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(arg))
	case arg <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(arg))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), arg)
}

// cborLen is the length of the first item of b, 0 if it breaks off or is in none
// of the forms in which values are kept.
func cborLen(b []byte) int {
	pos := 0
	for left := uint64(1); left > 0; left-- {
		if pos >= len(b) || left > uint64(len(b)) {
			return 0
		}
		major := b[pos] >> 5
		if major == 7 {
			switch b[pos] {
			case cborHalf, cborFloat, cborReal:
				pos += 1 + 2<<(b[pos]-cborHalf)
			case cborFalse, cborTrue, cborNull:
				pos++
			default:
				return 0
			}
			continue
		}
		arg, size := cborHead(b[pos:])
		if size == 0 {
			return 0
		}
		pos += size
		switch major {
		case 2, 3:
			if arg > uint64(len(b)-pos) {
				return 0
			}
			pos += int(arg)
		case 4:
			left += min(arg, uint64(len(b))+1)
		case 5:
			left += 2 * min(arg, uint64(len(b))+1)
		case 6:
			left++
		}
	}
	if pos > len(b) {
		return 0
	}
	return pos
}

func appendReal(dst []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, cborReal), math.Float64bits(f))
}
