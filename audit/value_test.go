package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"recourse/audit"
)

func TestEveryValueIsCanonicalAndSurvivesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkValue(t, values().Draw(t, "v")) })
}

// checkValue holds for every value there is.
func checkValue(t interface {
	Helper()
	Fatalf(string, ...any)
}, v audit.Value) {
	t.Helper()
	again, err := audit.Decode(v)
	if err != nil || !bytes.Equal(again, v) {
		t.Fatalf("%x decodes to %x, %v: not canonical", v, again, err)
	}
	text := v.JSON()
	if !json.Valid([]byte(text)) {
		t.Fatalf("%x: not JSON: %s", v, text)
	}
	var back audit.Value
	if err := back.UnmarshalJSON([]byte(text)); err != nil || !bytes.Equal(back, v) {
		t.Fatalf("%x → %s → %x, %v", v, text, back, err)
	}
	if !v.Equal(again) || v.Equal(nil) || audit.Value(nil).Equal(v) {
		t.Fatalf("%x: Equal to itself %t, to missing %t", v, v.Equal(again), v.Equal(nil))
	}
	if made, err := audit.Of(v.Any()); err == nil && !hasTag(v) && !hasBadDate(v) && !bytes.Equal(made, v) {
		t.Fatalf("%x: Of(Any()) is %x", v, made)
	}
	n := 0
	for name, val := range v.Fields() {
		n++
		if got := v.Get(name); !bytes.Equal(got, val) || got == nil {
			t.Fatalf("%x: Get(%q) is %x, want %x", v, name, got, val)
		}
	}
	if v.Kind() == audit.KindObject && n != v.Len() {
		t.Fatalf("%x: %d fields, Len %d", v, n, v.Len())
	}
}

func hasTag(v audit.Value) bool {
	return holds(v, func(v audit.Value) bool { return v.Kind() == audit.KindTagged })
}

func hasBadDate(v audit.Value) bool {
	return holds(v, func(v audit.Value) bool { _, ok := v.Time(); return v.Kind() == audit.KindDate && !ok })
}

func holds(v audit.Value, is func(audit.Value) bool) bool {
	if is(v) {
		return true
	}
	for e := range v.Elems() {
		if holds(e, is) {
			return true
		}
	}
	for _, e := range v.Fields() {
		if holds(e, is) {
			return true
		}
	}
	_, content := v.Tag()
	return content != nil && holds(content, is)
}

func TestHarpersCBOR(t *testing.T) {
	answers, _ := captured(t, "*/values/read-as-cbor.json")
	for _, a := range answers {
		v := must(audit.Decode(a))
		groups := slices.Collect(v.Get("3000").Elems())
		if len(groups) != 1 {
			t.Fatalf("%d groups in %s", len(groups), v.JSON())
		}
		record := slices.Collect(groups[0].Get("records").Elems())[0]
		for name, want := range map[string]audit.Value{
			"id":   audit.Int(3000),
			"nan":  audit.Float(math.NaN()),
			"inf":  audit.Float(math.Inf(1)),
			"huge": audit.BigInt(bigInt("123456789012345678901234567890")),
			"big":  audit.BigInt(bigInt("12345678901234567890")),
			"buf":  audit.BytesValue([]byte{0, 1, 255}),
			"date": audit.Date(time.Date(2024, 2, 29, 12, 34, 56, 789e6, time.UTC)),
		} {
			if got := record.Get(name); !got.Equal(want) || got.Kind() != want.Kind() {
				t.Errorf("%s: got %s (%s), want %s", name, got.JSON(), got.Kind(), want.JSON())
			}
		}
		checkValue(t, v)
	}
	streams, _ := captured(t, "*/values/stream-cbor.json")
	for _, a := range streams {
		v := must(audit.Decode(a))
		undefined := 0
		for g := range v.Elems() {
			if g.Get("user_name") == nil {
				undefined++
			}
			checkValue(t, g)
		}
		if undefined == 0 {
			t.Errorf("no group without a user in %s", v.JSON())
		}
	}
}

func TestUndefined(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"\x81\xf7", `[null]`},
		{"\xa2\x61a\xf7\x61b\x01", `{"b":1}`},
		{"\xa1\xf7\x01", `{"undefined":1}`},
		{"\xa1\x81\xf7\x01", `{"[null]":1}`},
		{"\xd8\x64\xf7", `{"$tag":[100,null]}`},
	} {
		v, err := audit.Decode([]byte(c.in))
		if err != nil || v.JSON() != c.want {
			t.Errorf("%x: got %s, %v; want %s", c.in, v.JSON(), err, c.want)
		}
	}
	if v, err := audit.Decode([]byte{0xf7}); v != nil || err != nil {
		t.Errorf("undefined is %x, %v; want missing", v, err)
	}
	if v, err := audit.Decode([]byte{0xc1, 0xf7}); err == nil {
		t.Errorf("an undefined date is %s", v.JSON())
	}
	if audit.Null().Equal(nil) || audit.Value(nil).Equal(audit.Null()) {
		t.Error("null equals missing")
	}
}

