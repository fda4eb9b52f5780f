package harper

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"recourse/audit"
)

func TestPathSegment(t *testing.T) {
	attributes := []Attribute{{Name: "id"}, {Name: "name"}}
	for _, k := range []struct {
		id      audit.ID
		keyType string
		want    string // empty: cannot be written
	}{
		{`"plain-1_x"`, "ID", "plain-1_x"},
		{`"a b/c?d#e%2F.é"`, "ID", "a%20b%2Fc%3Fd%23e%252F%2E%C3%A9"},
		{`"."`, "String", "%2E"}, {`".."`, "String", "%2E%2E"},
		{`"7"`, "ID", "7"}, {`"null"`, "String", "null"}, {`7`, "ID", ""}, {`7`, "String", ""},
		{`7`, "Any", "7"}, {`-7`, "", "-7"}, {`0.5`, "Any", "0%2E5"}, {`0`, "Any", "0"},
		{`9007199254740992`, "Any", "9007199254740992"}, {`9007199254740993`, "Any", ""}, {`-9007199254740993`, "Long", ""}, {`1e+21`, "Any", ""}, {`1e-7`, "Any", ""},
		{`"7"`, "Any", ""}, {`"7"`, "", ""}, {`"007"`, "Any", ""}, {`" 7 "`, "Any", ""}, {`"0x1f"`, "Any", ""}, {`"1e5"`, "Any", ""}, {`"Infinity"`, "Any", ""},
		{`"true"`, "Any", ""}, {`"null"`, "Any", ""}, {`"NaN"`, "Any", ""}, {`"constructor"`, "Any", ""}, {`"__proto__"`, "Any", ""}, {`"2026-11-23T20:31:56Z"`, "Any", ""}, {`"  "`, "Any", ""},
		{`"2026-11-23"`, "Any", "2026-11-23"}, {`"7up"`, "Any", "7up"}, {`"018f3a"`, "Any", "018f3a"}, {`"c33adf4e-4514"`, "Any", "c33adf4e-4514"}, {`"$5"`, "Any", "%245"},
		{`7`, "Int", "7"}, {`-7`, "Long", "-7"}, {`1.5`, "Int", ""}, {`1.5`, "Float", "1%2E5"}, {`"7"`, "Int", ""},
		{`7`, "BigInt", ""}, {`"x"`, "Date", ""}, {`["x",1]`, "Any", ""}, {`["x",1]`, "ID", ""},
		{`"a.json"`, "ID", ""}, {`"a.name"`, "ID", ""}, {`"a@b.com"`, "ID", "a%40b%2Ecom"}, {`"a.b.json"`, "ID", "a%2Eb%2Ejson"},
	} {
		got, err := pathSegment(k.id.Value(), k.keyType, attributes)
		if got != k.want || (err == nil) != (k.want != "") || err != nil && !errors.Is(err, ErrIDNotOnREST) {
			t.Errorf("%s as %s: %q %v, want %q", k.id, k.keyType, got, err, k.want)
		}
	}
}

func TestExported(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		describe := func(database, table string) {
			answer(w, 200, object(t, map[string]any{"name": table, "database": database, "attributes": []any{map[string]any{"name": "id", "type": "ID", "isPrimaryKey": true}}}))
		}
		switch r.URL.Path {
		case "/dog":
			describe("dev", "dog")
		case "/pets":
			describe("dev", "cat")
		case "/odd":
			answer(w, 200, object(t, map[string]any{"hello": 1}))
		case "/forbidden":
			answer(w, 403, object(t, map[string]any{"type": "error:AccessViolation", "title": "Unauthorized access to resource", "status": 403}))
		default:
			w.WriteHeader(404)
			_, _ = io.WriteString(w, "Not found\n")
		}
	})
	c.paths = map[audit.Table]string{{Database: "dev", Name: "cat"}: "pets"}
	for name, want := range map[string]bool{"dev.dog": true, "dev.cat": true, "prod.dog": false, "dev.none": false, "dev.odd": false, "dev.a/b": false, "dev.": false} {
		database, table, _ := strings.Cut(name, ".")
		got, err := c.Exported(t.Context(), audit.Table{Database: database, Name: table})
		if err != nil || got != want {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	if _, err := c.Exported(t.Context(), audit.Table{Database: "dev", Name: "forbidden"}); !errors.Is(err, ErrForbidden) {
		t.Error(err)
	}
	without := client(t, Options{Target: c.shown})
	if err := without.Put(t.Context(), dogs, "1", object(t, nil)); !errors.Is(err, ErrNotExported) {
		t.Errorf("without a REST address: %v", err)
	}
}
