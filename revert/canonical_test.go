package revert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"recourse/audit"
)

// The examples of RFC 8785, as far as they are not about numbers.
func TestCanonical(t *testing.T) {
	for _, tt := range []struct {
		in   any
		want string
	}{
		{map[string]any{"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7},
			`{"\r":2,"1":4,"` + "\u0080" + `":6,"ö":7,"€":1,"😀":5,"` + "\ufb33" + `":3}`},
		{[]any{"\u20ac$\u000f\nA'B\"\\\\\"/", nil, true, false}, `["€$\u000f\nA'B\"\\\\\"/",null,true,false]`},
		{"<&>\u2028\u2029\x7f", "\"<&>\u2028\u2029\x7f\""},
		{map[string]any{"b": map[string]any{"d": []any{}, "c": map[string]any{}}, "a": json.Number("12345678901234567890")}, `{"a":12345678901234567890,"b":{"c":{},"d":[]}}`},
	} {
		got, err := canonical(tt.in)
		if err != nil || string(got) != tt.want+"\n" {
			t.Errorf("canonical(%q) is %s (%v), want %s", tt.in, got, err, tt.want)
		}
	}
	if got, err := canonical(map[string]int{"\xff": 1}); err == nil {
		t.Errorf("a name that is not UTF-8 became %s", got)
	}
}

// A canonical line read and written is the same line, whatever stands in it.
func TestCanonicalIsFixed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.MapOf(rapid.String(), rapid.SliceOf(rapid.OneOf(
			rapid.String().AsAny(), rapid.Int64().AsAny(), rapid.Bool().AsAny(), rapid.MapOf(rapid.String(), rapid.String()).AsAny()))).Draw(t, "in")
		line, err := canonical(in)
		if err != nil {
			t.Fatal(err)
		}
		var back map[string]json.RawMessage
		if err := json.Unmarshal(line, &back); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		again, err := canonical(back)
		if err != nil || string(again) != string(line) {
			t.Fatalf("%s became %s (%v)", line, again, err)
		}
	})
}

// byJSON is canonical by way of encoding/json alone.
func byJSON(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	line, err := appendCanonical(nil, b.Bytes())
	return string(line) + "\n", err
}

