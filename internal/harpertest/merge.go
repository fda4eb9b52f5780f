package harpertest

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"recourse/audit"
)

// applyPatch is one level of merging, increments applied.
func applyPatch(fields map[string]audit.Value, patch audit.Value) {
	for k, v := range patch.Fields() {
		d := delta(v)
		switch old := fields[k]; {
		case d == nil:
			fields[k] = v
		case numeric(old):
			fields[k] = addNumbers(old, d, 1)
		case old.Kind() == audit.KindText && isNumberText(old.Text()):
			fields[k] = audit.Text(old.Text() + jsText(d))
		default:
			fields[k] = d
		}
	}
}

// numeric says that JavaScript's isNaN is false and adding is arithmetic: a
// number, or null, which counts as 0.
func numeric(v audit.Value) bool {
	switch v.Kind() {
	case audit.KindInt, audit.KindNull:
		return true
	case audit.KindFloat:
		f, _ := v.Float64()
		return !math.IsNaN(f)
	}
	return false
}

// isNumberText says that JavaScript takes a text for a number.
func isNumberText(s string) bool {
	_, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return err == nil || strings.TrimSpace(s) == ""
}

// addNumbers is a + sign·b as JavaScript computes it; integers above 2^53 are
// BigInts and exact.
func addNumbers(a, b audit.Value, sign int64) audit.Value {
	if b.Kind() == audit.KindText && sign > 0 {
		return audit.Text(jsText(a) + b.Text())
	}
	x, xExact := a.Float64()
	y, yExact := b.Float64()
	if isBig(a, x, xExact) || isBig(b, y, yExact) {
		if p, q := a.Big(), b.Big(); p != nil && q != nil {
			return audit.BigInt(p.Add(p, q.Mul(q, big.NewInt(sign))))
		}
	}
	return audit.Float(x + float64(sign)*y)
}

func isBig(v audit.Value, f float64, exact bool) bool {
	return v.Kind() == audit.KindInt && (!exact || math.Abs(f) > 1<<53)
}

func jsText(v audit.Value) string {
	if v.Kind() == audit.KindText {
		return v.Text()
	}
	return plainJSON(v)
}
