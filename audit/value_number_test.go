package audit_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"

	"recourse/audit"
)

func TestNumbersFromJSON(t *testing.T) {
	for _, c := range []struct {
		in, want string
		kind     audit.ValueKind
	}{
		{`0`, `0`, audit.KindInt},
		{`-0`, `0`, audit.KindInt},
		{`-0.0`, `0`, audit.KindInt},
		{`1.0`, `1`, audit.KindInt},
		{`1e3`, `1000`, audit.KindInt},
		{`0.1`, `0.1`, audit.KindFloat},
		{`9007199254740992`, `9007199254740992`, audit.KindInt},
		{`9007199254740993`, `9007199254740993`, audit.KindInt},
		{`-9007199254740993`, `-9007199254740993`, audit.KindInt},
		{`18446744073709551615`, `18446744073709551615`, audit.KindInt},
		{`18446744073709551616`, `18446744073709551616`, audit.KindInt},
		{`-18446744073709551616`, `-18446744073709551616`, audit.KindInt},
		{`-18446744073709551617`, `-18446744073709551617`, audit.KindInt},
		{`12345678901234567890123456789012345678901234567890`, `12345678901234567890123456789012345678901234567890`, audit.KindInt},
		{`1e+21`, `1e+21`, audit.KindFloat},
		{`12345678901234567168.0`, `1.2345678901234567e+19`, audit.KindFloat},
		{`1795470364242.5806`, `1795470364242.5806`, audit.KindFloat},
		{`1e-7`, `1e-7`, audit.KindFloat},
		{`5e-324`, `5e-324`, audit.KindFloat},
		{`1e400`, `{"$number":"Infinity"}`, audit.KindFloat},
	} {
		v, err := audit.FromJSON([]byte(c.in))
		if err != nil || v.JSON() != c.want || v.Kind() != c.kind {
			t.Errorf("%s: got %s, %s, %v; want %s, %s", c.in, v.JSON(), v.Kind(), err, c.want, c.kind)
		}
	}
	if _, err := audit.FromJSON([]byte(strings.Repeat("9", 5000))); err == nil {
		t.Error("an integer of 5000 digits was read")
	}
}

// A number of JSON is the float64 nearest to it, as strconv finds it, however many
// digits it has and wherever its point stands.
func TestDecimalsAreRoundedAsStrconvDoes(t *testing.T) {
	check := func(s string) {
		t.Helper()
		want, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := audit.FromJSON([]byte(s)); err != nil || !bytes.Equal(v, audit.Float(want)) {
			t.Fatalf("%s: got %s, %v; want %v", s, v.JSON(), err, want)
		}
		if f, rest, ok := audit.ReadNumber([]byte(s + ",")); ok && (f != want || math.Signbit(f) != (f < 0) || string(rest) != ",") {
			t.Fatalf("%s: read as %v, and %q follows; want %v", s, f, rest, want)
		}
	}
	for _, s := range []string{ // in the middle between two, and just beside it
		"9007199254740993.0", "9007199254740993.1", "900719925474099.31", "4503599627370496.5", "4503599627370497.5", "-4503599627370497.5",
		"1125899906842624.125", "1125899906842624.126", "0.999999999999999999", "0.000000000000000001", "1.000000000000000001", "-0.0",
	} {
		check(s)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		digits := strconv.FormatUint(r.Uint64()>>r.IntN(60), 10)
		point := r.IntN(len(digits))
		check(strings.Repeat("-", r.IntN(2)) + cmp.Or(digits[:point], "0") + "." + digits[point:])
	}
}

func TestIntegersTooLongForJSONSurviveIt(t *testing.T) {
	for _, n := range []int{1500, 1630, 1640, 1700, 1800, 5000} {
		checkValue(t, audit.BigInt(new(big.Int).Lsh(big.NewInt(1), uint(8*n))))
		checkValue(t, audit.BigInt(new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(3), uint(8*n)))))
	}
}

func TestEveryHalf(t *testing.T) {
	for h := range 1 << 16 {
		data := []byte{0xf9, byte(h >> 8), byte(h)}
		v, err := audit.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		var want float64
		if err := cbor.Unmarshal(data, &want); err != nil {
			t.Fatal(err)
		}
		if f, ok := v.Float64(); !ok || f != want && !(math.IsNaN(f) && math.IsNaN(want)) {
			t.Fatalf("half %04x is %v, want %v", h, f, want)
		}
		switch {
		case want == math.Trunc(want) && !math.IsInf(want, 0):
			if v.Kind() != audit.KindInt || v.JSON() != fmt.Sprint(int64(want)) {
				t.Fatalf("half %04x: got %s of kind %s", h, v.JSON(), v.Kind())
			}
		case math.IsNaN(want):
			if !bytes.Equal(v, []byte{0xf9, 0x7e, 0}) {
				t.Fatalf("half %04x: NaN as %x", h, v)
			}
		case !bytes.Equal(v, data):
			t.Fatalf("half %04x grew to %x", h, v)
		}
		if wide := audit.Float(want); !bytes.Equal(wide, v) {
			t.Fatalf("Float(%v) is %x, want %x", want, wide, v)
		}
	}
}

func TestFloatsTakeTheShortestForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.OneOf(rapid.Float64(), rapid.Map(rapid.Float32(), func(f float32) float64 { return float64(f) })).Draw(t, "f")
		v := audit.Float(f)
		got, ok := v.Float64()
		if !ok || got != f {
			t.Fatalf("Float(%v) is %v", f, got)
		}
		if v.Kind() == audit.KindInt {
			if math.Trunc(f) != f || math.Abs(f) > 1<<53 {
				t.Fatalf("Float(%v) became the integer %s", f, v.JSON())
			}
			return
		}
		if want, _ := deterministic.Marshal(f); !bytes.Equal(v, want) {
			t.Fatalf("Float(%v) is %x, want %x", f, v, want)
		}
		wide, _ := cbor.Marshal(f)
		if same := must(audit.Decode(wide)); !bytes.Equal(same, v) {
			t.Fatalf("%x decodes to %x, want %x", wide, same, v)
		}
	})
}