// filled is a value of the type with something in every field, drawn from t.
func filled(t *rapid.T, typ reflect.Type, depth int) reflect.Value {
	v := reflect.New(typ).Elem()
	text := func() string { return rapid.String().Draw(t, "text") }
	switch {
	case typ == valueType:
		in, err := audit.Of(rapid.OneOf(rapid.Int64().AsAny(), rapid.String().AsAny(), rapid.Float64().AsAny(), rapid.SliceOf(rapid.Byte()).AsAny(),
			rapid.MapOf(rapid.String(), rapid.String()).AsAny(), rapid.Just[any](nil)).Draw(t, "value"))
		if m, ok := in, err == nil; ok {
			v.Set(reflect.ValueOf(m))
		}
		return v
	case typ == reflect.TypeFor[audit.ID]():
		v.SetString(audit.Text(text()).JSON())
		return v
	case typ == reflect.TypeFor[audit.Trust]():
		v.SetUint(uint64(rapid.IntRange(0, 3).Draw(t, "trust")))
		return v
	}
	switch typ.Kind() {
	case reflect.String:
		v.SetString(text())
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int:
		v.SetInt(rapid.Int64().Draw(t, "int"))
	case reflect.Float64:
		v.SetFloat(rapid.Float64Range(-1e300, 1e300).Draw(t, "float"))
	case reflect.Uint8:
		v.SetUint(uint64(rapid.Byte().Draw(t, "byte")))
	case reflect.Pointer:
		if depth > 0 && rapid.Bool().Draw(t, "set") {
			v.Set(reflect.New(typ.Elem()))
			v.Elem().Set(filled(t, typ.Elem(), depth-1))
		}
	case reflect.Slice:
		if rapid.Bool().Draw(t, "set") {
			v.Set(reflect.MakeSlice(typ, 0, 0))
			for range rapid.IntRange(0, 2).Draw(t, "n") {
				v.Set(reflect.Append(v, filled(t, typ.Elem(), depth-1)))
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).Set(filled(t, typ.Elem(), depth-1))
		}
	case reflect.Map:
		if rapid.Bool().Draw(t, "set") {
			v.Set(reflect.MakeMap(typ))
			for range rapid.IntRange(0, 2).Draw(t, "n") {
				v.SetMapIndex(filled(t, typ.Key(), depth-1), filled(t, typ.Elem(), depth-1))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if typ.Field(i).IsExported() {
				v.Field(i).Set(filled(t, typ.Field(i).Type, depth-1))
			}
		}
	}
	return v
}

// Whatever stands in a line, and whatever fields it will have one day, it is
// written as encoding/json has it.
func TestCanonicalIsJSON(t *testing.T) {
	for _, v := range []any{Header{}, Action{}, Conflict{}, Kept{}, Containment{}, footer{}, Approval{}, Envelope{}} {
		typ := reflect.TypeOf(v)
		t.Run(typ.Name(), rapid.MakeCheck(func(t *rapid.T) {
			in := filled(t, typ, 6)
			want, werr := byJSON(in.Interface())
			got, err := canonical(in.Interface())
			if (werr == nil) != (err == nil) || err == nil && string(got) != want {
				t.Fatalf("got  %s(%v)\nwant %s(%v)", got, err, want, werr)
			}
		}))
	}
}

// Every line can be proven to stand at its place, and at no other, in trees of
// every shape.
func TestInclusion(t *testing.T) {
	for size := range 18 {
		var m merkle
		var list [][]byte
		for i := range size {
			list = append(list, fmt.Appendf(nil, "line %d\n", i))
			m.add(list[i])
		}
		for i, proof := range inclusions(list) {
			if err := proof.Verify(list[i], m.root()); err != nil {
				t.Errorf("line %d of %d: %v", i, size, err)
			}
			if proof.Verify([]byte("another\n"), m.root()) == nil {
				t.Errorf("another line is proven to be line %d of %d", i, size)
			}
			for j := range size + 1 {
				moved := proof
				if moved.Index = j; j != i && moved.Verify(list[i], m.root()) == nil {
					t.Errorf("line %d of %d is proven to be line %d", i, size, j)
				}
			}
		}
	}
}

// The root is RFC 6962's, so that others can compute it.
func TestRootIsThatOfCertificateTransparency(t *testing.T) {
	var m merkle
	for i, want := range []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	} {
		if got := m.root(); got != want {
			t.Errorf("root of %d leaves is %s, want %s", i, got, want)
		}
		if leaves := [][]byte{{}, {0}, {0x10}, {0x20, 0x21}}; i < len(leaves) {
			m.add(leaves[i])
		}
	}
}

// Whatever a record is named, its short way into a line is the long one.
func TestTargetIsEncodedAsEver(t *testing.T) {
	names := []string{"", "shop", "a\"b", "ü", "a<b>&", "a\\b", "\x01", "\u2028", "a b", "[x]", "~"}
	ids := []audit.ID{`"c-1"`, `1`, `0`, `10`, `-1`, `1.5`, `1e300`, `"ü"`, `"a\"b"`, `"<"`, `["a",1]`, `""`, `"\u2028"`, `{"$float":"Infinity"}`, `18446744073709551616`}
	for _, db := range names {
		for _, table := range names {
			for _, id := range ids {
				v := struct {
					K Target `json:"k"`
				}{Target(audit.Key{Table: audit.Table{Database: db, Name: table}, ID: id})}
				got, err := canonical(v)
				want, bad := encodeOther(nil, reflect.ValueOf(v.K))
				if err != nil || bad != nil || string(got) != `{"k":`+string(want)+"}\n" {
					t.Fatalf("%q %q %s: %s %v, want %s %v", db, table, id, got, err, want, bad)
				}
			}
		}
	}
}
