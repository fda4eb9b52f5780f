package audit

import (
	"iter"
	"maps"
	"math"
	"math/big"
	"slices"
	"time"
)

// A Value is one attribute's value, or a whole record, in deterministic CBOR
// (RFC 8949 §4.2.1), so that big integers, bytes, dates, NaN and null survive;
// JSON is for people. A nil Value is an attribute that is not there, which is
// something else than null.
//
// One value has one encoding, so equal bytes are equal values. Harper sends
// numbers as JavaScript has them, now as an integer and now as a float; a float
// without a fraction up to 2^53 is therefore kept as the integer that it is
// (the numeric reduction of dCBOR), and -0 as 0. Above 2^53 a float stays a
// float: there an integer is a BigInt, which Harper keeps apart.
//
// Make one with [Decode], [FromJSON], [Of] or the constructors below.
type Value []byte

// A ValueKind is the type of a value, as Harper has it.
type ValueKind uint8

// The kinds of value.
const (
	KindMissing ValueKind = iota // the nil Value: no such attribute
	KindNull
	KindBool
	KindInt   // an integer of any size
	KindFloat // a number with a fraction, or above 2^53, or NaN, or an infinity
	KindText
	KindBytes
	KindDate
	KindArray
	KindObject
	KindTagged // a CBOR tag that Harper's documentation does not name, kept as it came
)

var kindNames = [...]string{"missing", "null", "boolean", "integer", "float", "text", "bytes", "date", "array", "object", "tagged"}

func (k ValueKind) String() string { return nameOf(kindNames[:], uint8(k)) }

// CBOR's major types and the simple values and tags that we meet.
const (
	majorUint, majorNegative, majorBytes, majorText       = 0, 1, 2, 3
	majorArray, majorMap, majorTag, majorSimple           = 4, 5, 6, 7
	tagDate, tagBigPositive, tagBigNegative               = 1, 2, 3
	simpleFalse, simpleTrue, simpleNull, simpleUndefined  = 0xf4, 0xf5, 0xf6, 0xf7
	headFloat16, headFloat32, headFloat64, headIndefinite = 0xf9, 0xfa, 0xfb, 31
)

// Kind is the type of v.
func (v Value) Kind() ValueKind {
	if len(v) == 0 {
		return KindMissing
	}
	switch v[0] >> 5 {
	case majorUint, majorNegative:
		return KindInt
	case majorBytes:
		return KindBytes
	case majorText:
		return KindText
	case majorArray:
		return KindArray
	case majorMap:
		return KindObject
	case majorTag:
		switch v.head().arg {
		case tagDate:
			return KindDate
		case tagBigPositive, tagBigNegative:
			return KindInt
		}
		return KindTagged
	}
	switch v[0] {
	case simpleFalse, simpleTrue:
		return KindBool
	case simpleNull:
		return KindNull
	case simpleUndefined:
		return KindMissing // only while decoding: no finished Value holds it
	}
	return KindFloat
}

func (v Value) head() head {
	h, err := readHead(v)
	if err != nil {
		return head{} // unreachable: a Value is well-formed
	}
	return h
}

// Bool is the truth value; false for other kinds.
func (v Value) Bool() bool { return len(v) == 1 && v[0] == simpleTrue }

// Text is the string; empty for other kinds.
func (v Value) Text() string {
	if v.Kind() != KindText {
		return ""
	}
	return string(v[v.head().size:])
}

// TextBytes is the string in v's own memory; nil for other kinds.
func (v Value) TextBytes() []byte {
	if len(v) == 0 || v[0]>>5 != majorText {
		return nil
	}
	if v[0]&31 < 24 { // most are short
		return v[1:]
	}
	return v.raw()
}

// Bytes is the byte string; nil for other kinds. It is v's own memory.
func (v Value) Bytes() []byte {
	if v.Kind() != KindBytes {
		return nil
	}
	return v[v.head().size:]
}

