package audit

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
)

// FromJSON reads plain JSON, as Harper answers it: an integer without exponent
// keeps all its digits, any other number is the float64 nearest to it.
func FromJSON(data []byte) (Value, error) { return fromJSON(data, MaxDepth) }

func fromJSON(data []byte, maxDepth int) (Value, error) {
	r := JSONReader{out: make([]byte, 0, len(data))}
	v, rest, err := r.read(data, maxDepth)
	if err != nil {
		return nil, err
	}
	for _, c := range rest {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return nil, errors.New("read JSON: something follows the value")
		}
	}
	return v, nil
}

// An integer of this many digits is no number that anybody uses, and reading one
// costs the square of its length.
const maxDigits = 4096

// JSON is the value as text that FromJSON's counterpart UnmarshalJSON reads
// back exactly: plain JSON where JSON has the type, and otherwise an object
// with one name that starts with a dollar sign: {"$date":"2026-11-23T…Z"},
// {"$bytes":"base64"}, {"$number":"NaN"}, {"$tag":[n,…]}. A record's own object
// of that shape is wrapped as {"$object":{…}}. A nil Value is "null".
func (v Value) JSON() string { return string(v.AppendJSON(nil)) }

// MarshalJSON is JSON.
func (v Value) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil), nil }

// AppendJSON appends what JSON returns.
func (v Value) AppendJSON(dst []byte) []byte {
	switch v.Kind() {
	case KindMissing, KindNull:
		return append(dst, "null"...)
	case KindBool:
		return strconv.AppendBool(dst, v.Bool())
	case KindInt:
		return v.appendIntJSON(dst)
	case KindFloat:
		return appendFloatJSON(dst, v.float())
	case KindText:
		return appendTextJSON(dst, v[v.head().size:])
	case KindBytes:
		dst = append(dst, `{"$bytes":"`...)
		return append(base64.StdEncoding.AppendEncode(dst, v.Bytes()), `"}`...)
	case KindDate:
		if t, ok := v.Time(); ok {
			dst = append(dst, `{"$date":"`...)
			return append(appendISO(dst, t), `"}`...)
		}
		return append(dst, `{"$date":null}`...)
	case KindArray:
		dst = append(dst, '[')
		for e := range v.Elems() {
			dst = append(e.AppendJSON(dst), ',')
		}
		return closeJSON(dst, ']')
	case KindObject:
		return v.appendObjectJSON(dst)
	default:
		tag, content := v.Tag()
		dst = strconv.AppendUint(append(dst, `{"$tag":[`...), tag, 10)
		return append(content.AppendJSON(append(dst, ',')), `]}`...)
	}
}

func (v Value) appendObjectJSON(dst []byte) []byte {
	type field struct{ name, val Value }
	var few [16]field
	fields := few[:0]
	for r := v.inside(); r.left > 0; {
		fields = append(fields, field{r.next(), r.next()})
	}
	for i, f := range fields {
		fields[i].name = f.name[f.name.head().size:]
	}
	slices.SortFunc(fields, func(a, b field) int { return bytes.Compare(a.name, b.name) })
	wrap := len(fields) == 1 && bytes.HasPrefix(fields[0].name, []byte("$"))
	if wrap {
		dst = append(dst, `{"$object":`...)
	}
	dst = append(dst, '{')
	for _, f := range fields {
		dst = append(appendTextJSON(dst, f.name), ':')
		dst = append(f.val.AppendJSON(dst), ',')
	}
	dst = closeJSON(dst, '}')
	if wrap {
		dst = append(dst, '}')
	}
	return dst
}

// closeJSON puts the bracket in place of the last comma.
func closeJSON(dst []byte, bracket byte) []byte {
	if last := len(dst) - 1; dst[last] == ',' {
		dst[last] = bracket
		return dst
	}
	return append(dst, bracket)
}

func (v Value) appendIntJSON(dst []byte) []byte {
	h := v.head()
	switch {
	case h.major == majorUint:
		return strconv.AppendUint(dst, h.arg, 10)
	case h.major == majorNegative && h.arg <= math.MaxInt64:
		return strconv.AppendInt(dst, ^int64(h.arg), 10)
	case len(v) > maxDigits*2/5: // more digits than FromJSON takes, at 2.41 a byte
		dst = strconv.AppendUint(append(dst, `{"$tag":[`...), h.arg, 10)
		return append(Value(v[h.size:]).AppendJSON(append(dst, ',')), `]}`...)
	}
	return v.Big().Append(dst, 10)
}

func appendFloatJSON(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `{"$number":"NaN"}`...)
	case math.IsInf(f, 1):
		return append(dst, `{"$number":"Infinity"}`...)
	case math.IsInf(f, -1):
		return append(dst, `{"$number":"-Infinity"}`...)
	case math.Abs(f) > maxSafe:
		// An exponent tells it from an integer of the same digits.
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	return append(dst, formatNumber(f)...)
}

func appendTextJSON(dst, s []byte) []byte {
	if !slices.ContainsFunc(s, needsEscape) {
		return append(append(append(dst, '"'), s...), '"')
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(string(s)); err != nil {
		return append(dst, `""`...) // unreachable: a string always encodes
	}
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// needsEscape says that a byte may be one that JSON text cannot hold as it is.
func needsEscape(b byte) bool { return b < ' ' || b == '"' || b == '\\' || b > '~' }
