package audit_test

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"recourse/audit"
)

func TestParseID(t *testing.T) {
	for in, want := range map[string]string{
		`318`:                    `318`,
		`"318"`:                  `"318"`,
		`-5`:                     `-5`,
		`1.5`:                    `1.5`,
		`1e3`:                    `1000`,
		`"1e3"`:                  `"1e3"`,
		`007`:                    `"007"`,
		`"007"`:                  `"007"`,
		`+1`:                     `"+1"`,
		`9007199254740993`:       `9007199254740993`,
		`123456789012345678901`:  `123456789012345678901`,
		`c-17`:                   `"c-17"`,
		`a/b c`:                  `"a/b c"`,
		`é😀`:                     `"é😀"`,
		``:                       `""`,
		`""`:                     `""`,
		` `:                      `" "`,
		`["x",1,"y"]`:            `["x",1,"y"]`,
		`[ "x" , 1.0 ]`:          `["x",1]`,
		`[]`:                     `[]`,
		`["a",["b"]]`:            `["a",["b"]]`,
		`[null,true]`:            `[null,true]`,
		`{`:                      `"{"`,
		`Infinity`:               `"Infinity"`,
		`{"$number":"Infinity"}`: `{"$number":"Infinity"}`,
	} {
		id, err := audit.ParseID(in)
		if err != nil || string(id) != want {
			t.Errorf("%s: got %s, %v; want %s", in, id, err, want)
		}
	}
	for _, bad := range []string{`null`, `true`, `{}`, `{"a":1}`, `[{"a":1}]`, `{"$date":null}`, `{"$bytes":"AA=="}`, `{"$object":{"$a":1}}`, `{"$what":1}`} {
		if id, err := audit.ParseID(bad); !errors.Is(err, audit.ErrNoID) {
			t.Errorf("%s became the id %s, %v", bad, id, err)
		}
	}
}

func TestIDsThatHarperAccepted(t *testing.T) {
	_, answers := captured(t, "*/ids/all.json")
	seen := map[audit.ID]bool{}
	for _, a := range answers {
		v := must(audit.FromJSON(a))
		if v.Kind() != audit.KindArray {
			t.Fatalf("the answer is %s", v.Kind())
		}
		for g := range v.Elems() {
			keys := g.Get("hash_values")
			if keys == nil {
				keys = g.Get("ids")
			}
			for k := range keys.Elems() {
				id, err := audit.IDOf(k)
				if k.Kind() == audit.KindNull {
					if !errors.Is(err, audit.ErrNoID) {
						t.Errorf("null became the id %s", id)
					}
					continue
				}
				if err != nil || !id.Value().Equal(k) {
					t.Errorf("%s: %s, %v", k.JSON(), id, err)
				}
				seen[id] = true
			}
		}
	}
	for _, want := range []audit.ID{`1`, `"1"`, `9007199254740992`, `-5`, `1.5`, `"a/b c"`, `"é😀"`, `["x",1,"y"]`, `""`} {
		if !seen[want] {
			t.Errorf("%s is not among %v", want, seen)
		}
	}
}

func checkKey(t interface {
	Helper()
	Fatalf(string, ...any)
}, id audit.ID) {
	t.Helper()
	k := audit.Key{Table: audit.Table{Database: "shop", Name: "my.orders"}, ID: id}
	if back, err := audit.ParseKey(k.String()); err != nil || back != k {
		t.Fatalf("%s came back as %s, %v", k, back, err)
	}
	var back audit.ID
	if data, err := json.Marshal(id); err != nil || json.Unmarshal(data, &back) != nil || back != id {
		t.Fatalf("%s → %s → %s, %v", id, data, back, err)
	}
	if again, err := audit.IDOf(id.Value()); err != nil || again != id {
		t.Fatalf("%s is the value %s, whose id is %s, %v", id, id.Value().JSON(), again, err)
	}
}

