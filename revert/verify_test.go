package revert

import (
	"testing"

	"recourse/audit"
)

// TestSameSum: sums that differ by rounding are the same, others are not.
func TestSameSum(t *testing.T) {
	for _, c := range []struct {
		a, b audit.Value
		want bool
	}{
		{audit.Float(0.1 + 0.2), audit.Float(0.3), true},
		{audit.Float(249.89999999999998), audit.Float(249.9), true},
		{audit.Float(4063.65 + 5000 - 5000), audit.Float(4063.65), true},
		{audit.Float(249.9), audit.Float(249.91), false},
		{audit.Int(1000000), audit.Int(1000001), false},
		{audit.Float(1e-12), audit.Int(0), true},
		{nil, audit.Int(0), false},
		{audit.Text("1"), audit.Int(1), false},
	} {
		if got := sameSum(c.a, c.b); got != c.want {
			t.Errorf("%s and %s: %v, want %v", c.a.JSON(), c.b.JSON(), got, c.want)
		}
	}
}
