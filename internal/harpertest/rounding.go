package harpertest

import (
	"math"

	"recourse/audit"
)

// stored is a record as it comes back from disk. On LMDB, msgpackr's typed
// structures keep a number of few digits as a float32 and round it to them when
// they read it (struct.js of msgpackr 1.11), so that 274.39 - 24.49, which is
// 249.89999999999998, is 249.9 the next time.
func (s *Server) stored(v audit.Value) audit.Value {
	if s.line == RocksDB {
		return v
	}
	for name, e := range v.Fields() {
		if e.Kind() != audit.KindFloat {
			continue
		}
		f, _ := e.Float64()
		if r := roundTyped(f); r != f && !math.IsNaN(f) {
			v = v.With(name, audit.Float(r))
		}
	}
	return v
}

func roundTyped(f float64) float64 {
	if !(f < 1<<32 && f >= -1<<31) {
		return f
	}
	short := float32(f)
	exp := math.Float32bits(short) >> 23 & 0xff
	if top := exp >> 6; top != 1 && top != 2 {
		return f // too small or too large for the short form
	}
	mult := math.Pow(10, math.Floor(45.15-float64(exp)*0.30103))
	if x := f * mult; x != math.Trunc(x) || math.Abs(x) >= 1<<31 {
		return f
	}
	half := math.Copysign(0.5, f)
	return math.Trunc(mult*float64(short)+half) / mult
}