func TestDates(t *testing.T) {
	leap := audit.Date(time.Date(2024, 2, 29, 12, 34, 56, 789e6, time.UTC))
	for name, in := range map[string][]byte{
		"float":       {0xc1, 0xfb, 0x41, 0xd9, 0x78, 0x1e, 0x7c, 0x32, 0x7e, 0xfa},
		"text":        append([]byte{0xc0, 0x78, 24}, "2024-02-29T12:34:56.789Z"...),
		"other zone":  append([]byte{0xc0, 0x78, 29}, "2024-02-29T14:34:56.789+02:00"...),
		"microsecond": append([]byte{0xc0, 0x78, 27}, "2024-02-29T12:34:56.789001Z"...),
	} {
		if v, err := audit.Decode(in); err != nil || !bytes.Equal(v, leap) {
			t.Errorf("%s: got %s, %v", name, v.JSON(), err)
		}
	}
	for _, c := range []struct {
		ms   float64
		want string
	}{
		{0, `{"$date":"1970-01-01T00:00:00.000Z"}`},
		{1, `{"$date":"1970-01-01T00:00:00.001Z"}`},
		{-1, `{"$date":"1969-12-31T23:59:59.999Z"}`},
		{8.64e15, `{"$date":"+275760-09-13T00:00:00.000Z"}`},
		{-8.64e15, `{"$date":"-271821-04-20T00:00:00.000Z"}`},
		{-62198755200000, `{"$date":"-000001-01-01T00:00:00.000Z"}`},
		{-62167219200000, `{"$date":"0000-01-01T00:00:00.000Z"}`},
		{253402300800000, `{"$date":"+010000-01-01T00:00:00.000Z"}`},
		{8.64e15 + 1, `{"$date":null}`},
		{math.Inf(-1), `{"$date":null}`},
		{math.NaN(), `{"$date":null}`},
	} {
		v := audit.DateOf(c.ms)
		if v.JSON() != c.want || v.Kind() != audit.KindDate {
			t.Errorf("%v: got %s, want %s", c.ms, v.JSON(), c.want)
		}
		checkValue(t, v)
		got, ok := v.DateMillis()
		if _, valid := v.Time(); !ok || valid == math.IsNaN(got) || valid && got != c.ms {
			t.Errorf("%v: DateMillis %v, valid %t", c.ms, got, valid)
		}
	}
}

func TestHostileCBOR(t *testing.T) {
	deep := func(open string, n int) []byte { return []byte(strings.Repeat(open, n) + "\x01") }
	for name, in := range map[string][]byte{
		"array of 2^60":        {0x9b, 0x10, 0, 0, 0, 0, 0, 0, 0},
		"array of 2^64-1":      {0x9b, 255, 255, 255, 255, 255, 255, 255, 255, 1},
		"map of 2^60":          {0xbb, 0x10, 0, 0, 0, 0, 0, 0, 0},
		"map of 2^63":          {0xbb, 0x80, 0, 0, 0, 0, 0, 0, 0},
		"text of 2^60":         {0x7b, 0x10, 0, 0, 0, 0, 0, 0, 0},
		"bytes of 2^64-1":      {0x5b, 255, 255, 255, 255, 255, 255, 255, 255},
		"endless text":         {0x7f, 0x61, 'a'},
		"endless in endless":   {0x7f, 0x7f, 0xff, 0xff},
		"bytes within text":    {0x7f, 0x41, 'a', 0xff},
		"break alone":          {0xff},
		"break in a map":       {0xbf, 0x61, 'a', 0xff},
		"two values":           {1, 1},
		"nothing":              {},
		"deep arrays":          deep("\x81", audit.MaxDepth+1),
		"deep endless arrays":  deep("\x9f", audit.MaxDepth+1),
		"deep maps":            deep("\xa1\x61a", audit.MaxDepth+1),
		"deep tags":            deep("\xd8\x64", audit.MaxDepth+1),
		"deep names":           deep("\xa1", 100000),
		"reserved head":        {0x1c},
		"simple 32":            {0xf8, 32},
		"big integer of text":  {0xc2, 0x61, 'a'},
		"date of text":         {0xc1, 0x61, 'a'},
		"text cut in its head": {0x7a, 0, 0},
	} {
		allocated := testing.AllocsPerRun(1, func() {
			if v, err := audit.Decode(in); err == nil || v != nil {
				t.Errorf("%s: got %s, %v", name, v.JSON(), err)
			}
		})
		if allocated > 5000 {
			t.Errorf("%s: %v allocations", name, allocated)
		}
	}
	if _, err := audit.Decode(deep("\x81", audit.MaxDepth)); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	for n, want := range map[int]bool{audit.MaxDepth: true, audit.MaxDepth + 1: false, 1e6: false} {
		_, err := audit.FromJSON([]byte(strings.Repeat("[", n) + "1" + strings.Repeat("]", n)))
		if (err == nil) != want || !want && !errors.Is(err, audit.ErrTooDeep) {
			t.Errorf("JSON %d deep: %v", n, err)
		}
	}
}

