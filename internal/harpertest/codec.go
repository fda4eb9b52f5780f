package harpertest

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"

	"recourse/audit"
)

// field and obj are a JavaScript object on its way out: its attributes keep
// their order.
type field struct {
	name string
	val  any
}
type obj []field

// undefined is JavaScript's: JSON leaves the attribute out, CBOR and
// MessagePack have a code for it.
type undefined struct{}

// maybe is an attribute's text, or undefined.
func maybe(s string) any {
	if s == "" {
		return undefined{}
	}
	return s
}

// plainJSON is v as Harper prints it: dates as text, bytes as Buffer prints
// itself, NaN as null.
func plainJSON(v any) string { return string(appendJSON(nil, v)) }

func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil, undefined:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case string:
		return appendString(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case audit.Time:
		return append(b, v.String()...)
	case audit.ID:
		return append(b, v...)
	case audit.Op:
		return appendString(b, string(v))
	case audit.Value:
		return appendValueJSON(b, v)
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, e)
		}
		return append(b, ']')
	case obj:
		b = append(b, '{')
		n := len(b)
		for _, f := range v {
			if _, none := f.val.(undefined); none {
				continue
			}
			if val, ok := f.val.(audit.Value); ok && val == nil {
				continue
			}
			if len(b) > n {
				b = append(b, ',')
			}
			b = append(appendString(b, f.name), ':')
			b = appendJSON(b, f.val)
		}
		return append(b, '}')
	}
	panic("harpertest: no JSON for this type") // unreachable: the types above are all that is built
}

func appendString(b []byte, s string) []byte {
	var w bytes.Buffer
	e := json.NewEncoder(&w)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return append(b, bytes.TrimSuffix(w.Bytes(), []byte("\n"))...)
}

func appendValueJSON(b []byte, v audit.Value) []byte {
	switch v.Kind() {
	case audit.KindText:
		return appendString(b, v.Text())
	case audit.KindFloat:
		f, _ := v.Float64()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return append(b, "null"...)
		}
		return append(b, audit.Time(f).String()...)
	case audit.KindDate:
		if t, ok := v.Time(); ok {
			return append(t.AppendFormat(append(b, '"'), "2006-01-02T15:04:05.000Z"), '"')
		}
		return append(b, "null"...)
	case audit.KindBytes:
		b = append(b, `{"type":"Buffer","data":[`...)
		for i, c := range v.Bytes() {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(c), 10)
		}
		return append(b, "]}"...)
	case audit.KindArray, audit.KindObject:
		return appendJSON(b, explode(v))
	case audit.KindTagged:
		_, content := v.Tag()
		return appendValueJSON(b, content)
	}
	return v.AppendJSON(b) // null, booleans, integers
}

// explode opens a container's first level.
func explode(v audit.Value) any {
	if v.Kind() == audit.KindArray {
		out := make([]any, 0, v.Len())
		for e := range v.Elems() {
			out = append(out, e)
		}
		return out
	}
	out := make(obj, 0, v.Len())
	for k, e := range v.Fields() {
		out = append(out, field{k, e})
	}
	return out
}

// likeJSONParse rounds integers above 2^53, as the operations API's JSON.parse
// does; the REST interface keeps them.
func likeJSONParse(v audit.Value) audit.Value {
	switch v.Kind() {
	case audit.KindInt:
		if f, exact := v.Float64(); !exact || math.Abs(f) > 1<<53 {
			return audit.Float(f)
		}
	case audit.KindArray:
		elems := make([]audit.Value, 0, v.Len())
		for e := range v.Elems() {
			elems = append(elems, likeJSONParse(e))
		}
		return audit.Array(elems...)
	case audit.KindObject:
		fields := make(map[string]audit.Value, v.Len())
		for k, e := range v.Fields() {
			fields[k] = likeJSONParse(e)
		}
		return audit.Object(fields)
	}
	return v
}
