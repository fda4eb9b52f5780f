package harpertest_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"recourse/audit"
	"recourse/internal/harper"
)

// testTraps springs what would destroy a table, in tables of its own, and wants
// our client to refuse every form of it before anything is sent.
func (s *suite) testTraps(t *testing.T) {
	st := &stage{suite: s, table: s.table(t)}
	fill := func() { st.write(t, "upsert", `[{"id":"a"},{"id":"b"}]`) }
	count := func() int { return len(st.stateLines(t)) }
	remove := func(ids any) (int, string) {
		return s.op(t, fields{"operation": "delete", "database": s.db, "table": st.table.Name, "ids": ids})
	}

	fill()
	for _, ids := range []any{[]any{}, []any{""}} {
		if status, text := remove(ids); status != http.StatusOK || count() != 2 {
			t.Errorf("delete %q: %d %s, and %d records are left", ids, status, text, count())
		}
	}
	// A null in a delete stands for every record of the table.
	if status, text := remove([]any{nil}); status != http.StatusOK || !strings.Contains(text, "1 of 1 record successfully deleted") || count() != 0 {
		t.Errorf("delete [null]: %d %s, and %d records are left", status, text, count())
	}
	rows := transcript(s.scan(t, st.table, 0, 0), s.cfg.Username)
	if last := rows[len(rows)-1]; last != `delete "a" - "b" -` {
		t.Errorf("the log of it: %s", last)
	}
	t.Run("zero", func(t *testing.T) {
		zero := &stage{suite: s, table: s.table(t)}
		zero.write(t, "insert", `[{"id":0},{"id":1}]`)
		status, _ := s.op(t, fields{"operation": "delete", "database": s.db, "table": zero.table.Name, "ids": []any{nil}})
		if got := len(zero.stateLines(t)); status != http.StatusInternalServerError || got != 2 {
			t.Errorf("delete [null] beside a record 0: %d, and %d records are left", status, got)
		}
	})

	t.Run("client", func(t *testing.T) {
		fill()
		ctx := testContext(t)
		record := func(id audit.Value) []audit.Value {
			return []audit.Value{audit.Object(map[string]audit.Value{"id": id, "v": audit.Int(1)})}
		}
		for _, id := range []audit.ID{"", "null", `""`, "[]", "[null]"} {
			if _, err := s.client.Delete(ctx, st.table, []audit.ID{`"a"`, id}); !errors.Is(err, harper.ErrEmptyID) {
				t.Errorf("delete %q: %v", id, err)
			}
			_, callErr := s.client.Call(ctx, fields{
				"operation": "delete", "database": s.db, "table": st.table.Name, "ids": []any{id.Value()},
			})
			if !errors.Is(callErr, harper.ErrEmptyID) {
				t.Errorf("call delete %q: %v", id, callErr)
			}
			for name, write := range map[string]func() error{
				"insert": func() error { _, err := s.client.Insert(ctx, st.table, record(id.Value())); return err },
				"update": func() error { _, err := s.client.Update(ctx, st.table, record(id.Value())); return err },
				"upsert": func() error { _, err := s.client.Upsert(ctx, st.table, record(id.Value())); return err },
				"put":    func() error { return s.client.Put(ctx, things, id, audit.Object(nil)) },
				"patch":  func() error { return s.client.Patch(ctx, things, id, audit.Object(nil)) },
			} {
				if err := write(); !errors.Is(err, harper.ErrEmptyID) {
					t.Errorf("%s %q: %v", name, id, err)
				}
			}
		}
		if _, err := s.client.Delete(ctx, st.table, nil); !errors.Is(err, harper.ErrEmptyID) {
			t.Errorf("delete nothing: %v", err)
		}
		if _, err := s.client.Upsert(ctx, st.table, []audit.Value{parse(t, `{"id":1}`), parse(t, `{"id":"1"}`)}); !errors.Is(err, harper.ErrIDsCollide) {
			t.Errorf("keys that read alike: %v", err)
		}
		if got := count(); got != 2 {
			t.Errorf("%d records are left of 2", got)
		}
	})

	t.Run("rest", func(t *testing.T) {
		s.needREST(t)
		if !s.cfg.Throwaway {
			t.Skip("it empties the REST table: set HARPER_TEST_THROWAWAY=1 if nobody needs it")
		}
		s.rest(t, "PUT", things, s.prefix+"trap", `{"a":1}`)
		status, _ := s.rest(t, "DELETE", things, "", "")
		all := &stage{suite: s, table: things}
		if got := len(all.stateLines(t)); status/100 != 2 || got != 0 {
			t.Errorf("DELETE /Thing/: %d, and %d records are left", status, got)
		}
	})
}

// testFuture wants that a write older than its record's version is answered
// like any other, and does nothing.
func (s *suite) testFuture(t *testing.T) {
	if s.cfg.Future == nil {
		t.Skip("only a server's own code can write a version that lies in the future")
	}
	s.needREST(t)
	name := s.prefix + "future"
	id := audit.ID(audit.Text(name).JSON())
	s.cfg.Future(t, things, parse(t, `{"id":"`+name+`","v":"pinned"}`))
	since := s.mark(t, things)
	ctx := testContext(t)
	record := parse(t, `{"id":"`+name+`","v":"repair"}`)
	for what, write := range map[string]func() (harper.Result, error){
		"update": func() (harper.Result, error) { return s.client.Update(ctx, things, []audit.Value{record}) },
		"upsert": func() (harper.Result, error) { return s.client.Upsert(ctx, things, []audit.Value{record}) },
		"delete": func() (harper.Result, error) { return s.client.Delete(ctx, things, []audit.ID{id}) },
	} {
		if got, err := write(); err != nil || len(got.Hashes) != 1 || len(got.Skipped) > 0 {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	if err := s.client.Put(ctx, things, id, record); err != nil {
		t.Errorf("put: %v", err)
	}
	if err := s.client.Patch(ctx, things, id, parse(t, `{"v":"repair"}`)); err != nil {
		t.Errorf("patch: %v", err)
	}
	got, err := s.client.Records(ctx, things, []audit.ID{id})
	if err != nil || got[id].Get("v").Text() != "pinned" {
		t.Errorf("the record is %s, %v", got[id].JSON(), err)
	}
	now, _, err := s.client.ServerTime(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range s.scan(t, things, since, 0) {
		if row.ID == id && row.Time <= now+1 {
			t.Errorf("the log has %s of it at %v", row.Operation, row.Time)
		}
	}
}
