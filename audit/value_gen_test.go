package audit_test

import (
	"encoding/json"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"recourse/audit"
)

// captured is the answers in the shared captures whose path matches: CBOR where
// the answer is base64, and otherwise JSON.
func captured(t testing.TB, pattern string) (asCBOR, asJSON [][]byte) {
	t.Helper()
	files, err := filepath.Glob("../testdata/captures/" + pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures match %s: %v", pattern, err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var c struct{ Response json.RawMessage }
		if err := json.Unmarshal(data, &c); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		var binary struct{ Base64 []byte }
		if json.Unmarshal(c.Response, &binary) == nil && binary.Base64 != nil {
			if strings.Contains(f, "cbor") {
				asCBOR = append(asCBOR, binary.Base64)
			}
			continue
		}
		asJSON = append(asJSON, c.Response)
	}
	return asCBOR, asJSON
}

// values draws any value that a record can hold.
func values() *rapid.Generator[audit.Value] { return valuesTo(3) }

func valuesTo(depth int) *rapid.Generator[audit.Value] {
	leaves := []*rapid.Generator[audit.Value]{
		rapid.Just(audit.Null()),
		rapid.Map(rapid.Bool(), audit.Bool),
		rapid.Map(rapid.Int64(), audit.Int),
		rapid.Map(rapid.Float64(), audit.Float),
		rapid.Map(rapid.Float32(), func(f float32) audit.Value { return audit.Float(float64(f)) }),
		rapid.Map(rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), 1 << 53, 1<<53 + 2, 1 << 60, -1 << 60, 1e21}), audit.Float),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 1, 20), func(b []byte) audit.Value {
			n := new(big.Int).SetBytes(b)
			if b[0]&1 == 1 {
				n.Not(n)
			}
			return audit.BigInt(n)
		}),
		rapid.Map(rapid.String(), audit.Text),
		rapid.Map(rapid.SliceOf(rapid.Byte()), audit.BytesValue),
		rapid.Map(rapid.Int64Range(-8.64e15, 8.64e15), func(ms int64) audit.Value { return audit.DateOf(float64(ms)) }),
		rapid.Just(audit.DateOf(math.NaN())),
	}
	if depth == 0 {
		return rapid.OneOf(leaves...)
	}
	inner := valuesTo(depth - 1)
	return rapid.OneOf(append(leaves,
		rapid.Map(rapid.SliceOfN(inner, 0, 5), func(e []audit.Value) audit.Value { return audit.Array(e...) }),
		objectsOf(inner), objectsOf(inner),
		rapid.Map(inner, func(v audit.Value) audit.Value { return must(audit.Decode(append([]byte{0xd8, 0x64}, v...))) }),
	)...)
}

func objectsOf(inner *rapid.Generator[audit.Value]) *rapid.Generator[audit.Value] {
	names := rapid.OneOf(rapid.StringN(0, 4, -1), rapid.SampledFrom([]string{"", "id", "a/b", "~", "$date", "$object", "$tag", "$bytes", "$number", "$x"}))
	return rapid.Map(rapid.MapOfN(names, inner, 0, 6), audit.Object)
}

// records draws what the log holds of a record: an object.
func records() *rapid.Generator[audit.Value] { return objectsOf(valuesTo(2)) }

func must(v audit.Value, err error) audit.Value {
	if err != nil {
		panic(err)
	}
	return v
}

func bigInt(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		panic(s)
	}
	return n
}
