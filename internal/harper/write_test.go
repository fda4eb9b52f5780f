package harper

import (
	"errors"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"recourse/audit"
)

var dogs = audit.Table{Database: "dev", Name: "dog"}

// A fakeTable answers for dev.dog with key id, and keeps the last operation.
type fakeTable struct {
	keyType string
	schema  bool
	last    audit.Value
	path    string
	method  string
	handle  func(op audit.Value, w http.ResponseWriter) bool
	asked   atomic.Int64
}

func (f *fakeTable) client(t *testing.T) *Client {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		op, _ := audit.Decode(raw)
		key := map[string]any{"attribute": "id", "name": "id", "type": f.keyType, "is_primary_key": true, "isPrimaryKey": true}
		if f.keyType == "" {
			delete(key, "type")
		}
		switch {
		case op.Get("operation").Text() == "describe_table":
			answer(w, 200, object(t, map[string]any{"name": "dog", "schema": "dev", "hash_attribute": "id", "audit": true, "schema_defined": f.schema, "attributes": []any{key}}))
			return
		case r.URL.EscapedPath() == "/dog":
			answer(w, 200, object(t, map[string]any{"name": "dog", "database": "dev", "attributes": []any{key, map[string]any{"name": "owner"}}}))
			return
		}
		f.asked.Add(1)
		f.last, f.path, f.method = op, r.URL.EscapedPath(), r.Method
		if f.handle != nil && f.handle(op, w) {
			return
		}
		if r.Method != http.MethodPost {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		answer(w, 200, object(t, map[string]any{"message": "done"}))
	})
}

