package query

import (
	"cmp"
	"math"
	"math/big"
	"strconv"
	"strings"

	"recourse/audit"
)

// A Table is rows, as pipes give them. A value is nil (there is none, or it is not
// known), string, bool, int, float64, audit.Seq, audit.Time, audit.ID, audit.Value
// or []string.
type Table struct {
	Columns []string
	Rows    [][]any
}

// cell is a value as rows hold it.
func cell(v audit.Value) any {
	if v == nil {
		return nil
	}
	return v
}

// asValue is what stands in a row as a value: times are milliseconds.
func asValue(x any) audit.Value {
	switch x := x.(type) {
	case string:
		return audit.Text(x)
	case bool:
		return audit.Bool(x)
	case int:
		return audit.Int(int64(x))
	case float64:
		return audit.Float(x)
	case audit.Seq:
		return audit.BigInt(new(big.Int).SetUint64(uint64(x)))
	case audit.Time:
		return audit.Float(float64(x))
	case audit.ID:
		return x.Value()
	case audit.Value:
		return x
	case []string:
		texts := make([]audit.Value, len(x))
		for i, s := range x {
			texts[i] = audit.Text(s)
		}
		return audit.Array(texts...)
	}
	return nil
}

// cellKey is a text that two values have in common exactly if they are the same
// value: 1 and 1.0 are, 1 and "1" are not.
func cellKey(x any) string {
	switch x := x.(type) {
	case string:
		return "t" + x
	case nil:
		return "n"
	}
	return string(appendKey(nil, asValue(x)))
}

func appendKey(dst []byte, v audit.Value) []byte {
	switch v.Kind() {
	case audit.KindText:
		return append(append(dst, 't'), v.TextBytes()...)
	case audit.KindInt, audit.KindFloat:
		if i, ok := v.Int64(); ok {
			return strconv.AppendInt(append(dst, '#'), i, 10)
		}
		if f, _ := v.Float64(); finite(f) {
			return append(append(dst, '#'), rational(v).RatString()...)
		}
		if n := v.Big(); n != nil { // no float can hold it
			return n.Append(append(dst, '#'), 10)
		}
	case audit.KindArray:
		for e := range v.Elems() {
			dst = append(strconv.AppendQuote(append(dst, '['), string(appendKey(nil, e))), ',')
		}
		return append(dst, ']')
	case audit.KindObject:
		for name, e := range v.Fields() {
			dst = strconv.AppendQuote(append(dst, '{'), name)
			dst = append(strconv.AppendQuote(dst, string(appendKey(nil, e))), ',')
		}
		return append(dst, '}')
	}
	return append(append(dst, 'v'), v...)
}

// The ranks of values of different types, in the order in which they are sorted.
const (
	rankNumber = iota
	rankDate
	rankText
	rankBool
	rankOther
	rankNone    // null
	rankMissing // there is no value
)

func rankOf(v audit.Value) int {
	switch v.Kind() {
	case audit.KindInt, audit.KindFloat:
		if f, _ := v.Float64(); math.IsNaN(f) {
			return rankOther
		}
		return rankNumber
	case audit.KindDate:
		if ms, _ := v.DateMillis(); math.IsNaN(ms) {
			return rankOther
		}
		return rankDate
	case audit.KindText:
		return rankText
	case audit.KindBool:
		return rankBool
	case audit.KindNull:
		return rankNone
	}
	if v == nil {
		return rankMissing
	}
	return rankOther
}

// compareCells is the order of values: numbers by size, dates, texts by their
// characters, false before true, all else by its JSON. What has no value comes last
// in either direction, so that is said apart.
func compareCells(a, b any) (order int, none bool) {
	v, w := asValue(a), asValue(b)
	r, s := rankOf(v), rankOf(w)
	if r >= rankNone || s >= rankNone {
		return cmp.Compare(r, s), r != s
	}
	if r != s {
		return cmp.Compare(r, s), false
	}
	switch r {
	case rankNumber:
		c, _ := compareNumbers(v, w)
		return c, false
	case rankDate:
		m, _ := v.DateMillis()
		n, _ := w.DateMillis()
		return cmp.Compare(m, n), false
	case rankText:
		return strings.Compare(v.Text(), w.Text()), false
	case rankBool:
		return cmp.Compare(boolRank(v.Bool()), boolRank(w.Bool())), false
	}
	return strings.Compare(v.JSON(), w.JSON()), false
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// cellSize is about how many bytes a value takes in memory.
func cellSize(x any) int64 {
	const head = 24
	switch x := x.(type) {
	case string:
		return head + int64(len(x))
	case audit.Value:
		return head + int64(len(x))
	case audit.ID:
		return head + int64(len(x))
	case []string:
		n := int64(head)
		for _, s := range x {
			n += head + int64(len(s))
		}
		return n
	}
	return head
}
