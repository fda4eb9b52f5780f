package audit

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Null is JSON's null, which is a value: the attribute is there.
func Null() Value { return Value{simpleNull} }

// Bool is true or false.
func Bool(b bool) Value {
	if b {
		return Value{simpleTrue}
	}
	return Value{simpleFalse}
}

// Int is an integer.
func Int(i int64) Value {
	if i < 0 {
		return appendHead(nil, majorNegative, uint64(^i))
	}
	return appendHead(nil, majorUint, uint64(i))
}

// BigInt is an integer of any size.
func BigInt(n *big.Int) Value { return appendBig(nil, n) }

// Float is a number as JavaScript has it; one without a fraction up to 2^53 is
// the integer.
func Float(f float64) Value { return appendFloat(make([]byte, 0, mostNumber), f) }

// AppendFloat is Float in memory of the caller's.
func AppendFloat(dst []byte, f float64) Value { return appendFloat(dst, f) }

// mostNumber is how many bytes a number has that is not a big one, at most.
const mostNumber = 9

// Text is a string. Bytes that are not UTF-8, which Harper's own text never
// has, become U+FFFD.
func Text(s string) Value { return appendText(nil, s) }

// BytesValue is a byte string.
func BytesValue(b []byte) Value {
	return append(appendHead(nil, majorBytes, uint64(len(b))), b...)
}

// maxDate is how far JavaScript's dates reach from 1970, in milliseconds. So far
// the seconds as a float64 still tell every millisecond from the next.
const maxDate = 8.64e15

// Date is an instant, to the millisecond as JavaScript has it.
func Date(t time.Time) Value { return DateOf(float64(t.UnixMilli())) }

// DateOf is the instant so many whole milliseconds after 1970. NaN is
// JavaScript's invalid date, and so is what lies further than 8.64e15 from 1970
// (ECMA-262, TimeClip).
func DateOf(ms float64) Value {
	if ms = math.Round(ms); !(math.Abs(ms) <= maxDate) {
		ms = math.NaN()
	}
	return appendFloat(appendHead(nil, majorTag, tagDate), ms/1000)
}

// Array is a list of values. A nil element, which an array cannot lack, is null.
func Array(elems ...Value) Value {
	out := appendHead(nil, majorArray, uint64(len(elems)))
	for _, e := range elems {
		if e == nil {
			e = Null()
		}
		out = append(out, e...)
	}
	return out
}

// Object is a record or a nested object. A nil value is an attribute that is
// not there.
func Object(fields map[string]Value) Value {
	pairs := make([]pair, 0, len(fields))
	for k, v := range fields {
		if v != nil {
			pairs = append(pairs, pair{appendText(nil, k), v})
		}
	}
	return appendPairs(nil, pairs)
}

// Of makes a value from Go's: nil, bool, integers, floats, string, []byte,
// time.Time, *big.Int, Value, []any, map[string]any and nestings of them.
func Of(x any) (Value, error) {
	switch x := x.(type) {
	case nil:
		return Null(), nil
	case Value:
		return x, nil
	case bool:
		return Bool(x), nil
	case int:
		return Int(int64(x)), nil
	case int64:
		return Int(x), nil
	case uint64:
		return appendHead(nil, majorUint, x), nil
	case float64:
		return Float(x), nil
	case string:
		return Text(x), nil
	case []byte:
		return BytesValue(x), nil
	case time.Time:
		return Date(x), nil
	case *big.Int:
		return BigInt(x), nil
	case []any:
		elems := make([]Value, len(x))
		for i, e := range x {
			v, err := Of(e)
			if err != nil {
				return nil, err
			}
			elems[i] = v
		}
		return Array(elems...), nil
	case map[string]any:
		fields := make(map[string]Value, len(x))
		for k, e := range x {
			v, err := Of(e)
			if err != nil {
				return nil, err
			}
			fields[k] = v
		}
		return Object(fields), nil
	}
	return nil, fmt.Errorf("make value: %T is no type of Harper's", x)
}

// Any is v as Go's types: nil, bool, int64 or *big.Int, float64, string,
// []byte, time.Time (an invalid date is nil), []any, map[string]any. A tagged
// value is its content.
func (v Value) Any() any {
	switch v.Kind() {
	case KindBool:
		return v.Bool()
	case KindInt:
		n := v.Big()
		if n.IsInt64() {
			return n.Int64()
		}
		return n
	case KindFloat:
		return v.float()
	case KindText:
		return v.Text()
	case KindBytes:
		return slices.Clone(v.Bytes())
	case KindDate:
		if t, ok := v.Time(); ok {
			return t
		}
		return nil
	case KindArray:
		out := make([]any, 0, v.Len())
		for e := range v.Elems() {
			out = append(out, e.Any())
		}
		return out
	case KindObject:
		out := make(map[string]any, v.Len())
		for k, e := range v.Fields() {
			out[k] = e.Any()
		}
		return out
	case KindTagged:
		_, content := v.Tag()
		return content.Any()
	}
	return nil
}