// Big is the integer; nil for other kinds.
func (v Value) Big() *big.Int {
	if v.Kind() != KindInt {
		return nil
	}
	h := v.head()
	n := new(big.Int)
	if h.major == majorTag {
		n.SetBytes(Value(v[h.size:]).Bytes())
	} else {
		n.SetUint64(h.arg)
	}
	if h.major == majorNegative || h.major == majorTag && h.arg == tagBigNegative {
		n.Not(n)
	}
	return n
}

// Int64 is an integer that int64 holds, and whether v is one.
func (v Value) Int64() (int64, bool) {
	if len(v) == 0 || v[0]>>5 > majorNegative {
		return 0, false
	}
	h := v.head()
	if h.arg > math.MaxInt64 {
		return 0, false
	}
	if h.major == majorNegative {
		return ^int64(h.arg), true
	}
	return int64(h.arg), true
}

// Float64 is a number as a float64, and whether that is exactly it. It is
// 0, false for what is no number.
func (v Value) Float64() (float64, bool) {
	switch v.Kind() {
	case KindFloat:
		return v.float(), true
	case KindInt:
		if h := v.head(); h.major == majorUint && h.arg <= maxSafe {
			return float64(h.arg), true
		} else if h.major == majorNegative && h.arg < maxSafe {
			return -1 - float64(h.arg), true
		}
		f, acc := new(big.Float).SetInt(v.Big()).Float64()
		return f, acc == big.Exact
	}
	return 0, false
}

func (v Value) float() float64 {
	switch arg := v.head().arg; v[0] {
	case headFloat16:
		return float64(halfToFloat(uint16(arg)))
	case headFloat32:
		return float64(math.Float32frombits(uint32(arg)))
	default:
		return math.Float64frombits(arg)
	}
}

// DateMillis is a date's milliseconds since 1970, NaN for JavaScript's invalid
// date, and whether v is a date.
func (v Value) DateMillis() (float64, bool) {
	if v.Kind() != KindDate {
		return 0, false
	}
	seconds, _ := Value(v[v.head().size:]).Float64()
	// Harper's dates are whole milliseconds; seconds as a float miss them by
	// less than a microsecond.
	return math.Round(seconds * 1000), true
}

// Time is a date's instant in UTC, and whether v is a valid date.
func (v Value) Time() (time.Time, bool) {
	ms, ok := v.DateMillis()
	if !ok || math.IsNaN(ms) {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(ms)).UTC(), true
}

// Len counts an array's elements or an object's attributes; 0 for other kinds.
func (v Value) Len() int {
	switch v.Kind() {
	case KindArray, KindObject:
		return int(v.head().arg)
	}
	return 0
}

// Elems yields an array's elements in order.
func (v Value) Elems() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.Kind() != KindArray {
			return
		}
		for r := v.inside(); r.left > 0; {
			if !yield(r.next()) {
				return
			}
		}
	}
}

// Fields yields an object's attributes, in the order of their encodings:
// shorter names first.
func (v Value) Fields() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.Kind() != KindObject {
			return
		}
		for r := v.inside(); r.left > 0; {
			if name := r.next(); !yield(name.Text(), r.next()) {
				return
			}
		}
	}
}

// Names lists an object's attributes, sorted.
func (v Value) Names() []string {
	var names []string
	for k := range v.Fields() {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}

// With is the object v with one attribute set; a nil val removes it. What is
// no object counts as one without attributes.
func (v Value) With(name string, val Value) Value {
	fields := maps.Collect(v.Fields())
	if val == nil {
		delete(fields, name)
	} else {
		fields[name] = val
	}
	return Object(fields)
}

// Tag is a tagged value's number and content; 0 and nil for other kinds.
func (v Value) Tag() (uint64, Value) {
	if v.Kind() != KindTagged {
		return 0, nil
	}
	h := v.head()
	return h.arg, v[h.size:]
}
