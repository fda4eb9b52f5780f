package harpertest

import (
	"encoding/binary"
	"math"
	"math/big"

	"recourse/audit"
)

// binaryFormat writes CBOR or MessagePack the way Harper's encoders do: 16-bit
// heads for objects, numbers above 32 bits as float64.
type binaryFormat struct{ msgpack bool }

func (f binaryFormat) append(b []byte, v any) []byte { return f.item(b, v, false) }

func (f binaryFormat) item(b []byte, v any, small bool) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, f.code(0xf6, 0xc0))
	case undefined:
		if f.msgpack {
			return append(b, 0xd4, 0, 0)
		}
		return append(b, 0xf7)
	case bool:
		if v {
			return append(b, f.code(0xf5, 0xc3))
		}
		return append(b, f.code(0xf4, 0xc2))
	case string:
		return f.text(b, v)
	case audit.Op:
		return f.text(b, string(v))
	case int:
		return f.number(b, float64(v))
	case audit.Time:
		return f.number(b, float64(v))
	case audit.ID:
		return f.value(b, v.Value())
	case audit.Value:
		return f.value(b, v)
	case []any:
		b = f.list(b, len(v))
		for _, e := range v {
			b = f.item(b, e, false)
		}
		return b
	case obj:
		switch {
		case f.msgpack:
			b = binary.BigEndian.AppendUint16(append(b, 0xde), uint16(len(v)))
		case small:
			b = append(b, 0xa0|byte(len(v)))
		default:
			b = binary.BigEndian.AppendUint16(append(b, 0xb9), uint16(len(v)))
		}
		for _, e := range v {
			b = f.item(f.text(b, e.name), e.val, false)
		}
		return b
	}
	panic("harpertest: no CBOR for this type") // unreachable, as in appendJSON
}

func (f binaryFormat) code(cbor, msgpack byte) byte {
	if f.msgpack {
		return msgpack
	}
	return cbor
}

func (f binaryFormat) head(b []byte, major byte, n uint64) []byte {
	switch m := major << 5; {
	case n < 24:
		return append(b, m|byte(n))
	case n < 1<<8:
		return append(b, m|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, m|25), uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, m|26), uint32(n))
	default:
		return binary.BigEndian.AppendUint64(append(b, m|27), n)
	}
}

func (f binaryFormat) list(b []byte, n int) []byte {
	switch {
	case !f.msgpack:
		return f.head(b, 4, uint64(n))
	case n < 16:
		return append(b, 0x90|byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, 0xdc), uint16(n))
	default:
		return binary.BigEndian.AppendUint32(append(b, 0xdd), uint32(n))
	}
}

func (f binaryFormat) text(b []byte, s string) []byte {
	n := len(s)
	switch {
	case !f.msgpack:
		b = f.head(b, 3, uint64(n))
	case n < 32:
		b = append(b, 0xa0|byte(n))
	case n < 1<<8:
		b = append(b, 0xd9, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0xda), uint16(n))
	default:
		b = binary.BigEndian.AppendUint32(append(b, 0xdb), uint32(n))
	}
	return append(b, s...)
}

func (f binaryFormat) number(b []byte, x float64) []byte {
	switch {
	case x == math.Trunc(x) && x >= 0 && x < 1<<32:
		if !f.msgpack {
			return f.head(b, 0, uint64(x))
		}
		switch n := uint64(x); {
		case n < 128:
			return append(b, byte(n))
		case n < 1<<8:
			return append(b, 0xcc, byte(n))
		case n < 1<<16:
			return binary.BigEndian.AppendUint16(append(b, 0xcd), uint16(n))
		default:
			return binary.BigEndian.AppendUint32(append(b, 0xce), uint32(n))
		}
	case x == math.Trunc(x) && x < 0 && x >= -1<<31:
		if !f.msgpack {
			return f.head(b, 1, uint64(-1-int64(x)))
		}
		if x >= -32 {
			return append(b, byte(int8(x)))
		}
		return binary.BigEndian.AppendUint32(append(b, 0xd2), uint32(int32(x)))
	}
	return binary.BigEndian.AppendUint64(append(b, f.code(0xfb, 0xcb)), math.Float64bits(x))
}

func (f binaryFormat) value(b []byte, v audit.Value) []byte {
	switch v.Kind() {
	case audit.KindMissing:
		return f.item(b, undefined{}, false)
	case audit.KindInt:
		return f.integer(b, v)
	case audit.KindFloat:
		x, _ := v.Float64()
		return f.number(b, x)
	case audit.KindText:
		return f.text(b, v.Text())
	case audit.KindBytes:
		p := v.Bytes()
		if f.msgpack {
			b = binary.BigEndian.AppendUint32(append(b, 0xc6), uint32(len(p)))
		} else {
			b = f.head(b, 2, uint64(len(p)))
		}
		return append(b, p...)
	case audit.KindDate:
		return f.date(b, v)
	case audit.KindArray, audit.KindObject:
		return f.item(b, explode(v), false)
	case audit.KindBool:
		return f.item(b, v.Bool(), false)
	}
	return f.item(b, nil, false)
}

func (f binaryFormat) integer(b []byte, v audit.Value) []byte {
	if x, exact := v.Float64(); exact && math.Abs(x) <= 1<<53 {
		return f.number(b, x)
	}
	n := v.Big()
	if f.msgpack {
		if n.IsUint64() {
			return binary.BigEndian.AppendUint64(append(b, 0xcf), n.Uint64())
		}
		return binary.BigEndian.AppendUint64(append(b, 0xd3), uint64(n.Int64()))
	}
	major, tag := byte(0), byte(0xc2)
	if n.Sign() < 0 {
		n, major, tag = new(big.Int).Not(n), 1, 0xc3
	}
	if n.IsUint64() {
		return f.head(b, major, n.Uint64())
	}
	p := n.Bytes()
	return append(f.head(append(b, tag), 2, uint64(len(p))), p...)
}

func (f binaryFormat) date(b []byte, v audit.Value) []byte {
	ms, _ := v.DateMillis()
	if f.msgpack {
		sec := math.Floor(ms / 1000)
		b = append(b, 0xd7, 0xff)
		return binary.BigEndian.AppendUint64(b, uint64((ms-sec*1000)*1e6)<<34|uint64(int64(sec)))
	}
	b = append(b, 0xc1)
	if s := ms / 1000; s == math.Trunc(s) && s >= 0 && s < 1<<32 {
		return binary.BigEndian.AppendUint32(append(b, 0x1a), uint32(s))
	}
	return binary.BigEndian.AppendUint64(append(b, 0xfb), math.Float64bits(ms/1000))
}

// tooBig says that MessagePack has no form for an integer within v, and which.
func tooBig(v any) (string, bool) {
	switch v := v.(type) {
	case audit.Value:
		switch v.Kind() {
		case audit.KindInt:
			if n := v.Big(); !n.IsInt64() && !n.IsUint64() {
				return n.String(), true
			}
		case audit.KindArray, audit.KindObject:
			return tooBig(explode(v))
		}
	case []any:
		for _, e := range v {
			if s, big := tooBig(e); big {
				return s, true
			}
		}
	case obj:
		for _, e := range v {
			if s, big := tooBig(e.val); big {
				return s, true
			}
		}
	}
	return "", false
}
