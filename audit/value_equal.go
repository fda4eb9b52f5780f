package audit

import (
	"bytes"
	"math"
)

// Equal says that two values are the same, numbers by value: the integer 2^60
// equals the float 2^60. NaN equals NaN; null and missing differ.
func (v Value) Equal(w Value) bool {
	if bytes.Equal(v, w) {
		return (v == nil) == (w == nil)
	}
	if len(v) > 0 && len(w) > 0 && (v[0]|w[0])>>5 <= majorText {
		return false // neither is a float, a tag or holds others
	}
	vk, wk := v.Kind(), w.Kind()
	switch {
	case vk == KindInt && wk == KindFloat:
		return equalIntFloat(v, w)
	case vk == KindFloat && wk == KindInt:
		return equalIntFloat(w, v)
	case vk == KindDate && wk == KindDate:
		a, _ := v.DateMillis()
		b, _ := w.DateMillis()
		return a == b || math.IsNaN(a) && math.IsNaN(b)
	case vk != wk:
		return false
	case vk == KindArray || vk == KindObject:
		return equalInside(v.inside(), w.inside())
	}
	return false
}

func equalIntFloat(i, f Value) bool {
	a, exact := i.Float64()
	return exact && a == f.float()
}

// equalInside walks both at once: the names of equal objects stand in one order.
func equalInside(a, b items) bool {
	if a.left != b.left {
		return false
	}
	for a.left > 0 {
		if !a.next().Equal(b.next()) {
			return false
		}
	}
	return true
}
