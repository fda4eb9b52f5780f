package querytest

import (
	"cmp"
	"math"
	"math/big"
	"slices"
	"strings"

	"recourse/audit"
	"recourse/query"
)

// rank orders values of different types; what is none comes last, whichever way.
func rank(x any) (int, audit.Value) {
	v := toValue(x)
	f, _ := v.Float64()
	ms, _ := v.DateMillis()
	switch k := v.Kind(); {
	case v == nil:
		return 6, v
	case k == audit.KindNull:
		return 5, v
	case number(v) && !math.IsNaN(f):
		return 0, v
	case k == audit.KindDate && !math.IsNaN(ms):
		return 1, v
	case k == audit.KindText:
		return 2, v
	case k == audit.KindBool:
		return 3, v
	}
	return 4, v
}

func toValue(x any) audit.Value {
	switch x := x.(type) {
	case nil:
		return nil
	case audit.Value:
		return x
	case audit.ID:
		return x.Value()
	case audit.Seq:
		return audit.Int(int64(x))
	case audit.Time:
		return audit.Float(float64(x))
	case []string:
		var all []audit.Value
		for _, s := range x {
			all = append(all, audit.Text(s))
		}
		return audit.Array(all...)
	}
	v, err := audit.Of(x)
	if err != nil {
		panic(err)
	}
	return v
}

func order(a, b any, desc bool) int {
	r, v := rank(a)
	s, w := rank(b)
	c := cmp.Compare(r, s)
	if r >= 5 || s >= 5 {
		return c
	}
	if c == 0 {
		switch r {
		case 0:
			c = exactly(v).Cmp(exactly(w))
		case 1:
			x, _ := v.DateMillis()
			y, _ := w.DateMillis()
			c = cmp.Compare(x, y)
		case 2:
			c = strings.Compare(v.Text(), w.Text())
		default:
			c = strings.Compare(v.JSON(), w.JSON()) // false before true as well
		}
	}
	if desc {
		return -c
	}
	return c
}

// exactly is a number as a float of any precision; infinities are further than all
// others.
func exactly(v audit.Value) *big.Float {
	if n := v.Big(); n != nil {
		return new(big.Float).SetPrec(3000).SetInt(n)
	}
	f, _ := v.Float64()
	return new(big.Float).SetPrec(3000).SetFloat64(f)
}

func (e *evaluation) sort(p query.PipeSort) {
	less := func(value func(query.PipeField) (a, b any)) int {
		for _, k := range p.Keys {
			a, b := value(k.Field)
			if c := order(a, b, k.Desc); c != 0 {
				return c
			}
		}
		return 0
	}
	if e.columns == nil {
		slices.SortStableFunc(e.changes, func(a, b audit.Change) int {
			return less(func(f query.PipeField) (any, any) { return valueAt(&a, f.Name), valueAt(&b, f.Name) })
		})
		return
	}
	slices.SortStableFunc(e.rows, func(a, b []any) int {
		return less(func(f query.PipeField) (any, any) { i := slices.Index(e.columns, f.Name); return a[i], b[i] })
	})
}

// anyOf says whether a value passes, or one in it if it is an array.
func anyOf(v audit.Value, pass func(audit.Value) bool) bool {
	if v != nil && pass(v) {
		return true
	}
	for e := range v.Elems() {
		if anyOf(e, pass) {
			return true
		}
	}
	return false
}
