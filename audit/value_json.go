package audit

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// FromJSON reads plain JSON, as Harper answers it: an integer without exponent
// keeps all its digits, any other number is the float64 nearest to it.
func FromJSON(data []byte) (Value, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := jsonItem(d, 0)
	if err != nil {
		return nil, jsonError(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read JSON: something follows the value")
	}
	return v, nil
}

func jsonError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = ErrTruncated
	}
	return fmt.Errorf("read JSON: %w", err)
}

func jsonItem(d *json.Decoder, depth int) (Value, error) {
	if depth > MaxDepth {
		return nil, ErrTooDeep
	}
	tok, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch tok := tok.(type) {
	case nil:
		return Null(), nil
	case bool:
		return Bool(tok), nil
	case string:
		return Text(tok), nil
	case json.Number:
		return numberValue(string(tok))
	case json.Delim:
		if tok == '[' {
			return jsonArray(d, depth)
		}
		return jsonObject(d, depth)
	}
	return nil, fmt.Errorf("unexpected %v", tok)
}

func jsonArray(d *json.Decoder, depth int) (Value, error) {
	var elems []Value
	for d.More() {
		e, err := jsonItem(d, depth+1)
		if err != nil {
			return nil, err
		}
		elems = append(elems, e)
	}
	_, err := d.Token()
	return Array(elems...), err
}

func jsonObject(d *json.Decoder, depth int) (Value, error) {
	var pairs []pair
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		e, err := jsonItem(d, depth+1)
		if err != nil {
			return nil, err
		}
		s, _ := name.(string)
		pairs = append(pairs, pair{appendText(nil, s), e})
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	return appendPairs(nil, pairs), nil
}

func numberValue(s string) (Value, error) {
	if !strings.ContainsAny(s, ".eE") {
		// An integer of this many digits is no number that anybody uses, and
		// reading one costs the square of its length.
		const maxDigits = 4096
		if n, ok := new(big.Int).SetString(s, 10); ok && len(s) <= maxDigits {
			return BigInt(n), nil
		}
		return nil, fmt.Errorf("number of %d digits", len(s))
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return nil, err
	}
	return Float(f), nil
}

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
		return v.Big().Append(dst, 10)
	case KindFloat:
		return appendFloatJSON(dst, v.float())
	case KindText:
		return appendTextJSON(dst, v.Text())
	case KindBytes:
		dst = append(dst, `{"$bytes":"`...)
		return append(base64.StdEncoding.AppendEncode(dst, v.Bytes()), `"}`...)
	case KindDate:
		if t, ok := v.Time(); ok {
			dst = append(dst, `{"$date":"`...)
			return append(t.AppendFormat(dst, "2006-01-02T15:04:05.000Z"), `"}`...)
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
	names := v.Names()
	wrap := len(names) == 1 && strings.HasPrefix(names[0], "$")
	if wrap {
		dst = append(dst, `{"$object":`...)
	}
	dst = append(dst, '{')
	fields := make(map[string]Value, len(names))
	for k, e := range v.Fields() {
		fields[k] = e
	}
	for _, k := range names {
		dst = append(appendTextJSON(dst, k), ':')
		dst = append(fields[k].AppendJSON(dst), ',')
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

func appendTextJSON(dst []byte, s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return append(dst, `""`...) // unreachable: a string always encodes
	}
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// UnmarshalJSON reads what JSON printed.
func (v *Value) UnmarshalJSON(data []byte) error {
	plain, err := FromJSON(data)
	if err != nil {
		return err
	}
	got, err := typed(plain)
	if err != nil {
		return err
	}
	*v = got
	return nil
}

// typed replaces the dollar objects in v by what they stand for.
func typed(v Value) (Value, error) {
	switch v.Kind() {
	case KindArray:
		elems := make([]Value, 0, v.Len())
		for e := range v.Elems() {
			t, err := typed(e)
			if err != nil {
				return nil, err
			}
			elems = append(elems, t)
		}
		return Array(elems...), nil
	case KindObject:
		if names := v.Names(); len(names) == 1 && strings.HasPrefix(names[0], "$") {
			return typedDollar(names[0], v.Get(names[0]))
		}
		return typedFields(v)
	}
	return v, nil
}

func typedFields(v Value) (Value, error) {
	fields := make(map[string]Value, v.Len())
	for k, e := range v.Fields() {
		t, err := typed(e)
		if err != nil {
			return nil, err
		}
		fields[k] = t
	}
	return Object(fields), nil
}

func typedDollar(name string, v Value) (Value, error) {
	switch name {
	case "$object":
		return typedFields(v)
	case "$bytes":
		b, err := base64.StdEncoding.DecodeString(v.Text())
		if err != nil {
			return nil, fmt.Errorf("read JSON: $bytes: %w", err)
		}
		return BytesValue(b), nil
	case "$date":
		if v.Kind() == KindNull {
			return DateOf(math.NaN()), nil
		}
		t, err := parseISO(v.Text())
		if err != nil {
			return nil, fmt.Errorf("read JSON: $date: %w", err)
		}
		return Date(t), nil
	case "$number":
		if i := slices.Index([]string{"NaN", "Infinity", "-Infinity"}, v.Text()); i >= 0 {
			return Float([]float64{math.NaN(), math.Inf(1), math.Inf(-1)}[i]), nil
		}
	case "$tag":
		parts := slices.Collect(v.Elems())
		if len(parts) == 2 && parts[0].Kind() == KindInt && parts[0].Big().IsUint64() {
			content, err := typed(parts[1])
			if err != nil {
				return nil, err
			}
			return Decode(append(appendHead(nil, majorTag, parts[0].Big().Uint64()), content...))
		}
	}
	return nil, fmt.Errorf("read JSON: {%q:…} is not a type of ours", name)
}