// What is at the limit in our own form nests deeper in JSON, and is read back.
func TestTheDeepestValuesSurviveJSON(t *testing.T) {
	for _, open := range []string{"\x81", "\xa1\x61$", "\xd8\x64", "\xa1\x61a"} {
		checkValue(t, must(audit.Decode([]byte(strings.Repeat(open, audit.MaxDepth)+"\x01"))))
	}
}

func TestEqualLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := values().Draw(t, "a"), values().Draw(t, "b")
		if !a.Equal(a) || !a.Equal(bytes.Clone(a)) {
			t.Fatalf("%s is not itself", a.JSON())
		}
		if a.Equal(b) != b.Equal(a) {
			t.Fatalf("%s and %s: Equal one way only", a.JSON(), b.JSON())
		}
		if bytes.Equal(a, b) && !a.Equal(b) {
			t.Fatalf("%s: equal bytes are not equal", a.JSON())
		}
	})
}

func TestEqual(t *testing.T) {
	i60, f60 := audit.Int(1<<60), audit.Float(1<<60)
	if bytes.Equal(i60, f60) {
		t.Error("above 2^53 a BigInt and a float are kept apart")
	}
	nested := func(v audit.Value) audit.Value {
		return audit.Object(map[string]audit.Value{"a": audit.Array(audit.Null(), v), "bb": audit.Text("x")})
	}
	for _, c := range []struct {
		a, b audit.Value
		want bool
	}{
		{i60, f60, true},
		{audit.Int(1<<60 + 1), f60, false},
		{nested(i60), nested(f60), true},
		{nested(i60), nested(audit.Int(1<<60 + 1)), false},
		{audit.BigInt(bigInt("100000000000000000000000")), audit.Float(1e23), false}, // 1e23 is no float64
		{audit.BigInt(bigInt("1180591620717411303424")), audit.Float(1 << 70), true},
		{audit.Float(math.NaN()), audit.Float(math.Float64frombits(0x7ff8000000000123)), true},
		{audit.Float(math.Copysign(0, -1)), audit.Int(0), true},
		{audit.Float(2.5), audit.Int(2), false},
		{audit.Float(math.Inf(1)), audit.Float(math.Inf(-1)), false},
		{audit.DateOf(math.NaN()), audit.DateOf(math.NaN()), true},
		{audit.DateOf(1), audit.Int(1), false},
		{audit.Text("1"), audit.Int(1), false},
		{audit.Text("a"), audit.BytesValue([]byte("a")), false},
		{audit.Null(), audit.Bool(false), false},
		{audit.Array(), audit.Object(nil), false},
		{audit.Array(audit.Int(1), audit.Int(2)), audit.Array(audit.Int(2), audit.Int(1)), false},
		{audit.Array(audit.Int(1)), audit.Array(audit.Int(1), audit.Null()), false},
		{audit.Object(map[string]audit.Value{"a": audit.Null()}), audit.Object(map[string]audit.Value{"b": audit.Null()}), false},
		{audit.Object(map[string]audit.Value{"a": audit.Null()}), audit.Object(nil), false},
		{nil, nil, true},
		{nil, audit.Null(), false},
	} {
		if got := c.a.Equal(c.b); got != c.want || c.b.Equal(c.a) != c.want {
			t.Errorf("%s = %s: got %t, want %t", c.a.JSON(), c.b.JSON(), got, c.want)
		}
	}
}

func TestObjectsAreMaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		model := rapid.MapOfN(rapid.StringN(0, 3, -1), valuesTo(1), 0, 30).Draw(t, "fields")
		v := audit.Object(model)
		name := rapid.StringN(0, 3, -1).Draw(t, "name")
		if got, want := v.Get(name), model[name]; !bytes.Equal(got, want) || (got == nil) != (want == nil) {
			t.Fatalf("Get(%q): got %x, want %x", name, got, want)
		}
		val := rapid.OneOf(rapid.Just(audit.Value(nil)), valuesTo(1)).Draw(t, "val")
		next := maps.Clone(model)
		if next[name] = val; val == nil {
			delete(next, name)
		}
		if got := v.With(name, val); !bytes.Equal(got, audit.Object(next)) {
			t.Fatalf("With(%q, %s): got %s", name, val.JSON(), got.JSON())
		}
		if want := slices.Sorted(maps.Keys(model)); !slices.Equal(v.Names(), want) {
			t.Fatalf("Names: got %q, want %q", v.Names(), want)
		}
	})
	if got := audit.Int(5).With("a", audit.Int(1)); got.JSON() != `{"a":1}` {
		t.Errorf("With on a number: %s", got.JSON())
	}
	if v := audit.Int(5); v.Get("a") != nil || v.Names() != nil || v.Len() != 0 || v.Text() != "" || v.Bytes() != nil || audit.Text("x").Big() != nil {
		t.Error("a number has attributes, text or bytes")
	}
}

func TestDuplicateNamesKeepTheLast(t *testing.T) {
	for _, in := range []string{"\xa2\x61a\x01\x61a\x02", "\xa3\x61b\x01\x61a\x01\x61a\x02", "\xa3\x61a\x01\x61b\x01\x61a\x02", "\xa2\x01\x01\x611\x02"} {
		v := must(audit.Decode([]byte(in)))
		if got := v.Get("a").JSON() + v.Get("1").JSON(); got != "2null" && got != "null2" {
			t.Errorf("%x: got %s", in, v.JSON())
		}
	}
	if v := must(audit.FromJSON([]byte(`{"b":0,"a":1,"a":{"x":1},"a":2}`))); v.JSON() != `{"a":2,"b":0}` {
		t.Errorf("got %s", v.JSON())
	}
}

func TestDollarObjects(t *testing.T) {
	for _, c := range []struct {
		v    audit.Value
		want string
	}{
		{audit.BytesValue([]byte{0, 255}), `{"$bytes":"AP8="}`},
		{audit.Float(math.Inf(-1)), `{"$number":"-Infinity"}`},
		{must(audit.FromJSON([]byte(`{"$date":"x"}`))), `{"$object":{"$date":"x"}}`},
		{must(audit.FromJSON([]byte(`{"$date":"x","b":1}`))), `{"$date":"x","b":1}`},
		{must(audit.FromJSON([]byte(`{"$object":{"$object":1}}`))), `{"$object":{"$object":{"$object":{"$object":1}}}}`},
		{must(audit.FromJSON([]byte(`"<é\u2028\u0000\"\\😀>"`))), `"<é\u2028\u0000\"\\😀>"`},
	} {
		if got := c.v.JSON(); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
		checkValue(t, c.v)
	}
	for _, bad := range []string{`{"$object":5}`, `{"$bytes":5}`, `{"$bytes":"="}`, `{"$date":5}`, `{"$date":"+1"}`, `{"$number":"1"}`, `{"$tag":[1]}`, `{"$tag":[-1,1]}`, `{"$tag":[2,"x"]}`, `{"$what":1}`, `[`, ``} {
		v := audit.Int(7)
		if err := v.UnmarshalJSON([]byte(bad)); err == nil || !bytes.Equal(v, audit.Int(7)) {
			t.Errorf("%s: read as %s, %v", bad, v.JSON(), err)
		}
	}
}

func TestTextThatIsNotUTF8(t *testing.T) {
	v := must(audit.Decode([]byte("\x63a\xffb")))
	if v.Text() != "a\uFFFDb" || audit.Text("a\xffb").Text() != "a\uFFFDb" {
		t.Errorf("got %q", v.Text())
	}
}

func TestOfRefusesWhatHarperHasNot(t *testing.T) {
	for _, x := range []any{struct{}{}, []string{"a"}, []any{make(chan int)}, map[string]any{"a": complex(1, 1)}} {
		if v, err := audit.Of(x); err == nil {
			t.Errorf("%T became %s", x, v.JSON())
		}
	}
}

func TestInt64(t *testing.T) {
	for _, n := range []int64{0, 1, -1, 23, 24, 255, 1 << 40, math.MaxInt64, math.MinInt64} {
		if got, ok := audit.Int(n).Int64(); got != n || !ok {
			t.Errorf("%d: got %d, %t", n, got, ok)
		}
	}
	beyond := new(big.Int).Add(big.NewInt(math.MaxInt64), big.NewInt(1))
	for _, v := range []audit.Value{nil, audit.Null(), audit.Float(0.5), audit.Text("1"), audit.BigInt(beyond), audit.BigInt(new(big.Int).Neg(new(big.Int).Lsh(beyond, 4)))} {
		if got, ok := v.Int64(); ok {
			t.Errorf("%s: got %d", v.JSON(), got)
		}
	}
}
