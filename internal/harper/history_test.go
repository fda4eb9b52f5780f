package harper

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"recourse/audit"
)

// TestRecordHistoryIsolates answers as Harper does: keyed by the id as text,
// and not at all if one of the ids cannot be read.
func TestRecordHistoryIsolates(t *testing.T) {
	poisoned := map[string]bool{"13": true, "x,77": true}
	requests := 0
	f := &fakeTable{keyType: "Any"}
	f.handle = func(op audit.Value, w http.ResponseWriter) bool {
		requests++
		answers, order := map[string][]byte{}, []string{}
		for id := range op.Get("search_values").Elems() {
			text := scriptText(id)
			if poisoned[text] {
				answer(w, 500, object(t, map[string]any{"error": "Cannot set properties of null (setting 'b')"}))
				return true
			}
			if answers[text] != nil {
				t.Errorf("%q twice in one request", text)
			}
			order = append(order, text)
			answers[text] = harperCBOR(nil, []any{[]field{{"operation", "upsert"}, {"timestamp", 5}, {"hash_values", []any{id}}, {"records", []any{object(t, map[string]any{"v": id})}}}})
			if text == "0" {
				answers[text] = []byte{0x80}
			}
		}
		var fields []field
		for _, text := range order {
			fields = append(fields, field{text, answers[text]})
		}
		answer(w, 200, harperCBOR(nil, fields))
		return true
	}
	c := f.client(t)
	var ids []audit.ID
	for i := range 150 {
		n, _ := json.Marshal(i)
		ids = append(ids, audit.ID(n), audit.ID(`"`+string(n)+`"`), audit.ID(`["x",`+string(n)+`]`))
	}
	ids = append(ids, ids[0], ids[1])
	history, err := c.RecordHistory(t.Context(), dogs, ids)
	var failed IDErrors
	if !errors.As(err, &failed) || len(failed) != 3 || failed["13"] == nil || failed[`"13"`] == nil || failed[`["x",77]`] == nil {
		t.Fatalf("%v", err)
	}
	var one *Error
	if !errors.As(failed["13"], &one) || !strings.Contains(err.Error(), "Cannot set properties") {
		t.Error(err)
	}
	if len(history) != 447 {
		t.Errorf("%d histories", len(history))
	}
	for id, rows := range history {
		if id == "0" || id == `"0"` {
			if rows == nil || len(rows) != 0 {
				t.Errorf("%s: %v", id, rows)
			}
			continue
		}
		if len(rows) != 1 || rows[0].ID != id || !rows[0].Record.Get("v").Equal(id.Value()) {
			t.Errorf("%s: %v", id, rows)
		}
	}
	if requests > 60 {
		t.Errorf("%d requests", requests)
	}
	poisoned = map[string]bool{}
	f.handle = func(_ audit.Value, w http.ResponseWriter) bool {
		answer(w, 404, object(t, map[string]any{"error": "Table 'dev.dog' does not exist"}))
		return true
	}
	if _, err := c.RecordHistory(t.Context(), dogs, ids); !errors.Is(err, ErrNotFound) || errors.As(err, &failed) {
		t.Error(err)
	}
	f.handle = func(_ audit.Value, w http.ResponseWriter) bool {
		answer(w, 200, harperCBOR(nil, []field{}))
		return true
	}
	if _, err := c.RecordHistory(t.Context(), dogs, []audit.ID{`"__proto__"`}); !errors.Is(err, errUnanswered) {
		t.Errorf("an id that the answer lacks: %v", err)
	}
}

// TestCurrentSeesThroughCasts answers as Harper does on a key of any type,
// where a condition with the text "7" finds the number 7.
func TestCurrentSeesThroughCasts(t *testing.T) {
	f := &fakeTable{keyType: "Any", schema: true}
	f.handle = func(op audit.Value, w http.ResponseWriter) bool {
		record := func(id any) audit.Value { return object(t, map[string]any{"id": id, "v": 1}) }
		var found []any
		switch op.Get("operation").Text() {
		case "search_by_conditions":
			for c := range op.Get("conditions").Elems() {
				switch scriptText(c.Get("search_value")) {
				case "7":
					found = append(found, map[string]any{"$id": 7, "$updatedtime": 12.5, "$record": record(7)})
				case "a":
					found = append(found, map[string]any{"$id": "a", "$updatedtime": 13.5, "$record": record("moved")})
				}
			}
		case "search_by_id":
			for id := range op.Get("ids").Elems() {
				if id.Text() == "7" {
					found = append(found, record("7"))
				}
			}
		}
		answer(w, 200, object(t, map[string]any{"x": found}).Get("x"))
		return true
	}
	c := f.client(t)
	got, err := c.Current(t.Context(), dogs, []audit.ID{"7", `"7"`, `"a"`, `"b"`, "8"})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got["7"].Version != 12.5 || got["7"].Body.Get("id").JSON() != "7" ||
		got[`"7"`].Body.Get("id").JSON() != `"7"` || got[`"7"`].Version != 0 || got[`"a"`].Body.Get("id").Text() != "moved" {
		t.Errorf("%v", got)
	}
	if got, err = c.Current(t.Context(), dogs, []audit.ID{`"7"`}); err != nil || len(got) != 1 || got[`"7"`].Body.Get("id").JSON() != `"7"` {
		t.Errorf("%v %v", got, err)
	}
	f.handle = func(_ audit.Value, w http.ResponseWriter) bool {
		answer(w, 200, audit.Array(object(t, map[string]any{"error": "Error: Can not serialize key"})))
		return true
	}
	if _, err := c.Current(t.Context(), dogs, []audit.ID{`"x"`, `"y"`}); err == nil {
		t.Error("an error among the records was taken for a record")
	}
}
