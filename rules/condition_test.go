package rules

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"recourse/audit"

	"pgregory.net/rapid"
)

func record(t testing.TB, s string) audit.Image {
	t.Helper()
	switch s {
	case "":
		return audit.Image{}
	case "-":
		return audit.AbsentImage(audit.Logged, audit.Exact)
	}
	var v audit.Value
	if err := v.UnmarshalJSON([]byte(s)); err != nil {
		t.Fatal(err)
	}
	return audit.PresentImage(v, audit.Logged, audit.Exact)
}

func mustCompile(t testing.TB, file string) *Set {
	t.Helper()
	set, err := Compile(File{Name: "test.yaml", Data: []byte(file)})
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, file)
	}
	return set
}

// outcome is what a condition makes of a change: yes, no, undecided, skipped,
// or the error.
func outcome(t testing.TB, where string, c audit.Change) string {
	t.Helper()
	file := "apiVersion: rules/v1\nlists:\n  names: {items: [eve, 3, 'a*']}\nrules:\n  - id: r\n    name: R\n    severity: low\n    alert: {title: t}\n" +
		"    on_unknown_before: evaluate\n    where: |\n      " + where + "\n"
	c.Seq = 1
	e := NewEngine(mustCompile(t, file), Options{})
	alerts, err := e.Eval(&c)
	if err != nil {
		t.Fatal(err)
	}
	s := e.Stats().Rules[0]
	switch {
	case s.Errors > 0:
		return s.LastError
	case s.Undecided > 0:
		return "undecided"
	case len(alerts) > 0:
		return "yes"
	}
	return "no"
}

