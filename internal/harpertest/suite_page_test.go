package harpertest_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
)

// pageKeys are keys of each type in Harper's order.
var pageKeys = []struct{ keyType, ids string }{
	{"", `[true,"q"] -5 [-5,"q"] 0 [0,"x"] 1 1.5 5000000000000000 [5000000000000000,"z"] 1e+300 "" ["","y"] "007" "1" "10" "b" ["x",1] ["x","1"] "~" "é"`},
	{"Any", `-1e+308 -2 0 [0,"x"] 1 9 "" "1" ["1","2"] "10" "2020-01-01T00:00:00Z" "9" "b" "nil" "true" ["x",1] ["x","1"] ["x","true"]`},
	{"ID", `"" "1" "10" "9" "b" "true" ["x","1"] ["x","y"]`},
	{"String", `"" "1" "10" "b"`},
	{"Int", `-2147483648 -1 0 1 7`},
	{"Long", `-9007199254740992 -1 0 7 1099511627776`},
	{"Float", `-1.5 -5e-324 0 5e-324 2 1e+300`},
	{"BigInt", `-7 -1 0 5`},
}

// testPages reads tables of every kind of key page by page.
func (s *suite) testPages(t *testing.T) {
	for _, c := range pageKeys {
		t.Run("key "+c.keyType, func(t *testing.T) {
			table := s.typedTable(t, c.keyType)
			want := strings.Fields(c.ids)
			var records []any
			for _, id := range want {
				records = append(records, fields{"id": parse(t, id).Any(), "v": id})
			}
			slices.Reverse(records)
			s.mustOp(t, fields{"operation": "insert", "database": table.Database, "table": table.Name, "records": records})
			for _, size := range []int{1, 2, 3, 0} {
				s.wantPages(t, table, size, want)
			}
		})
	}
	t.Run("versions", s.testVersions)
	t.Run("deleted", func(t *testing.T) {
		table := s.table(t)
		s.mustOp(t, fields{"operation": "insert", "database": s.db, "table": table.Name, "records": []any{fields{"id": 1}, fields{"id": 2}, fields{"id": 3}, fields{"id": 4}}})
		s.mustOp(t, fields{"operation": "delete", "database": s.db, "table": table.Name, "ids": []any{1, 2, 3}})
		s.wantPages(t, table, 2, []string{"4"}) // what is deleted does not fill a page
	})
	t.Run("one part", func(t *testing.T) {
		// A compound key of one part is that part.
		st := &stage{suite: s, table: s.table(t)}
		if got := st.write(t, "insert", `[{"id":["1"],"v":"\"1\""}]`); got != `wrote ["1"]` {
			t.Errorf("insert: %s", got)
		}
		if got := st.write(t, "insert", `[{"id":"1"}]`); got != `wrote nothing skipped "1"` {
			t.Errorf("insert again: %s", got)
		}
		s.wantPages(t, st.table, 0, []string{`"1"`})
	})
	t.Run("dates", func(t *testing.T) {
		// Harper takes a date for a moment where it compares and for a text where it
		// stores. The table can be read only as far as one page goes.
		table := s.typedTable(t, "Date")
		s.mustOp(t, fields{"operation": "insert", "database": s.db, "table": table.Name, "records": []any{fields{"id": "2020-01-01T00:00:00Z"}}})
		first, err := s.client.Page(testContext(t), table, "", 0)
		if err != nil || len(first) != 1 {
			t.Fatal(first, err)
		}
		if next, err := s.client.Page(testContext(t), table, first[0].ID, 0); err == nil {
			t.Errorf("behind the only one: %v", next)
		}
	})
}

// typedTable makes a table whose key is of a type; empty makes one without a
// schema.
func (s *suite) typedTable(t *testing.T, keyType string) audit.Table {
	t.Helper()
	if keyType == "" {
		return s.table(t)
	}
	name := "key" + keyType
	s.mustOp(t, fields{"operation": "create_table", "database": s.db, "table": name, "primary_key": "id", "attributes": []any{
		fields{"name": "id", "type": keyType, "is_primary_key": true},
	}})
	return audit.Table{Database: s.db, Name: name}
}

func (s *suite) wantPages(t *testing.T, table audit.Table, size int, want []string) {
	t.Helper()
	var got []string
	for r, err := range s.client.Scan(testContext(t), table, size) {
		if err != nil {
			t.Fatalf("pages of %d: %v", size, err)
		}
		got = append(got, string(r.ID))
		if r.Err != nil || r.Body.Get("v") != nil && r.Body.Get("v").Text() != string(r.ID) {
			t.Errorf("pages of %d: %s is %s, %v", size, r.ID, r.Body.JSON(), r.Err)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("pages of %d: %v, want %v", size, got, want)
	}
}

// testVersions wants each record as it is stored, with the time of its last
// change, the key 0 too; and that reading it leaves the table as it was.
func (s *suite) testVersions(t *testing.T) {
	st := &stage{suite: s, table: s.table(t)}
	st.write(t, "insert", `[{"id":0,"a":1},{"id":1,"b":2},{"id":"x","c":null}]`)
	st.write(t, "update", `[{"id":1,"b":3}]`)
	times := map[audit.ID]audit.Time{}
	for _, row := range s.scan(t, st.table, 0, 0) {
		times[row.ID] = row.Time
	}
	page, err := s.client.Page(testContext(t), st.table, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range page {
		got = append(got, string(r.ID)+" "+recordText(r.ID, r.Body))
		if r.Version != times[r.ID] || r.Nulls {
			t.Errorf("%s: version %v, want %v; nulls %v", r.ID, r.Version, times[r.ID], r.Nulls)
		}
	}
	if want := []string{`0 {"a":1}`, `1 {"b":3}`, `"x" {"c":null}`}; !slices.Equal(got, want) {
		t.Errorf("the page is %q, want %q", got, want)
	}
	current, err := s.client.Current(testContext(t), st.table, []audit.ID{"0", "1"})
	if err != nil || current["0"].Version != times["0"] || current["1"].Version != times["1"] {
		t.Errorf("by key: %v, %v", current, err)
	}
	st.write(t, "delete", `[0]`)
	for range 50 { // for a moment LMDB may show what was before a write
		page, err := s.client.Page(testContext(t), st.table, "", 0)
		if err != nil || page[0].ID != "0" {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.wantPages(t, st.table, 0, []string{"1", `"x"`})
	status, text := s.op(t, fields{"operation": "search_by_id", "database": s.db, "table": st.table.Name, "ids": []any{0, 1}, "get_attributes": []any{"id"}})
	if status != 200 || canonical(text) != `[{"id":1}]` {
		t.Errorf("by key after a deletion: %d %s", status, text)
	}
	// Asked not to disturb a cache, Harper tells of a record that is not there.
	status, text = s.op(t, fields{"operation": "search_by_id", "database": s.db, "table": st.table.Name, "ids": []any{"nobody"}, "get_attributes": []any{"*"}, "onlyIfCached": true, "noCacheStore": true})
	if status != 200 || canonical(text) != `[{"message":"ServerError: Entry is not cached"}]` {
		t.Errorf("a record that is not there, if it is cached: %d %s", status, text)
	}
	if _, err := s.client.Page(testContext(t), audit.Table{Database: s.db, Name: "nope"}, "", 0); !errors.Is(err, harper.ErrNotFound) {
		t.Errorf("a page of no table: %v", err)
	}
}
