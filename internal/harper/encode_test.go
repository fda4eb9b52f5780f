package harper

import (
	"bytes"
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"

	"recourse/audit"
)

func TestEncodeForHarper(t *testing.T) {
	v := object(t, everyType())
	raw := encodeForHarper(v)
	back, err := audit.Decode(raw)
	if err != nil || !bytes.Equal(back, v) {
		t.Fatalf("%v\n%s\n%s", err, v.JSON(), back.JSON())
	}
	// What another decoder sees is what Harper's does: 64-bit integers are
	// BigInts there.
	var fields map[string]any
	if err := cbor.Unmarshal(raw, &fields); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"int": uint64(7), "neg": int64(-70000), "u32": uint64(math.MaxUint32), "over32": float64(1 << 40), "under32": float64(-(1 << 40)),
		"safe": float64(maxSafe), "minsafe": float64(-maxSafe), "beyond": math.Ldexp(1, 60), "bigint": uint64(maxSafe + 3), "u64": uint64(math.MaxUint64), "half": 0.5,
		"huge": *new(big.Int).Lsh(big.NewInt(1), 200),
	} {
		if got := fields[name]; !equalAny(got, want) {
			t.Errorf("%s is %T %v, want %v", name, got, got, want)
		}
	}
}

func equalAny(a, b any) bool {
	if x, ok := a.(big.Int); ok {
		y, ok := b.(big.Int)
		return ok && x.Cmp(&y) == 0
	}
	return a == b
}

// anyValue generates values of every kind, nested.
func anyValue(depth int) *rapid.Generator[any] {
	kinds := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Int64().AsAny(), rapid.Float64().AsAny(), rapid.String().AsAny(),
		rapid.SliceOfN(rapid.Byte(), 0, 8).AsAny(),
		rapid.Custom(func(t *rapid.T) any { return time.UnixMilli(rapid.Int64Range(-1<<50, 1<<50).Draw(t, "ms")) }),
		rapid.Custom(func(t *rapid.T) any {
			return new(big.Int).Lsh(big.NewInt(rapid.Int64().Draw(t, "n")), rapid.UintRange(0, 90).Draw(t, "by"))
		}),
	}
	if depth > 0 {
		kinds = append(kinds,
			rapid.SliceOfN(anyValue(depth-1), 0, 4).AsAny(),
			rapid.MapOfN(rapid.String(), anyValue(depth-1), 0, 4).AsAny())
	}
	return rapid.OneOf(kinds...)
}

func TestEncodeForHarperLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, err := audit.Of(anyValue(3).Draw(t, "value"))
		if err != nil {
			t.Fatal(err)
		}
		if back, err := audit.Decode(encodeForHarper(v)); err != nil || !bytes.Equal(back, v) {
			t.Fatalf("%v: %s became %s", err, v.JSON(), back.JSON())
		}
	})
}