func TestConditions(t *testing.T) {
	tests := []struct{ before, after, where, want string }{
		{"{}", `{"x":3}`, `after.x in 1..4`, "yes"},
		{"{}", `{"x":4.0}`, `after.x in 1..4`, "yes"},
		{"{}", `{"x":2.5}`, `after.x in 1..4`, "no"},
		{"{}", `{"x":5}`, `after.x not in 1..4`, "yes"},
		{"{}", `{}`, `after.x in 1..4`, "no"},
		{"{}", `{}`, `hour in 0..23`, "yes"},
		// What is missing never makes a match, under not either.
		{"{}", "{}", `after.x > 3`, "no"},
		{"{}", "{}", `not (after.x > 3)`, "no"},
		{"{}", "{}", `not not (after.x > 3)`, "no"},
		{"{}", "{}", `not (after.x > 3 or after.y > 3)`, "no"},
		{"{}", `{"y":1}`, `not (after.x > 3 and after.y > 3)`, "yes"}, // y > 3 is false, whatever x is
		{"{}", `{"x":"a"}`, `after.x > 3`, "no"},
		{"{}", `{"x":"a"}`, `not (after.x > 3)`, "no"},
		{"{}", "{}", `none(["a"], after.x > 3)`, "no"},
		{"{}", "{}", `(after.x > 3) == false`, "undecided"},
		{"{}", "{}", `(after.x > 3 ? 1 : 2) == 2`, "undecided"},
		{"{}", "{}", `let big = after.x > 3; not big`, "undecided"},
		{"{}", "{}", `lossy or after.flag`, "no"},
		{"{}", "{}", `not (lossy or after.flag)`, "no"},
		{"{}", `{"flag":false}`, `not (lossy or after.flag)`, "yes"},
		{"{}", "{}", `after.x contains "a" or not (after.x contains "a")`, "no"},
		{"{}", `{"x":3}`, `after.x matches "3" or not (after.x matches "3")`, "no"},
		{"{}", `{"x":3}`, `user in after.x or not (user in after.x) or user not in after.x`, "no"},
		{"{}", "{}", `lower(after.x) == nil and after.x + 1 == nil and -after.x == nil and after.x.y.z == nil`, "yes"},
		{"{}", "{}", `after.x[0] == nil and after.x?.y == nil and len(after.x) == nil`, "yes"},
		{"{}", "{}", `any(after.x, # == 1) or not none(after.x, # == 1)`, "no"},
		{"{}", "{}", `(after.x ?? 5) == 5`, "yes"},
		{"{}", `{"x":null}`, `after.x == nil and "x" in after and "y" not in after`, "yes"},
		{"{}", `{"s":"a"}`, `after.s != "b" and after.t != "b"`, "yes"},
		{"", "{}", `before.x == nil and before_state == "unknown"`, "yes"},

		// Values.
		{"{}", `{"n":9007199254740993}`, `after.n == 9007199254740993 and after.n != 9007199254740992 and after.n > 9007199254740992`, "yes"},
		{"{}", `{"n":9007199254740993}`, `after.n > 9007199254740992.0`, "yes"},
		{"{}", `{"n":123456789012345678901234567890}`, `after.n > 1e29`, "yes"},
		{"{}", `{"d":{"$date":"2026-11-23T00:00:00.000Z"}}`, `after.d == 1795392000000`, "yes"},
		{"{}", `{"n":{"$number":"NaN"}}`, `after.n > 0 or after.n <= 0 or after.n == after.n`, "no"},
		{"{}", `{"a":[1,"x",{"b":true}]}`, `after.a[2].b == true and after.a[-1].b and after.a[1] == "x" and after.a[7] == nil`, "yes"},
		{"{}", `{"a":[1,2,3]}`, `2 in after.a and not (5 in after.a) and len(after.a) == 3 and first(after.a) == 1 and last(after.a) == 3`, "yes"},
		{"{}", `{"a":{"y":1,"x":2}}`, `keys(after.a) == ["x", "y"] and values(after.a) == [2, 1]`, "yes"},
		{"{}", `{"x":5}`, `after.x / 0 == nil and after.x % 0 == nil and not (1 / (after.x - 5) > 0)`, "no"},
		{"{}", "{}", `1/0 > 1 or not (1/0 > 1) or 0/0 == 0/0 and false or hour % 0 > -1 or not (-1/0 < 0)`, "no"},
		{"{}", "{}", `txn_size / 0 > 0 or 10 ** 400 > 0 or 1e308 * 10 > 0 or 9223372036854775807 + 1 < 0 or 4611686018427387904 * 4 == 0`, "no"},
		{"{}", "{}", `1/0 == nil and 7/2 == 3.5 and 7 % 4 == 3 and "a" + "b" == "ab" and 60 * 1000 - 1 == 59999`, "yes"},
		{"{}", `{"x":5}`, `after.x * 2 == 10 and after.x / 2 == 2.5 and after.x ** 2 == 25 and after.x % 3 == 2 and -after.x == -5`, "yes"},
		{"{}", `{"x":9223372036854775807}`, `after.x + 1 == 9223372036854775808.0 and after.x * 2 > after.x and -after.x - 2 < 0`, "yes"},
		{"{}", `{"s":"Eve@X.example"}`, `lower(after.s) endsWith "x.example" and after.s startsWith "Eve" and upper(after.s) == "EVE@X.EXAMPLE"`, "yes"},
		{"{}", `{"s":"a,b"}`, `split(after.s, ",") == ["a", "b"] and text(3.5) == "3.5" and number("7") == 7 and number("x") == nil`, "yes"},
		{"{}", `{"s":"aabb"}`, `entropy(after.s) == 1.0 and len("æøå") == 3 and type(after.s) == "text" and type(after.q) == "nothing"`, "yes"},
		{"{}", `{"x":-2.5}`, `abs(after.x) == 2.5 and round(after.x) == -3 and floor(after.x) == -3 and ceil(after.x) == -2 and max(after.x, 3) == 3 and min(after.x, 3) == after.x`, "yes"},
		{"{}", `{"who":"eve","n":3}`, `after.who in list("names") and after.n in list("names") and not (4 in list("names")) and glob("abc", list("names")) and glob("eve.x", "a|e*")`, "yes"},
		{"{}", `{"t":{"a":["x",{"b":"y"}]}}`, `texts(after.t) == ["x", "y"] and new_texts == ["x", "y"]`, "yes"},

		// What changed.
		{`{"a":1,"b":2,"__updatedtime__":1}`, `{"a":1,"b":3,"c":4,"__updatedtime__":2}`, `changed == ["b", "c"] and added == ["c"] and removed == []`, "yes"},
		{`{"b":2}`, `-`, `changed == ["b"] and removed == ["b"] and after_state == "absent" and after.b == nil`, "yes"},
		{`-`, `{"b":2}`, `changed == ["b"] and added == ["b"] and written == ["b"]`, "yes"},
		{``, `{"b":2}`, `changed == [] and written == ["b"]`, "yes"},
		{`{"b":2}`, ``, `changed == [] and after_state == "unknown"`, "yes"},
		{`{"p":100,"q":{"d":1,"m":[2]}}`, `{"p":150,"q":{"d":5,"m":[40]}}`, `delta("p") == 50 and ratio("p") == 1.5 and growth("p") == 1.5 and growth("q") == 20 and old("p") == 100 and new("p") == 150`, "yes"},
		{`{"p":0,"s":"a"}`, `{"p":5,"s":"b"}`, `ratio("p") == nil and delta("s") == nil and delta("zz") == nil and growth("s") == nil`, "yes"},
		{`{"p":9223372036854775807}`, `{"p":-9223372036854775808}`, `delta("p") < -1e19`, "yes"},
		{`{"a":1,"b":1}`, `{"a":3,"b":1.2}`, `any(changed, ratio(#) >= 3) and count(changed, ratio(#) > 1) == 2 and map(changed, new(#)) == [3, 1.2] and filter(changed, # == "a") == ["a"]`, "yes"},
		{`{"a":1,"s":"x"}`, `{"a":3,"s":"y"}`, `count(changed, ratio(#) > 1) == 1`, "yes"},
		{`{"x":{"$date":"2026-01-01T00:00:00.000Z"}}`, `{"x":{"$date":"2027-01-01T00:00:00.000Z"}}`, `ratio("x") == nil`, "yes"},

		// The change itself.
		{"{}", "{}", `op == "update" and op_reported == "upsert" and kind == "write" and user == "eve" and node == "n1"`, "yes"},
		{"{}", "{}", `db == "shop" and table == "shop.orders" and table_name == "orders" and id == 7 and key == "shop.orders/7"`, "yes"},
		{"{}", "{}", `hour == 20 and weekday == "monday" and ts == 1795465916125.6418 and txn_size == 3 and late and not lossy and lag == 1000`, "yes"},
		{"{}", "{}", `before_trust == "exact" and after_trust == "exact"`, "yes"},

		// Limits.
		{"{}", "{}", `len(map(1..1000, #)) == 1000`, "yes"},
	}
	for _, tt := range tests {
		c := audit.Change{Time: 1795465916125.6418, User: "eve", Op: audit.OpUpdate, Reported: audit.OpUpsert, Node: "n1",
			Key:   audit.Key{Table: audit.Table{Database: "shop", Name: "orders"}, ID: "7"},
			Group: audit.Group{Size: 3}, Late: true, Before: record(t, tt.before), After: record(t, tt.after)}
		c.Observed = c.Time + 1000
		if got := outcome(t, tt.where, c); got != tt.want {
			t.Errorf("%s\nbefore %s, after %s: %s; want %s", tt.where, tt.before, tt.after, got, tt.want)
		}
	}
}

