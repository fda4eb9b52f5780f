package rules

import (
	"math"
	"math/big"
)

// A number is an int64 or a float64.
type number struct {
	i     int64
	f     float64
	float bool
}

func numberOf(x any) (number, bool) {
	switch x := x.(type) {
	case int64:
		return number{i: x}, true
	case int:
		return number{i: int64(x)}, true
	case float64:
		return number{f: x, float: true}, !math.IsNaN(x)
	}
	return number{}, false
}

func (n number) float64() float64 {
	if n.float {
		return n.f
	}
	return float64(n.i)
}

// exactly is 2^53, up to which a float64 counts without a gap.
const exactly = 1 << 53

// cmp compares exactly, without rounding an integer to a float.
func (n number) cmp(m number) int {
	switch {
	case n.float && m.float:
		return cmpOrdered(n.f, m.f)
	case !n.float && !m.float:
		return cmpOrdered(n.i, m.i)
	case n.float:
		return -m.cmp(n)
	case math.IsInf(m.f, 0):
		return -cmpOrdered(m.f, 0)
	case n.i >= -exactly && n.i <= exactly:
		return cmpOrdered(float64(n.i), m.f)
	}
	return new(big.Float).SetInt64(n.i).Cmp(big.NewFloat(m.f))
}

func cmpOrdered[T int64 | float64 | string](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