func appendHead(dst []byte, major byte, arg uint64) []byte {
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
	default:
		return binary.BigEndian.AppendUint64(append(dst, m|27), arg)
	}
}

func appendText(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return append(appendHead(dst, majorText, uint64(len(s))), s...)
}

// AppendText appends s as a value to what dst holds.
func AppendText(dst, s []byte) []byte { return appendTextBytes(dst, s) }

func appendTextBytes(dst, s []byte) []byte {
	if !utf8.Valid(s) {
		return appendText(dst, string(s))
	}
	return append(appendHead(dst, majorText, uint64(len(s))), s...)
}

func appendBig(dst []byte, n *big.Int) []byte {
	major, tag, abs := byte(majorUint), uint64(tagBigPositive), n
	if n.Sign() < 0 {
		major, tag, abs = majorNegative, tagBigNegative, new(big.Int).Not(n)
	}
	if abs.Cmp(bigMaxUint64) <= 0 {
		return appendHead(dst, major, abs.Uint64())
	}
	b := abs.Bytes()
	return append(appendHead(appendHead(dst, majorTag, tag), majorBytes, uint64(len(b))), b...)
}

func appendFloat(dst []byte, f float64) []byte {
	if math.Trunc(f) == f && math.Abs(f) <= maxSafe {
		if f < 0 {
			return appendHead(dst, majorNegative, uint64(^int64(f)))
		}
		return appendHead(dst, majorUint, uint64(f))
	}
	if math.IsNaN(f) {
		return append(dst, headFloat16, 0x7e, 0)
	}
	if f32 := float32(f); float64(f32) == f {
		if h, ok := floatToHalf(f32); ok {
			return binary.BigEndian.AppendUint16(append(dst, headFloat16), h)
		}
		return binary.BigEndian.AppendUint32(append(dst, headFloat32), math.Float32bits(f32))
	}
	return binary.BigEndian.AppendUint64(append(dst, headFloat64), math.Float64bits(f))
}

// halfToFloat widens an IEEE 754 binary16 (RFC 8949, appendix D).
func halfToFloat(h uint16) float32 {
	exp, mant := int(h>>10&0x1f), float64(h&0x3ff)
	var f float64
	switch exp {
	case 0:
		f = math.Ldexp(mant, -24)
	case 31:
		f = math.Inf(1)
		if mant != 0 {
			f = math.NaN()
		}
	default:
		f = math.Ldexp(mant+1024, exp-25)
	}
	if h&0x8000 != 0 {
		f = -f
	}
	return float32(f)
}

// floatToHalf narrows f to binary16 if that loses nothing.
func floatToHalf(f float32) (uint16, bool) {
	bits := math.Float32bits(f)
	sign := uint16(bits >> 16 & 0x8000)
	exp, mant := int(bits>>23&0xff)-127, bits&0x7fffff
	var h uint16
	switch {
	case exp == 128 && mant == 0:
		h = sign | 0x7c00
	case exp >= -14 && exp <= 15 && mant&0x1fff == 0:
		h = sign | uint16(exp+15)<<10 | uint16(mant>>13)
	case exp >= -24 && exp < -14:
		shift := uint(-exp - 1)
		full := mant | 0x800000
		if full&(1<<shift-1) != 0 {
			return 0, false
		}
		h = sign | uint16(full>>shift)
	default:
		return 0, false
	}
	return h, halfToFloat(h) == f
}

// A pair is an object's attribute, both parts encoded.
type pair struct{ name, val []byte }

// appendPairs writes an object, its names sorted by their bytes. Of a name that
// comes twice the last counts, as in JavaScript.
func appendPairs(dst []byte, pairs []pair) []byte {
	slices.SortStableFunc(pairs, func(a, b pair) int { return bytes.Compare(a.name, b.name) })
	kept := pairs[:0]
	for i, p := range pairs {
		if i+1 < len(pairs) && bytes.Equal(p.name, pairs[i+1].name) {
			continue
		}
		kept = append(kept, p)
	}
	dst = appendHead(dst, majorMap, uint64(len(kept)))
	for _, p := range kept {
		dst = append(append(dst, p.name...), p.val...)
	}
	return dst
}
