package revert

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"recourse/audit"
)

// An encoder appends a value of one type in canonical form. It is what canonical
// does by way of encoding/json, at a third of the work: fields are in their order
// from the start, and nothing is written twice. What a type has that it does not
// know goes by encoding/json.
type encoder func(dst []byte, v reflect.Value) ([]byte, error)

// encoders are those that were made, by type.
var encoders sync.Map

var (
	errNotUTF8    = errors.New("a text is not UTF-8")
	timeType      = reflect.TypeFor[audit.Time]()
	marshalerType = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	byteSliceType = reflect.TypeFor[[]byte]()
	changeIDType  = reflect.TypeFor[audit.ChangeID]()
	targetType    = reflect.TypeFor[Target]()
	actionType    = reflect.TypeFor[Action]()
	conflictType  = reflect.TypeFor[Conflict]()
	keptType      = reflect.TypeFor[Kept]()
)

const hexDigits = "0123456789abcdef"

// canonical is v as one line of JSON in the form of RFC 8785: names sorted by
// their UTF-16 units, no blanks, no needless escapes. Numbers are the exception:
// they stand as the typed form of audit.Value has them, which keeps integers of
// any size.
func canonical(v any) ([]byte, error) {
	const usual = 1 << 10
	return appendLine(make([]byte, 0, usual), v)
}

// appendLine appends what canonical makes.
func appendLine(dst []byte, v any) ([]byte, error) {
	rv := reflect.ValueOf(v)
	line, err := encoderOf(rv.Type())(dst, rv)
	if err != nil {
		return nil, err
	}
	return append(line, '\n'), nil
}

func encoderOf(t reflect.Type) encoder {
	if e, ok := encoders.Load(t); ok {
		return e.(encoder)
	}
	e, _ := encoders.LoadOrStore(t, newEncoder(t))
	return e.(encoder)
}

func newEncoder(t reflect.Type) encoder {
	switch {
	case t == valueType:
		return encodeValue
	case t == timeType:
		return encodeTime
	case t == changeIDType:
		return encodeChangeID
	case t == actionType:
		return linesOf(func(w *lineWriter, a *Action) { w.action(a) })
	case t == conflictType:
		return linesOf(func(w *lineWriter, c *Conflict) { w.conflict(c) })
	case t == keptType:
		return linesOf(func(w *lineWriter, k *Kept) { w.keptRecord(k) })
	case t == targetType:
		return linesOf(func(w *lineWriter, k *Target) { w.target(k) })
	case t.Implements(marshalerType), t == byteSliceType:
		return encodeOther
	case t.Implements(textMarshaler):
		return encodeText
	}
	switch t.Kind() {
	case reflect.String:
		return func(dst []byte, v reflect.Value) ([]byte, error) { return appendString(dst, v.String()) }
	case reflect.Bool:
		return func(dst []byte, v reflect.Value) ([]byte, error) { return strconv.AppendBool(dst, v.Bool()), nil }
	case reflect.Int:
		return func(dst []byte, v reflect.Value) ([]byte, error) { return strconv.AppendInt(dst, v.Int(), 10), nil }
	case reflect.Pointer:
		return func(dst []byte, v reflect.Value) ([]byte, error) {
			if v.IsNil() {
				return append(dst, "null"...), nil
			}
			return encoderOf(t.Elem())(dst, v.Elem())
		}
	case reflect.Slice:
		return encodeSlice
	case reflect.Map:
		if t.Key().Kind() == reflect.String && !t.Key().Implements(textMarshaler) {
			return encodeMap
		}
	case reflect.Struct:
		return structEncoder(t)
	}
	return encodeOther
}

// encodeOther goes by way of encoding/json.
func encodeOther(dst []byte, v reflect.Value) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v.Interface()); err != nil {
		return dst, err
	}
	return appendCanonical(dst, b.Bytes())
}