// TestGuardRefuses asks for every write with every id that Harper could take
// for more than one record, and for ids that are none.
func TestGuardRefuses(t *testing.T) {
	f := &fakeTable{keyType: "Any"}
	c := f.client(t)
	ctx := t.Context()
	body := object(t, map[string]any{"a": 1})
	for _, id := range []audit.ID{"", `""`, "null", "[]", `[""]`, `["x",null]`, `[null]`, `["x",""]`, "true", "{}", `{"$number":"NaN"}`, "undefined", "nonsense", `[[1]]`} {
		_, err := c.Delete(ctx, dogs, []audit.ID{`"good"`, id})
		for what, err := range map[string]error{"delete": err, "put": c.Put(ctx, dogs, id, body), "patch": c.Patch(ctx, dogs, id, body), "get": third(c.GetREST(ctx, dogs, id))} {
			if !errors.Is(err, ErrEmptyID) {
				t.Errorf("%s of %q: %v", what, id, err)
			}
		}
		history, err := c.RecordHistory(ctx, dogs, []audit.ID{id})
		var failed IDErrors
		if !errors.As(err, &failed) || !errors.Is(failed[id], ErrEmptyID) || len(history) != 0 {
			t.Errorf("history of %q: %v", id, err)
		}
	}
	for name, err := range map[string]error{
		"delete of nothing":        second(c.Delete(ctx, dogs, nil)),
		"insert without id":        second(c.Insert(ctx, dogs, []audit.Value{body})),
		"update of null":           second(c.Update(ctx, dogs, []audit.Value{body.With("id", audit.Null())})),
		"upsert of empty text":     second(c.Upsert(ctx, dogs, []audit.Value{body.With("id", audit.Text(""))})),
		"upsert of NaN":            second(c.Upsert(ctx, dogs, []audit.Value{body.With("id", audit.Float(math.NaN()))})),
		"call delete of null":      second(c.Call(ctx, map[string]any{"operation": "delete", "ids": []any{nil}})),
		"call delete of all":       second(c.Call(ctx, map[string]any{"operation": "delete"})),
		"call delete by old name":  second(c.Call(ctx, map[string]any{"operation": "delete", "ids": []any{1}, "hash_values": []any{""}})),
		"call delete of no list":   second(c.Call(ctx, map[string]any{"operation": "delete", "ids": "x"})),
		"call delete of part null": second(c.Call(ctx, map[string]any{"operation": "delete", "ids": []any{1, []any{"x", nil}}})),
	} {
		if !errors.Is(err, ErrEmptyID) {
			t.Errorf("%s: %v", name, err)
		}
	}
	row := func(id any) audit.Value { return object(t, map[string]any{"id": id}) }
	for _, pair := range [][2]any{{1, "1"}, {1, 1}, {[]any{"x", 1}, "x,1"}, {[]any{"x", 1}, []any{"x", "1"}}, {1.5, "1.5"}} {
		if _, err := c.Insert(ctx, dogs, []audit.Value{row(pair[0]), row(pair[1])}); !errors.Is(err, ErrIDsCollide) {
			t.Errorf("insert of %v: %v", pair, err)
		}
	}
	for name, err := range map[string]error{
		"no records":    second(c.Insert(ctx, dogs, nil)),
		"no object":     second(c.Insert(ctx, dogs, []audit.Value{audit.Int(1)})),
		"another id":    c.Put(ctx, dogs, "1", row("1")),
		"body is a key": c.Patch(ctx, dogs, "1", audit.Int(1)),
		"no operation":  second(c.Call(ctx, map[string]any{"ids": []any{1}})),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if n := f.asked.Load(); n != 0 {
		t.Errorf("%d requests were sent, the last %s %s", n, f.method, f.last.JSON())
	}
}

func second[A any](_ A, err error) error        { return err }
func third[A, B any](_ A, _ B, err error) error { return err }

func TestWriteRequests(t *testing.T) {
	f := &fakeTable{keyType: "Any"}
	c := f.client(t)
	ctx := t.Context()
	record := object(t, map[string]any{"id": 7, "n": int64(1) << 40})
	for op, write := range map[string]func() (Result, error){
		"insert": func() (Result, error) { return c.Insert(ctx, dogs, []audit.Value{record}) },
		"update": func() (Result, error) { return c.Update(ctx, dogs, []audit.Value{record}) },
		"upsert": func() (Result, error) { return c.Upsert(ctx, dogs, []audit.Value{record}) },
	} {
		if _, err := write(); err != nil {
			t.Error(err)
		}
		if got := f.last.JSON(); got != `{"database":"dev","operation":"`+op+`","records":[{"id":7,"n":1099511627776}],"schema":"dev","table":"dog"}` {
			t.Errorf("%s sent %s", op, got)
		}
	}
	if _, err := c.Delete(ctx, dogs, []audit.ID{"7", `"7"`, `["x",1]`}); err != nil {
		t.Error(err)
	}
	if got := f.last.Get("ids").JSON(); got != `[7,"7",["x",1]]` || f.last.Get("hash_values").JSON() != got {
		t.Errorf("delete sent %s", f.last.JSON())
	}
	if err := c.Put(ctx, dogs, `"a b/c"`, record.With("id", nil)); err != nil || f.method != "PUT" || f.path != "/dog/a%20b%2Fc" {
		t.Errorf("%v: %s %s", err, f.method, f.path)
	}
	if err := c.Patch(ctx, dogs, "7", record); err != nil || f.method != "PATCH" || f.path != "/dog/7" || !f.last.Equal(record) {
		t.Errorf("%v: %s %s %s", err, f.method, f.path, f.last.JSON())
	}
}

// TestCapturedResults reads what real Harpers said of writes.
func TestCapturedResults(t *testing.T) {
	want := map[string]Result{
		"insert-existing-is-skipped.json": {Hashes: []audit.ID{`"r3"`}, Skipped: []audit.ID{`"r1"`}},
		"update-missing-is-skipped.json":  {Skipped: []audit.ID{`"nono"`}},
	}
	n := 0
	for _, c := range append(captures(t, "captures/lmdb/restore"), captures(t, "captures/rocksdb/restore")...) {
		for name, w := range want {
			if !strings.HasSuffix(c.path, name) {
				continue
			}
			n++
			v, err := audit.FromJSON(c.response)
			if err != nil {
				t.Fatal(err)
			}
			if got := result(v, nil); !slices.Equal(got.Hashes, w.Hashes) || !slices.Equal(got.Skipped, w.Skipped) || got.Message == "" {
				t.Errorf("%s: %+v", c.path, got)
			}
		}
	}
	if n != 4 {
		t.Errorf("%d captures", n)
	}
	v := object(t, map[string]any{"message": "0 of 2 records deleted", "deleted_hashes": []any{}, "skipped_hashes": 2})
	if got := result(v, []audit.ID{"1", "2"}); len(got.Skipped) != 2 || len(got.Hashes) != 0 {
		t.Errorf("%+v", got)
	}
}