// An expr condition cannot be stopped, so a hostile record must not make it long.
func TestConditionsOnHostileRecordsEnd(t *testing.T) {
	ones := make([]audit.Value, 200_000)
	for i := range ones {
		ones[i] = audit.Int(int64(i))
	}
	deep := audit.Text("x")
	for range 250 {
		deep = audit.Array(deep)
	}
	wide := map[string]audit.Value{}
	for i := range 50_000 {
		wide["attribute"+strings.Repeat("x", i%7)+audit.Int(int64(i)).JSON()] = audit.Int(int64(i))
	}
	body := audit.Object(map[string]audit.Value{"a": audit.Array(ones...), "b": audit.Array(ones...), "deep": deep,
		"wide": audit.Object(wide), "long": audit.Text(strings.Repeat("a", 1<<20))})
	c := audit.Change{Op: audit.OpUpdate, User: "eve", Key: audit.Key{ID: "1", Table: audit.Table{Database: "d", Name: "t"}},
		Before: audit.PresentImage(audit.Object(wide), audit.Logged, audit.Exact), After: audit.PresentImage(body, audit.Logged, audit.Exact)}
	// Without a limit the first ones would take hours, and the test its time.
	const tooMuch = "the condition takes too many steps on this change"
	for where, want := range map[string]string{
		`any(after.a, # in after.b and # < 0)`:                      tooMuch,
		`count(changed, texts(after.wide) == [] and # == "x") == 1`: tooMuch,
		`any(after.a, glob(after.long, "*a*b*c*"))`:                 tooMuch,
		`any(after.a, after.long matches "(a*)*b")`:                 tooMuch,
		`any(changed, entropy(after.long) > 5)`:                     tooMuch,
		`any(after.a, lower(after.long) == "x")`:                    tooMuch,
		`any(after.a, len(keys(after.wide)) == 1)`:                  tooMuch,
		`any(after.a, "x" in changed)`:                              tooMuch,
		`any(after.a, after.b == after.a and # < 0)`:                tooMuch,
		`any(after.a, fingerprint(after.wide) == "x")`:              tooMuch,
		`len(texts(after.deep)) == 1 and len(changed) > 50000`:      "yes",
		`after.long matches "a$" and entropy(after.long) == 0`:      "yes",
		`any(changed, glob(lower(#), "*9x*|*nope*"))`:               "no",
	} {
		if got := outcome(t, where, c); got != want {
			t.Errorf("%s: %s; want %s", where, got, want)
		}
	}
}

func TestComparisonsAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) (any, *big.Float) {
			if rapid.Bool().Draw(t, label+" whole") {
				i := rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, 1 << 53, 1<<53 + 1, 0})).Draw(t, label)
				return i, new(big.Float).SetInt64(i)
			}
			f := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{1 << 53, 1 << 63, -(1 << 63), 0.5, math.MaxFloat64})).Draw(t, label)
			if math.IsNaN(f) {
				f = 0
			}
			return f, big.NewFloat(f)
		}
		a, x := draw("a")
		b, y := draw("b")
		if got, ok := compare(a, b); !ok || got != x.Cmp(y) {
			t.Fatalf("compare(%v, %v) = %d, %t; want %d", a, b, got, ok, x.Cmp(y))
		}
		if equal(a, b) != (x.Cmp(y) == 0) {
			t.Fatalf("equal(%v, %v) = %t", a, b, equal(a, b))
		}
	})
}

func TestGlob(t *testing.T) {
	for _, tt := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"a*c", "abbc", true}, {"a*c", "abbd", false},
		{"*.session*", "shop.sessions", true}, {"data.*", "data.a.b", true}, {"?b", "ab", true}, {"?", "", false},
		{"*a*b*c*", strings.Repeat("ab", 50), false}, {"a**b", "ab", true}, {"ab", "abc", false},
	} {
		if got := glob(tt.pattern, tt.s); got != tt.want {
			t.Errorf("glob(%q, %q) = %t", tt.pattern, tt.s, got)
		}
	}
}