// encodeValue needs more than the value's own form only where that has escapes,
// or characters by which names may be in another order.
func encodeValue(dst []byte, v reflect.Value) ([]byte, error) {
	return appendValue(dst, audit.Value(v.Bytes()))
}

func appendValue(dst []byte, v audit.Value) ([]byte, error) {
	start := len(dst)
	dst = v.AppendJSON(dst)
	const order = 0xee // begins the encoding of U+E000 and what follows
	if tail := dst[start:]; slices.ContainsFunc(tail, func(c byte) bool { return c == '\\' || c >= order }) {
		return appendCanonical(dst[:start], append(slices.Clone(tail), '\n'))
	}
	return dst, nil
}

func encodeTime(dst []byte, v reflect.Value) ([]byte, error) {
	b, err := audit.Time(v.Float()).MarshalJSON()
	return append(dst, b...), err
}

func encodeChangeID(dst []byte, v reflect.Value) ([]byte, error) {
	dst = append(dst, '"')
	for i := range v.Len() {
		b := v.Index(i).Uint()
		dst = append(dst, hexDigits[b>>4], hexDigits[b&15])
	}
	return append(dst, '"'), nil
}

func encodeText(dst []byte, v reflect.Value) ([]byte, error) {
	b, err := v.Interface().(encoding.TextMarshaler).MarshalText()
	if err != nil {
		return dst, err
	}
	return appendString(dst, string(b))
}

func encodeSlice(dst []byte, v reflect.Value) ([]byte, error) {
	if v.IsNil() {
		return append(dst, "null"...), nil
	}
	e := encoderOf(v.Type().Elem())
	dst = append(dst, '[')
	var err error
	for i := range v.Len() {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = e(dst, v.Index(i)); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func encodeMap(dst []byte, v reflect.Value) ([]byte, error) {
	if v.IsNil() {
		return append(dst, "null"...), nil
	}
	e := encoderOf(v.Type().Elem())
	keys := v.MapKeys()
	if len(keys) > 1 {
		slices.SortFunc(keys, func(a, b reflect.Value) int { return compareUTF16(a.String(), b.String()) })
	}
	dst = append(dst, '{')
	var err error
	for i, k := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendString(dst, k.String()); err != nil {
			return dst, err
		}
		if dst, err = e(append(dst, ':'), v.MapIndex(k)); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// A field is one of a struct, as its JSON has it.
type field struct {
	index int
	name  string // quoted, with the colon
	key   string
	omit  bool // when empty
	enc   func() encoder
}

func structEncoder(t reflect.Type) encoder {
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || !f.IsExported() || name == "" || name == "-" || options != "" && options != "omitempty" {
			return encodeOther
		}
		quoted, err := appendString(nil, name)
		if err != nil {
			return encodeOther
		}
		fields = append(fields, field{index: i, name: string(quoted) + ":", key: name, omit: options != "",
			enc: sync.OnceValue(func() encoder { return encoderOf(f.Type) })})
	}
	slices.SortFunc(fields, func(a, b field) int { return compareUTF16(a.key, b.key) })
	return func(dst []byte, v reflect.Value) ([]byte, error) {
		dst = append(dst, '{')
		first := true
		for i := range fields {
			f := &fields[i]
			fv := v.Field(f.index)
			if f.omit && isEmpty(fv) {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			var err error
			if dst, err = f.enc()(append(dst, f.name...), fv); err != nil {
				return dst, fmt.Errorf("%s: %w", f.key, err)
			}
		}
		return append(dst, '}'), nil
	}
}

// isEmpty is what encoding/json omits.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

// appendString quotes a text with as few escapes as can be.
func appendString(dst []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return dst, errNotUTF8
	}
	dst = append(dst, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		if short := strings.IndexByte("\"\\\b\t\n\f\r", c); short >= 0 {
			dst = append(dst, '\\', `"\btnfr`[short])
		} else {
			dst = fmt.Appendf(dst, `\u%04x`, c)
		}
	}
	return append(append(dst, s[from:]...), '"'), nil
}
