package query

import (
	"math/big"

	"recourse/audit"
)

// An exactSum adds numbers up without rounding, so that their order does not
// matter.
type exactSum struct {
	n     int64
	whole *big.Int   // what n does not hold
	rest  *big.Float // of floats
}

// sumBits is how many bits a sum of floats needs to be exact: all that they have.
const sumBits = 2200

func (s *exactSum) add(v audit.Value) {
	if i, ok := v.Int64(); ok {
		if sum := s.n + i; (sum > s.n) == (i > 0) {
			s.n = sum
			return
		}
	}
	if n := v.Big(); n != nil {
		if s.whole == nil {
			s.whole = new(big.Int)
		}
		s.whole.Add(s.whole, n)
		return
	}
	f, _ := v.Float64()
	if s.rest == nil {
		s.rest = new(big.Float).SetPrec(sumBits)
	}
	s.rest.Add(s.rest, new(big.Float).SetFloat64(f))
}

// total is the whole sum.
func (s *exactSum) total() *big.Float {
	sum := new(big.Float).SetPrec(sumBits).SetInt64(s.n)
	if s.whole != nil {
		sum.Add(sum, new(big.Float).SetPrec(sumBits).SetInt(s.whole))
	}
	if s.rest != nil {
		sum.Add(sum, s.rest)
	}
	return sum
}

// value is the sum: whole if all numbers were, and else the nearest float.
func (s *exactSum) value() any {
	if s.rest == nil {
		sum := big.NewInt(s.n)
		if s.whole != nil {
			sum.Add(sum, s.whole)
		}
		return cell(audit.BigInt(sum))
	}
	f, _ := s.total().Float64()
	return f
}

// over is the sum parted by n.
func (s *exactSum) over(n int) any {
	f, _ := new(big.Float).SetPrec(sumBits).Quo(s.total(), new(big.Float).SetInt64(int64(n))).Float64()
	return f
}
