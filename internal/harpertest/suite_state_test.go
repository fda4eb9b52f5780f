package harpertest_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"recourse/audit"
	"recourse/internal/harper"
)

// testKeys takes every kind of key the whole way: written, in the log, in its
// history, in the table, deleted. What is not the same key never meets. The key 0
// is not among them: once a record of that key was read by a condition and
// deleted, the LMDB line answers some searches by id in that table never, and
// some with the deleted record.
func (s *suite) testKeys(t *testing.T) {
	table := s.table(t)
	ids := []audit.ID{
		`1`, `"1"`, `-5`, `1.5`, `9007199254740991`, `4294967296`, `"01"`, `"true"`, `"NaN"`,
		`"a/b c?d#e%2F"`, `"é😀"`, `["x",1,"y"]`, `"x,1,y"`, `["x","1","y"]`, `[1,2]`, `"a.json"`, `" "`, `"2026-01-01T00:00:00.000Z"`,
	}
	for i, id := range ids {
		record := audit.Object(map[string]audit.Value{"id": id.Value(), "n": audit.Int(int64(i))})
		got, err := s.client.Insert(testContext(t), table, []audit.Value{record})
		if err != nil || !slices.Equal(got.Hashes, []audit.ID{id}) {
			t.Fatalf("insert %s: %+v, %v", id, got, err)
		}
	}
	holds := func(where string, id audit.ID, v audit.Value) {
		t.Helper()
		if n, _ := v.Get("n").Float64(); ids[int(n)] != id {
			t.Errorf("%s of %s: that of %s", where, id, ids[int(n)])
		}
	}
	rows := s.scan(t, table, 0, 0)
	if len(rows) != len(ids) {
		t.Fatalf("%d rows, want %d", len(rows), len(ids))
	}
	for i, row := range rows {
		if row.ID != ids[i] {
			t.Errorf("row %d is of %s, want %s", i, row.ID, ids[i])
		}
		holds("image", row.ID, row.Record)
	}
	history, err := s.client.RecordHistory(testContext(t), table, ids)
	if err != nil {
		t.Fatal(err)
	}
	current, err := s.client.Current(testContext(t), table, ids)
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		if len(history[id]) != 1 {
			t.Errorf("history of %s: %d rows", id, len(history[id]))
		} else {
			holds("history", id, history[id][0].Record)
		}
		record, ok := current[id]
		if !ok {
			t.Errorf("no current record of %s", id)
			continue
		}
		holds("state", id, record.Body)
		if record.Version != 0 && record.Version != rows[i].Time {
			t.Errorf("the version of %s is %v, its last change %v", id, record.Version, rows[i].Time)
		}
	}
	got, err := s.client.Delete(testContext(t), table, ids)
	if err != nil || !slices.Equal(got.Hashes, ids) {
		t.Errorf("delete: %+v, %v", got, err)
	}
	if left, err := s.client.Current(testContext(t), table, ids); err != nil || len(left) > 0 {
		t.Errorf("after the delete: %v, %v", slices.Sorted(maps.Keys(left)), err)
	}
}

// testHistory reads histories of keys that are the same as text, of a key that
// the log does not know, and of one that cannot be read beside one that can.
func (s *suite) testHistory(t *testing.T) {
	table := s.table(t)
	st := &stage{suite: s, table: table}
	for _, c := range []struct{ op, args string }{
		{"insert", `[{"id":1,"a":1}]`}, {"update", `[{"id":1,"a":2}]`}, {"delete", `[1]`}, {"insert", `[{"id":"1","b":1}]`},
	} {
		st.write(t, c.op, c.args)
	}
	got, err := s.client.RecordHistory(testContext(t), table, []audit.ID{`1`, `"1"`, `7`})
	if err != nil {
		t.Fatal(err)
	}
	put := audit.OpUpsert // the LMDB line does not tell one full image from another here
	update := audit.OpUpsert
	if s.line.historyNamesPuts {
		put, update = audit.OpInsert, audit.OpUpdate
	}
	want := map[audit.ID][]audit.Op{`1`: {put, update, audit.OpDelete}, `"1"`: {put}, `7`: {}}
	for id, ops := range want {
		rows, asked := got[id]
		if !asked || len(rows) != len(ops) {
			t.Errorf("history of %s: %d rows, want %v", id, len(rows), ops)
			continue
		}
		for i, row := range rows {
			if row.Operation != ops[i] || row.ID != id || row.User != s.cfg.Username || row.IDsField != s.line.idsField {
				t.Errorf("history of %s: %+v, want %s", id, row, ops[i])
			}
		}
	}
	scanned := s.scan(t, table, 0, 0)
	if n := len(got[`1`]); n == 3 && (got[`1`][0].Time != scanned[0].Time || got[`1`][2].Time != scanned[2].Time) {
		t.Error("a history has other times than a scan")
	}

	t.Run("poison", func(t *testing.T) {
		s.needREST(t)
		bad, good := s.prefix+"history-bad", s.prefix+"history-good"
		s.poison(t, bad)
		s.rest(t, "PUT", things, good, `{"a":1}`)
		badID, goodID := audit.ID(audit.Text(bad).JSON()), audit.ID(audit.Text(good).JSON())
		got, err := s.client.RecordHistory(testContext(t), things, []audit.ID{badID, goodID})
		var failed harper.IDErrors
		if !errors.As(err, &failed) || failed[badID] == nil || len(failed) != 1 {
			t.Errorf("the error is %v", err)
		}
		if len(got[goodID]) != 1 {
			t.Errorf("the other history has %d rows", len(got[goodID]))
		}
	})
}

