package rules

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"

	"recourse/audit"
)

// Conditions see a record's values as Go's: nil for null and for what is not
// there, bool, int64, float64, string, []byte, []any, map[string]any. A date is
// its milliseconds since 1970, so that it compares with ts; an integer that
// int64 does not hold is the nearest float64.

func fromValue(v audit.Value) any {
	switch v.Kind() {
	case audit.KindBool:
		return v.Bool()
	case audit.KindInt:
		if n := v.Big(); n.IsInt64() {
			return n.Int64()
		}
		f, _ := v.Float64()
		return f
	case audit.KindFloat:
		f, _ := v.Float64()
		return f
	case audit.KindText:
		return v.Text()
	case audit.KindBytes:
		return slices.Clone(v.Bytes())
	case audit.KindDate:
		if ms, _ := v.DateMillis(); !math.IsNaN(ms) {
			return ms
		}
		return nil
	case audit.KindArray:
		out := make([]any, 0, v.Len())
		for e := range v.Elems() {
			out = append(out, fromValue(e))
		}
		return out
	case audit.KindObject:
		out := make(map[string]any, v.Len())
		for k, e := range v.Fields() {
			out[k] = fromValue(e)
		}
		return out
	case audit.KindTagged:
		_, content := v.Tag()
		return fromValue(content)
	}
	return nil
}

// compare orders two numbers or two texts; nothing else has an order.
func compare(a, b any) (int, bool) {
	if s, ok := a.(string); ok {
		t, ok := b.(string)
		return cmpOrdered(s, t), ok
	}
	n, ok := numberOf(a)
	if !ok {
		return 0, false
	}
	m, ok := numberOf(b)
	if !ok {
		return 0, false
	}
	return n.cmp(m), true
}

// equal says that two values are the same, numbers by value.
func equal(a, b any) bool {
	if n, ok := numberOf(a); ok {
		m, ok := numberOf(b)
		return ok && n.cmp(m) == 0
	}
	switch a := a.(type) {
	case nil:
		return b == nil
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case string:
		b, ok := b.(string)
		return ok && a == b
	case []byte:
		b, ok := b.([]byte)
		return ok && bytes.Equal(a, b)
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			if w, ok := b[k]; !ok || !equal(v, w) {
				return false
			}
		}
		return true
	}
	x, ok := elements(a)
	if !ok {
		return false
	}
	y, ok := elements(b)
	return ok && slices.EqualFunc(x, y, equal)
}

// elements is a list's elements, of whatever type it is.
func elements(x any) ([]any, bool) {
	switch x := x.(type) {
	case []any:
		return x, true
	case []string:
		out := make([]any, len(x))
		for i, s := range x {
			out[i] = s
		}
		return out, true
	case []int: // what the optimizer makes of a list of numbers
		out := make([]any, len(x))
		for i, n := range x {
			out[i] = n
		}
		return out, true
	case *namedList:
		return x.items, true
	}
	return nil, false
}

// A namedList is a list of a rule file.
type namedList struct {
	kind  itemType // empty: texts and numbers, as they stand
	items []any
	texts map[string]bool
}

func (l *namedList) add(item any) {
	l.items = append(l.items, item)
	if s, ok := item.(string); ok {
		if l.texts == nil {
			l.texts = map[string]bool{}
		}
		l.texts[s] = true
	}
}

func (l *namedList) has(x any) bool {
	if s, ok := x.(string); ok {
		return l.texts[s]
	}
	return slices.ContainsFunc(l.items, func(y any) bool { return equal(x, y) })
}

// fingerprint stands for a value where the value itself must not be shown.
func fingerprint(x any) string {
	v, err := audit.Of(x)
	if err != nil {
		v = audit.Null()
	}
	sum := sha256.Sum256(v)
	return hex.EncodeToString(sum[:fingerprintSize])
}

// fingerprintSize is how many bytes of a hash make a fingerprint.
const fingerprintSize = 6

// growth is the largest new/old among the numbers that stand at the same place
// in two values; nil when there is none.
func growth(old, next any) any {
	if n, ok := numberOf(next); ok {
		o, ok := numberOf(old)
		return quotient(n, o, ok)
	}
	var best any
	keep := func(g any) {
		if g == nil {
			return
		}
		if c, ok := compare(g, best); best == nil || ok && c > 0 {
			best = g
		}
	}
	switch next := next.(type) {
	case map[string]any:
		if old, ok := old.(map[string]any); ok {
			for k, v := range next {
				keep(growth(old[k], v))
			}
		}
	case []any:
		if old, ok := old.([]any); ok {
			for i := range min(len(old), len(next)) {
				keep(growth(old[i], next[i]))
			}
		}
	}
	return best
}

// quotient is n/o, or nil when o is no number or zero.
func quotient(n, o number, ok bool) any {
	if !ok || o.float64() == 0 {
		return nil
	}
	return finite(n.float64() / o.float64())
}

func finite(f float64) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return f
}

// difference is n-o, exact for integers that int64 holds.
func difference(n, o number) any {
	if !n.float && !o.float {
		if d := n.i - o.i; (d < n.i) == (o.i > 0) {
			return d
		}
	}
	return finite(n.float64() - o.float64())
}

// entropy is the bits of information in each character of s, if its characters
// were drawn at random as often as they stand there.
func entropy(s string) float64 {
	counts, n := map[rune]int{}, 0
	for _, r := range s {
		counts[r]++
		n++
	}
	sorted := make([]int, 0, len(counts))
	for _, k := range counts {
		sorted = append(sorted, k)
	}
	slices.Sort(sorted) // sums of floats depend on their order
	bits := 0.0
	for _, k := range sorted {
		p := float64(k) / float64(n)
		bits -= p * math.Log2(p)
	}
	return bits
}
