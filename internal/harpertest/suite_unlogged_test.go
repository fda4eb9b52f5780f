package harpertest_test

import (
	"slices"
	"strings"
	"testing"

	"recourse/audit"
	"recourse/internal/harper"
)

// testUnlogged changes tables in the ways of which the log says nothing, and
// looks for what shows them all the same.
func (s *suite) testUnlogged(t *testing.T) {
	t.Run("drop attribute", func(t *testing.T) {
		st := &stage{suite: s, table: s.table(t)}
		st.write(t, "insert", `[{"id":1,"a":1,"b":2}]`)
		before := len(s.scan(t, st.table, 0, 0))
		s.mustOp(t, fields{"operation": "drop_attribute", "schema": s.db, "database": s.db, "table": st.table.Name, "attribute": "b"})
		if got := len(s.scan(t, st.table, 0, 0)); got != before {
			t.Errorf("the log went from %d to %d rows", before, got)
		}
		page, err := s.client.Page(testContext(t), st.table, "", 0)
		if err != nil || len(page) != 1 || recordText("1", page[0].Body) != `{"a":1}` {
			t.Errorf("the record is %v, %v", page, err)
		}
		// The record's way to its history is lost until it is written again.
		if got := st.historyLines(t, `[1]`); len(got) != 1 || !strings.HasPrefix(got[0], "500 ") {
			t.Errorf("its history: %q", got)
		}
		st.write(t, "update", `[{"id":1,"a":2}]`)
		if got := st.historyLines(t, `[1]`); len(got) != 1 || strings.HasPrefix(got[0], "500 ") {
			t.Errorf("its history after a write: %q", got)
		}
	})
	t.Run("drop table", func(t *testing.T) {
		st := &stage{suite: s, table: s.table(t)}
		st.write(t, "insert", `[{"id":1}]`)
		s.mustOp(t, fields{"operation": "drop_table", "schema": s.db, "database": s.db, "table": st.table.Name})
		if status, text := s.rawLog(t, st.table, nil); status != 404 {
			t.Errorf("the log of a dropped table: %d %s", status, text)
		}
		s.mustOp(t, fields{"operation": "create_table", "database": s.db, "table": st.table.Name, "primary_key": "id"})
		if rows := s.scan(t, st.table, 0, 0); len(rows) != 0 {
			t.Errorf("the log of the new table: %v", rows)
		}
		s.wantPages(t, st.table, 0, nil)
	})
	t.Run("no audit", func(t *testing.T) {
		table := audit.Table{Database: s.db, Name: "silent"}
		s.mustOp(t, fields{"operation": "create_table", "database": s.db, "table": table.Name, "primary_key": "id", "audit": false})
		info, err := s.client.DescribeTable(testContext(t), table)
		if err != nil || info.Audit {
			t.Fatalf("%+v, %v", info, err)
		}
		s.mustOp(t, fields{"operation": "insert", "database": s.db, "table": table.Name, "records": []any{fields{"id": 1}}})
		if rows := s.scan(t, table, 0, 0); len(rows) != 0 {
			t.Errorf("the log of a table without one: %v", rows)
		}
		s.wantPages(t, table, 0, []string{"1"})
	})
	t.Run("schema", func(t *testing.T) {
		// Neither tables nor attributes that are made are in any log.
		now, _, err := s.client.ServerTime(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		st := &stage{suite: s, table: s.table(t)}
		s.mustOp(t, fields{"operation": "create_attribute", "schema": s.db, "database": s.db, "table": st.table.Name, "attribute": "made"})
		if rows := s.scan(t, st.table, 0, 0); len(rows) != 0 {
			t.Errorf("the table's log: %v", rows)
		}
		for _, name := range []string{"hdb_user", "hdb_role", "hdb_nodes"} {
			if rows := s.scan(t, audit.Table{Database: "system", Name: name}, now, 0); len(rows) != 0 {
				t.Errorf("the log of %s: %v", name, rows)
			}
		}
		info, err := s.client.DescribeTable(testContext(t), st.table)
		if _, ok := info.Attribute("made"); err != nil || !ok {
			t.Errorf("%+v, %v", info, err)
		}
	})
	t.Run("users", func(t *testing.T) {
		// Users and roles are logged, and nobody is named.
		now, _, err := s.client.ServerTime(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		name := s.addUser(t, "traced", fields{"super_user": false, s.db: fields{"tables": fields{}}})
		for table, id := range map[string]string{"hdb_user": name} {
			rows := s.scan(t, audit.Table{Database: "system", Name: table}, now-2, 0)
			i := slices.IndexFunc(rows, func(r harper.AuditRow) bool { return r.ID.Value().Text() == id })
			if i < 0 {
				t.Fatalf("the log of %s is without %s", table, id)
			}
			if r := rows[i]; r.User != "" || r.Record.Get("password").Text() == "" {
				t.Errorf("the log of %s has %v of %q", table, r.Record.Names(), r.User)
			}
		}
	})
}