// testState reads records as they are: exactly, whether or not the table has a
// schema.
func (s *suite) testState(t *testing.T) {
	table := s.table(t)
	st := &stage{suite: s, table: table}
	st.write(t, "insert", `[{"id":1,"a":1},{"id":2,"b":null,"c":{"d":[1,null]}}]`)
	got, err := s.client.Current(testContext(t), table, []audit.ID{`1`, `2`, `3`})
	if err != nil || len(got) != 2 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	at := s.scan(t, table, 0, 0)[0].Time
	for id, want := range map[audit.ID]string{`1`: `{"a":1,"id":1}`, `2`: `{"b":null,"c":{"d":[1,null]},"id":2}`} {
		if text := strip(got[id].Body).JSON(); text != want || got[id].Nulls || got[id].Version != at {
			t.Errorf("record %s is %s at %v (nulls %v), want %s at %v", id, text, got[id].Version, got[id].Nulls, want, at)
		}
	}
	// A change moves the version.
	st.write(t, "update", `[{"id":1,"a":2}]`)
	rows := s.scan(t, table, 0, 0)
	got, err = s.client.Current(testContext(t), table, []audit.ID{`1`})
	if err != nil || got[`1`].Version != rows[len(rows)-1].Time {
		t.Errorf("version %v after a change at %v, %v", got[`1`].Version, rows[len(rows)-1].Time, err)
	}
	if _, err := s.client.Current(testContext(t), audit.Table{Database: s.db, Name: "nope"}, []audit.ID{`1`}); !errors.Is(err, harper.ErrNotFound) {
		t.Errorf("records of a table that is not there: %v", err)
	}
}

// testREST does by our client what only REST can.
func (s *suite) testREST(t *testing.T) {
	s.needREST(t)
	ctx := testContext(t)
	for table, want := range map[audit.Table]bool{things: true, dogs: true, s.table(t): false} {
		if got, err := s.client.Exported(ctx, table); err != nil || got != want {
			t.Errorf("exported %s: %v, %v", table, got, err)
		}
	}
	since := s.mark(t, things)
	name := s.prefix + "rest/é ?%"
	id := audit.ID(audit.Text(name).JSON())
	read := func(want string) {
		t.Helper()
		got, ok, err := s.client.GetREST(ctx, things, id)
		if err != nil || ok != (want != "") || ok && got.With("id", nil).JSON() != want {
			t.Errorf("got %s, %v, %v, want %s", got.JSON(), ok, err, want)
		}
	}
	read("")
	everything := everyType()
	if err := s.client.Put(ctx, things, id, audit.Object(everything)); err != nil {
		t.Fatal(err)
	}
	got, _, err := s.client.GetREST(ctx, things, id)
	if err != nil {
		t.Fatal(err)
	}
	for attribute, want := range everything {
		if v := got.Get(attribute); !v.Equal(want) || v.Kind() != want.Kind() {
			t.Errorf("%s over REST: %s %s, want %s %s", attribute, v.Kind(), v.JSON(), want.Kind(), want.JSON())
		}
	}
	steps := []struct {
		do   func() error
		want string
	}{
		{func() error { _, err := s.client.Delete(ctx, things, []audit.ID{id}); return err }, ""},
		{func() error { return s.client.Put(ctx, things, id, parse(t, `{"a":1,"n":5}`)) }, `{"a":1,"n":5}`},
		{func() error { return s.client.Patch(ctx, things, id, parse(t, `{"b":{"c":1}}`)) }, `{"a":1,"b":{"c":1},"n":5}`},
		{func() error {
			return s.client.Patch(ctx, things, id, parse(t, `{"n":{"__op__":"add","value":-7}}`))
		}, `{"a":1,"b":{"c":1},"n":-2}`},
	}
	for i, step := range steps {
		if err := step.do(); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		read(step.want)
	}
	st := &stage{suite: s, table: things, id: name}
	var ops []audit.Op
	for _, row := range st.own(s.scan(t, things, since, 0)) {
		ops = append(ops, row.Operation)
	}
	if want := []audit.Op{"upsert", "delete", "upsert", "patch", "patch"}; !slices.Equal(ops, want) {
		t.Errorf("the log has %v, want %v", ops, want)
	}
}