func keys() *rapid.Generator[audit.Value] {
	plain := rapid.OneOf(
		rapid.Map(rapid.String(), audit.Text),
		rapid.Map(rapid.Int64(), audit.Int),
		rapid.Map(rapid.Float64(), audit.Float),
		rapid.Map(rapid.SampledFrom([]string{"318", "1e3", "007", "", "a/b", "null", "[]", `"`, "\x00", "\u2028"}), audit.Text),
		rapid.Just(audit.Float(math.Inf(1))),
		rapid.Just(audit.BigInt(bigInt("123456789012345678901234567890"))),
	)
	return rapid.OneOf(plain, rapid.Map(rapid.SliceOfN(plain, 0, 4), func(e []audit.Value) audit.Value { return audit.Array(e...) }))
}

func TestIDsAreAsDistinctAsTheirValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := keys().Draw(t, "a"), keys().Draw(t, "b")
		ida, err := audit.IDOf(a)
		if err != nil {
			t.Fatal(err)
		}
		idb, err := audit.IDOf(b)
		if err != nil {
			t.Fatal(err)
		}
		if (ida == idb) != slices.Equal(a, b) {
			t.Fatalf("%x and %x have the ids %s and %s", a, b, ida, idb)
		}
		checkKey(t, ida)
	})
}

func FuzzID(f *testing.F) {
	for _, s := range []string{`318`, `"318"`, `[1,"a"]`, `1e3`, `007`, `9007199254740993`, `a/b`, ``, `{"$number":"NaN"}`, `{"$tag":[2,{"$bytes":"AAAB"}]}`, "\xff", `"\ud800"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := audit.ParseID(s)
		if err != nil {
			if !errors.Is(err, audit.ErrNoID) || id != "" {
				t.Fatalf("%q: %q, %v", s, id, err)
			}
			return
		}
		checkKey(t, id)
		if again, err := audit.ParseID(string(id)); err != nil || again != id {
			t.Fatalf("%q → %s → %s, %v", s, id, again, err)
		}
	})
}

func FuzzKey(f *testing.F) {
	for _, s := range []string{`dev.dog/318`, `dev.dog/"318"`, `shop.customers/c-17`, `a.b/c/d`, `a.b.c/`, `a/b.c`, `.b/c`, `a.b/{}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, err := audit.ParseKey(s)
		if err != nil {
			if k != (audit.Key{}) {
				t.Fatalf("%q: %v beside %v", s, k, err)
			}
			return
		}
		if back, err := audit.ParseKey(k.String()); err != nil || back != k {
			t.Fatalf("%q → %s → %s, %v", s, k, back, err)
		}
	})
}

func TestParseKey(t *testing.T) {
	for in, want := range map[string]audit.Key{
		`dev.dog/318`:         {Table: audit.Table{Database: "dev", Name: "dog"}, ID: `318`},
		`dev.dog/"318"`:       {Table: audit.Table{Database: "dev", Name: "dog"}, ID: `"318"`},
		`shop.customers/c-17`: {Table: audit.Table{Database: "shop", Name: "customers"}, ID: `"c-17"`},
		`a.b/c/d`:             {Table: audit.Table{Database: "a", Name: "b"}, ID: `"c/d"`},
		`a.b/`:                {Table: audit.Table{Database: "a", Name: "b"}, ID: `""`},
	} {
		if got, err := audit.ParseKey(in); err != nil || got != want {
			t.Errorf("%s: got %v, %v", in, got, err)
		}
	}
	for _, bad := range []string{``, `dev.dog`, `dev/318`, `.dog/1`, `dev./1`, `dev.dog/null`} {
		if k, err := audit.ParseKey(bad); err == nil || !strings.Contains(err.Error(), "parse key") {
			t.Errorf("%s: got %v, %v", bad, k, err)
		}
	}
}

func TestEmptyIDs(t *testing.T) {
	for id, want := range map[audit.ID]bool{"": true, `""`: true, `[]`: true, `null`: true, `0`: false, `" "`: false, `[""]`: false, `"null"`: false} {
		if id.Empty() != want {
			t.Errorf("%s: empty %t", id, !want)
		}
	}
	if v := audit.ID("not json").Value(); v != nil {
		t.Errorf("got %s", v.JSON())
	}
	var id audit.ID
	if data, err := json.Marshal(id); err != nil || string(data) != "null" {
		t.Errorf("no id is %s, %v", data, err)
	}
	if err := json.Unmarshal([]byte("null"), &id); !errors.Is(err, audit.ErrNoID) {
		t.Errorf("null was read as %q, %v", id, err)
	}
}
