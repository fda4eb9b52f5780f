package harpertest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"recourse/audit"
)

// What this file sends, it sends as a stranger would: our own client refuses
// some of it, and what the server says to it is to be known all the same.

type fields = map[string]any

// op sends one operation as JSON and returns the status and the body.
func (s *suite) op(t *testing.T, body fields) (int, string) {
	t.Helper()
	return s.opAs(t, s.basic(), body)
}

func (s *suite) mustOp(t *testing.T, body fields) audit.Value {
	t.Helper()
	status, text := s.op(t, body)
	if status != http.StatusOK {
		t.Fatalf("%v: %d %s", body["operation"], status, text)
	}
	return parse(t, text)
}

// basic is the authorization header of the suite's own user.
func (s *suite) basic() string { return basicOf(s.cfg.Username, s.cfg.Password) }

func basicOf(user, password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

func (s *suite) opAs(t *testing.T, authorization string, body fields) (int, string) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	status, answer, err := s.send(t, http.MethodPost, s.cfg.OpsURL, b, http.Header{
		"Authorization": {authorization}, "Content-Type": {"application/json"},
	})
	if err != nil {
		t.Fatalf("%v: %v", body["operation"], err)
	}
	return status, string(answer)
}

// rest sends one request to the REST interface. The id is escaped; headers are
// "Name: value".
func (s *suite) rest(t *testing.T, method string, table audit.Table, id, body string, headers ...string) (int, string) {
	t.Helper()
	h := http.Header{"Authorization": {s.basic()}}
	for _, line := range headers {
		name, val, _ := strings.Cut(line, ": ")
		h.Set(name, val)
	}
	var b []byte
	if body != "" {
		b = []byte(body)
		h.Set("Content-Type", "application/json")
	}
	status, answer, err := s.send(t, method, s.cfg.RESTURL+"/"+table.Name+"/"+url.PathEscape(id), b, h)
	if err != nil {
		t.Fatalf("%s %s: %v", method, id, err)
	}
	return status, string(answer)
}

// send returns what arrived together with the error that ended it.
func (s *suite) send(t *testing.T, method, address string, body []byte, h http.Header) (int, []byte, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, address, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, vals := range h {
		if vals[0] != "" {
			req.Header.Set(name, vals[0])
		}
	}
	resp, err := s.http.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// rawLog reads the log as JSON, the search values as they are given.
func (s *suite) rawLog(t *testing.T, table audit.Table, extra fields) (int, string) {
	t.Helper()
	body := fields{"operation": "read_audit_log", "schema": table.Database, "database": table.Database, "table": table.Name}
	maps.Copy(body, extra)
	return s.op(t, body)
}

// cborLog reads the log as CBOR and says whether the answer broke off.
func (s *suite) cborLog(t *testing.T, table audit.Table, from audit.Time) (body []byte, broken bool) {
	t.Helper()
	b, err := json.Marshal(fields{
		"operation": "read_audit_log", "schema": table.Database, "database": table.Database, "table": table.Name,
		"search_type": "timestamp", "search_values": []any{from},
	})
	if err != nil {
		t.Fatal(err)
	}
	status, answer, err := s.send(t, http.MethodPost, s.cfg.OpsURL, b, http.Header{
		"Authorization": {s.basic()}, "Content-Type": {"application/json"}, "Accept": {"application/cbor"},
	})
	if status != http.StatusOK {
		t.Fatalf("read the log as CBOR: %d %s", status, answer)
	}
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	return answer, err != nil
}

func parse(t *testing.T, text string) audit.Value {
	t.Helper()
	v, err := audit.FromJSON([]byte(text))
	if err != nil {
		t.Fatalf("parse %.200q: %v", text, err)
	}
	return v
}
