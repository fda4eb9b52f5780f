package harpertest_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"recourse/audit"
	"recourse/internal/harper"
)

// poison writes a record whose history this line cannot read.
func (s *suite) poison(t *testing.T, id string) {
	t.Helper()
	put := func(method, body string) {
		t.Helper()
		if status, text := s.rest(t, method, things, id, body); status/100 != 2 {
			t.Fatalf("%s: %d %s", method, status, text)
		}
	}
	put("PUT", `{"a":1}`)
	put("PATCH", `{"a":2}`)
	if s.line.mark == "L" {
		put("PATCH", `{"b":3}`)
		put("DELETE", "")
		return
	}
	put("PUT", `{"a":3}`)
	put("PATCH", `{"a":4}`)
}

// testPoison holds the server to how an unreadable entry shows, and our client
// to seeing it: the answer is a 200 in which the rest of the log is missing.
func (s *suite) testPoison(t *testing.T) {
	s.needREST(t)
	since := s.mark(t, things)
	id := func(name string) string { return s.prefix + "poison-" + name }
	good := []string{"a", "b", "c"}
	for i, name := range good {
		if status, _ := s.rest(t, "PUT", things, id(name), `{"v":1}`); status != http.StatusNoContent {
			t.Fatalf("put: %d", status)
		}
		if i < 2 {
			s.poison(t, id("x"+name))
		}
	}
	until := s.mark(t, things)

	body, broken := s.cborLog(t, things, since)
	if !broken || len(body) == 0 || body[0] != 0x9f {
		t.Errorf("the CBOR answer of %d bytes breaks off: %v", len(body), broken)
	}
	if status, _ := s.rawLog(t, things, fields{"search_type": "username", "search_values": []any{s.cfg.Username}}); status != http.StatusInternalServerError {
		t.Errorf("a username search answers %d", status)
	}
	for _, asJSON := range []bool{false, true} {
		rows, err := s.scanErr(t, harper.AuditQuery{Table: things, From: since, JSON: asJSON})
		var truncated *harper.TruncatedError
		if !errors.As(err, &truncated) {
			t.Fatalf("JSON %v: the read ends with %v", asJSON, err)
		}
		if truncated.Rows != len(rows) || truncated.Message == "" || truncated.Server != asJSON {
			t.Errorf("JSON %v: %d rows and %#v", asJSON, len(rows), truncated)
		}
		if slices.ContainsFunc(rows, func(r harper.AuditRow) bool { return r.ID == audit.ID(audit.Text(id("c")).JSON()) }) {
			t.Errorf("JSON %v: the read went past what cannot be read", asJSON)
		}
	}

	var found []harper.AuditRow
	gaps := s.bisect(t, since, until, &found)
	got := map[string][]audit.Op{}
	for _, row := range found {
		got[row.ID.Value().Text()] = append(got[row.ID.Value().Text()], row.Operation)
	}
	for _, name := range good {
		if !slices.Equal(got[id(name)], []audit.Op{audit.OpUpsert}) {
			t.Errorf("windows find %v of %s", got[id(name)], name)
		}
	}
	// Each window that cannot be read hides one patch and nothing else.
	readable := []audit.Op{audit.OpUpsert, audit.OpPatch, audit.OpDelete}
	if s.line.mark == "R" {
		readable = []audit.Op{audit.OpUpsert, audit.OpUpsert, audit.OpPatch}
	}
	for _, name := range []string{"xa", "xb"} {
		if !slices.Equal(got[id(name)], readable) {
			t.Errorf("windows find %v of %s, want %v", got[id(name)], name, readable)
		}
	}
	if len(gaps) != 2 {
		t.Errorf("gaps at %v, want 2", gaps)
	}
}

// bisect reads a window, and by halves what of it can be read.
func (s *suite) bisect(t *testing.T, from, to audit.Time, found *[]harper.AuditRow) (gaps []audit.Time) {
	t.Helper()
	rows, err := s.scanErr(t, harper.AuditQuery{Table: things, From: from, To: to})
	if err == nil {
		*found = append(*found, rows...)
		return nil
	}
	if to-from <= 0.0005 { // two steps of a float64 of today
		return []audit.Time{from}
	}
	middle := from + (to-from)/2
	return append(s.bisect(t, from, middle, found), s.bisect(t, middle, to, found)...)
}
