package harper

import (
	"encoding/binary"
	"math"

	"recourse/audit"
)

// encodeForHarper writes a value as Harper's own CBOR decoder reads it back
// unchanged. An integer of more than 32 bits it would take for a BigInt, which
// is another type to Harper; up to 2^53 it goes as a float64, as Harper itself
// sends it. Below -2^31 an integer must not go as one: Harper's decoder on LMDB
// takes -2^32+1 for 1. Beyond 2^53 an integer is a BigInt and stays one. Fractions go as
// float64, the only width JavaScript has.
func encodeForHarper(v audit.Value) []byte {
	if v == nil {
		return nil
	}
	return appendForHarper(make([]byte, 0, len(v)+len(v)/8+16), v)
}

// maxSafe is 2^53, the end of JavaScript's exact integers.
const maxSafe = 1 << 53

func appendForHarper(dst []byte, v audit.Value) []byte {
	switch v.Kind() {
	case audit.KindInt:
		if n := v.Big(); n.IsInt64() {
			if i := n.Int64(); (i > math.MaxUint32 || i < math.MinInt32) && i <= maxSafe && i >= -maxSafe {
				return appendFloat64(dst, float64(i))
			}
		}
	case audit.KindFloat:
		f, _ := v.Float64()
		return appendFloat64(dst, f)
	case audit.KindDate:
		if ms, ok := v.DateMillis(); ok {
			return appendFloat64(append(dst, cborTag<<5|1), ms/1000)
		}
	case audit.KindArray:
		dst = appendCBORHead(dst, cborArray, uint64(v.Len()))
		for e := range v.Elems() {
			dst = appendForHarper(dst, e)
		}
		return dst
	case audit.KindObject:
		dst = appendCBORHead(dst, cborMap, uint64(v.Len()))
		for name, e := range v.Fields() {
			dst = append(appendCBORHead(dst, cborText, uint64(len(name))), name...)
			dst = appendForHarper(dst, e)
		}
		return dst
	case audit.KindTagged:
		tag, content := v.Tag()
		return appendForHarper(appendCBORHead(dst, cborTag, tag), content)
	}
	return append(dst, v...)
}

func appendFloat64(dst []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, 0xfb), math.Float64bits(f))
}

func appendCBORHead(dst []byte, major byte, arg uint64) []byte {
	m := major << 5
	switch {
	case arg < 24:
		return append(dst, m|byte(arg))
	case arg <= math.MaxUint8:
		return append(dst, m|24, byte(arg))
	case arg <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, m|25), uint16(arg))
	case arg <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, m|26), uint32(arg))
	}
	return binary.BigEndian.AppendUint64(append(dst, m|27), arg)
}
