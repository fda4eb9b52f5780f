package revert

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"sync"

	"recourse/audit"
)

// A lineWriter appends the lines that a plan has most of, in canonical form, field by
// field: at a third of what it takes by way of reflection. Members stand in the order
// of RFC 8785, which is that of their names here.
type lineWriter struct {
	b   []byte
	at  int // where the line's number stands
	err error
	// separate keeps the number out: it is put in when it is known.
	separate bool
	names    []string // memory
}

func (w *lineWriter) raw(s string) { w.b = append(w.b, s...) }

func (w *lineWriter) text(s string) {
	var err error
	if w.b, err = appendString(w.b, s); err != nil {
		w.fail("", err)
	}
}

func (w *lineWriter) fail(what string, err error) {
	if w.err != nil {
		return
	}
	if what != "" {
		err = fmt.Errorf("%s: %w", what, err)
	}
	w.err = err
}

func (w *lineWriter) number(n int) {
	if w.at = len(w.b); !w.separate {
		w.b = strconv.AppendInt(w.b, int64(n), 10)
	}
}

func (w *lineWriter) int(n int) { w.b = strconv.AppendInt(w.b, int64(n), 10) }

func (w *lineWriter) bool(v bool) { w.b = strconv.AppendBool(w.b, v) }

func (w *lineWriter) time(t audit.Time) {
	if f := math.Abs(float64(t)); f >= 1e-6 && f < 1e21 {
		w.b = strconv.AppendFloat(w.b, float64(t), 'f', -1, 64)
		return
	}
	b, err := t.MarshalJSON()
	if err != nil {
		w.fail("", err)
	}
	w.b = append(w.b, b...)
}

func (w *lineWriter) value(v audit.Value) {
	var err error
	if w.b, err = appendValue(w.b, v); err != nil {
		w.fail("", err)
	}
}

// optional is a member that is left out when it has no value. comma says that
// another member stands before it.
func (w *lineWriter) optional(name string, v audit.Value, comma bool) bool {
	if len(v) == 0 {
		return comma
	}
	w.comma(comma)
	w.raw(name)
	w.value(v)
	return true
}

func (w *lineWriter) comma(want bool) {
	if want {
		w.b = append(w.b, ',')
	}
}

func (w *lineWriter) id(id *audit.ChangeID) {
	w.b = append(w.b, '"')
	for _, b := range id {
		w.b = append(w.b, hexDigits[b>>4], hexDigits[b&15])
	}
	w.b = append(w.b, '"')
}

func (w *lineWriter) ids(ids []audit.ChangeID) { listOf(w, ids, (*lineWriter).id) }

func (w *lineWriter) target(t *Target) {
	if k := (*audit.Key)(t); plainText(k.Table.Database) && plainText(k.Table.Name) && plainID(string(k.ID)) {
		w.b = append(append(w.b, `["`...), k.Table.Database...)
		w.b = append(append(w.b, `","`...), k.Table.Name...)
		w.b = append(append(append(w.b, `",`...), k.ID...), ']')
		return
	}
	var err error
	if w.b, err = encodeOther(w.b, reflect.ValueOf(*t)); err != nil {
		w.fail("", err)
	}
}

// other is what goes by way of the encoder of its type.
func (w *lineWriter) other(v any) {
	line, err := canonical(v)
	if err != nil {
		w.fail("", err)
		return
	}
	w.b = append(w.b, line[:len(line)-1]...)
}

func (w *lineWriter) values(m map[string]audit.Value) {
	objectOf(w, m, (*lineWriter).value)
}

// listOf is a list; nil is null.
func listOf[T any](w *lineWriter, list []T, each func(*lineWriter, *T)) {
	if list == nil {
		w.raw("null")
		return
	}
	w.b = append(w.b, '[')
	for i := range list {
		w.comma(i > 0)
		each(w, &list[i])
	}
	w.b = append(w.b, ']')
}

// objectOf is an object of what a map has; nil is null.
func objectOf[K ~string, V any](w *lineWriter, m map[K]V, each func(*lineWriter, V)) {
	if m == nil {
		w.raw("null")
		return
	}
	w.b = append(w.b, '{')
	from := len(w.names)
	for n := range m {
		w.names = append(w.names, string(n))
	}
	names := w.names[from:]
	slices.SortFunc(names, compareUTF16)
	for i, n := range names {
		w.comma(i > 0)
		w.text(n)
		w.b = append(w.b, ':')
		each(w, m[K(n)])
	}
	w.names = w.names[:from]
	w.b = append(w.b, '}')
}

// lineWriters are those that nobody uses.
var lineWriters = sync.Pool{New: func() any { return new(lineWriter) }}

// linesOf is the encoder of a type that a lineWriter knows.
func linesOf[T any](write func(*lineWriter, *T)) encoder {
	return func(dst []byte, v reflect.Value) ([]byte, error) {
		var at *T
		if v.CanAddr() {
			at = v.Addr().Interface().(*T)
		} else {
			it := v.Interface().(T)
			at = &it
		}
		w := lineWriters.Get().(*lineWriter)
		*w = lineWriter{b: dst, names: w.names}
		write(w, at)
		line, err := w.b, w.err
		w.b = nil
		lineWriters.Put(w)
		return line, err
	}
}

// plainText says that a text is ASCII without anything that JSON, or HTML within it,
// would escape.
func plainText(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c > '~', c == '\\', c == '"', c == '<', c == '>', c == '&':
			return false
		}
	}
	return true
}

// plainID says that a key is plain text in quotes, or a number of digits alone.
func plainID(s string) bool {
	if n := len(s); n >= 2 && s[0] == '"' && s[n-1] == '"' {
		return plainText(s[1 : n-1])
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' || s[i] == '0' && i == 0 && len(s) > 1 {
			return false
		}
	}
	return s != ""
}
