package revert

import (
	"math"
	"math/big"
	"strconv"

	"recourse/audit"
)

// A number as people and JSON read it: the shortest decimal that stands for the
// float64. Differences are taken of these decimals, so that 14063.65-4063.65 is
// 10000 and not 9999.999999999998.
func rat(v audit.Value) (*big.Rat, bool) {
	switch v.Kind() {
	case audit.KindInt:
		return new(big.Rat).SetInt(v.Big()), true
	case audit.KindFloat:
		f, _ := v.Float64()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, false
		}
		return new(big.Rat).SetString(strconv.FormatFloat(f, 'g', -1, 64))
	}
	return nil, false
}

// ratOrZero counts what is not there as 0, as Harper does when it increments.
func ratOrZero(v audit.Value) (*big.Rat, bool) {
	if blank(v) {
		return new(big.Rat), true
	}
	return rat(v)
}

// number turns a decimal back into a value; an integer only stays one beyond
// 2^53 if whole says that all its terms were integers.
func number(r *big.Rat, whole bool) audit.Value {
	if whole && r.IsInt() {
		return audit.BigInt(r.Num())
	}
	f, _ := r.Float64()
	return audit.Float(f)
}

// difference is a-b, and whether both are numbers; absent counts as 0.
func difference(a, b audit.Value) (audit.Value, bool) {
	x, ok := ratOrZero(a)
	y, ok2 := ratOrZero(b)
	if !ok || !ok2 {
		return nil, false
	}
	return number(x.Sub(x, y), isWhole(a) && isWhole(b)), true
}

// plus is a+b, and whether both are numbers; absent counts as 0.
func plus(a, b audit.Value) (audit.Value, bool) {
	x, ok := ratOrZero(a)
	y, ok2 := ratOrZero(b)
	if !ok || !ok2 {
		return nil, false
	}
	return number(x.Add(x, y), isWhole(a) && isWhole(b)), true
}

func isWhole(v audit.Value) bool { return blank(v) || v.Kind() == audit.KindInt }

// isNumber says that v is one that can be added to: neither NaN nor an infinity.
func isNumber(v audit.Value) bool {
	switch v.Kind() {
	case audit.KindInt:
		return true
	case audit.KindFloat:
		f, _ := v.Float64()
		return !math.IsNaN(f) && !math.IsInf(f, 0)
	}
	return false
}

// added is what Harper makes of an increment: a sum of two float64.
func added(current, inc audit.Value) (audit.Value, bool) {
	if current.Kind() == audit.KindInt && inc.Kind() == audit.KindInt {
		return plus(current, inc)
	}
	a, ok := float(current)
	b, ok2 := float(inc)
	return audit.Float(a + b), ok && ok2
}

func float(v audit.Value) (float64, bool) {
	if blank(v) {
		return 0, true
	}
	f, _ := v.Float64()
	return f, v.Kind() == audit.KindInt || v.Kind() == audit.KindFloat
}

// sameSum says that two sums of the same floats are equal but for rounding:
// float addition depends on the order, and Harper on LMDB stores a float in the
// fewest decimal digits that are near enough (docs/harper.md).
func sameSum(a, b audit.Value) bool {
	x, ok := float(a)
	y, ok2 := float(b)
	const relative = 1e-9
	return ok && ok2 && !blank(a) && !blank(b) && math.Abs(x-y) <= relative*max(1, math.Abs(x), math.Abs(y))
}
