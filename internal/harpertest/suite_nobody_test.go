package harpertest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"recourse/audit"
	"recourse/internal/harper"
)

// testNobody writes in the ways of which the log says what but not who.
func (s *suite) testNobody(t *testing.T) {
	st := &stage{suite: s, table: s.table(t)}
	now, _, err := s.client.ServerTime(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	answer := s.mustOp(t, fields{"operation": "csv_data_load", "schema": s.db, "database": s.db, "table": st.table.Name, "action": "insert", "data": "id,v\n1,a\n2,b\n"})
	job := s.finished(t, answer.Get("job_id").Text(), now)
	if job.User != s.cfg.Username || job.Type != "csv_data_load" {
		t.Errorf("who did it stands in the job: %+v", job)
	}
	s.mustOp(t, fields{"operation": "catchup", "transaction": fields{
		"channel": s.db + ":" + st.table.Name, "schema": s.db, "table": st.table.Name,
		"transactions": []any{fields{"operation": "insert", "schema": s.db, "table": st.table.Name, "records": []any{fields{"id": 3}}}},
	}})
	got := transcript(s.scan(t, st.table, 0, 0), s.cfg.Username)
	want := []string{`insert (nobody) 1 {"v":"a"} 2 {"v":"b"}`, `insert (nobody) 3 {}`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
}

// finished waits for a job to end.
func (s *suite) finished(t *testing.T, id string, since audit.Time) harper.Job {
	t.Helper()
	for range 200 {
		list, err := s.client.Jobs(testContext(t), (since - 2000).Go(), since.Go().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(list, func(j harper.Job) bool { return j.ID == id })
		if i < 0 {
			t.Fatalf("the jobs %v are without %s", list, id)
		}
		if list[i].Status != "CREATED" && list[i].Status != "IN_PROGRESS" {
			return list[i]
		}
		time.Sleep(20 * time.Millisecond) // another process does the work
	}
	t.Fatalf("job %s does not end", id)
	return harper.Job{}
}

// testHiddenTransaction hides one patch of a transaction of two, in the way of
// the RocksDB line. LMDB keeps what the operations API writes whole.
func (s *suite) testHiddenTransaction(t *testing.T) {
	s.needREST(t)
	if s.line.mark != "R" {
		t.Skip("only RocksDB keeps updates as patches")
	}
	since := s.mark(t, things)
	p, q := s.prefix+"pair-p", s.prefix+"pair-q"
	for _, step := range []struct {
		op     string
		values fields
	}{{"insert", fields{"a": 1}}, {"update", fields{"a": 2}}} {
		var records []any
		for _, id := range []string{p, q} {
			records = append(records, fields{"id": id, "a": step.values["a"]})
		}
		s.mustOp(t, fields{"operation": step.op, "database": things.Database, "table": things.Name, "records": records})
	}
	whole := s.scan(t, things, since, 0)
	i := slices.IndexFunc(whole, func(r harper.AuditRow) bool { return r.Operation == audit.OpUpdate })
	if i < 0 || whole[i].Size != 2 {
		t.Fatalf("the update of two is %v", whole)
	}
	s.rest(t, "PUT", things, p, `{"a":3}`)
	s.rest(t, "PATCH", things, p, `{"a":4}`)
	until := s.mark(t, things)
	// The window cannot be made narrower than the transaction, whose other record
	// is hidden with it.
	var found []harper.AuditRow
	gaps := s.bisect(t, since, until, &found)
	if at := whole[i].Time; len(gaps) != 1 || at < gaps[0] || at >= gaps[0]+0.0005 {
		t.Errorf("gaps at %v, want one at %v", gaps, whole[i].Time)
	}
	if slices.ContainsFunc(found, func(r harper.AuditRow) bool { return r.Time == whole[i].Time }) {
		t.Error("a part of the hidden transaction was read")
	}
	// The record that is fine tells its part by its key.
	history, err := s.client.RecordHistory(testContext(t), things, []audit.ID{audit.ID(audit.Text(q).JSON())})
	if rows := history[audit.ID(audit.Text(q).JSON())]; err != nil || len(rows) != 2 || rows[1].Time != whole[i].Time {
		t.Errorf("the other record's history: %v, %v", rows, err)
	}
	s.mustOp(t, fields{"operation": "delete", "database": things.Database, "table": things.Name, "ids": []any{p}}) // makes it readable again
	if n := len(s.scan(t, things, whole[i].Time, whole[i].Time+0.0005)); n != 2 {
		t.Errorf("after the deletion %d of 2 rows can be read", n)
	}
}

// testBackup asks for a backup, which this RocksDB line cannot make.
func (s *suite) testBackup(t *testing.T) {
	if s.line.mark != "R" {
		t.Skip("LMDB gives its file, of which the program makes no use")
	}
	if status, text := s.op(t, fields{"operation": "get_backup", "schema": s.db, "database": s.db}); status != 500 || canonical(text) != `{"error":"EISDIR: illegal operation on a directory, read"}` {
		t.Errorf("%d %.200s", status, text)
	}
}
