package harpertest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestFaults(t *testing.T) {
	s := scratch(t, Options{})
	if err := s.Put("u", dr, "1", value(t, `{"v":"some text that makes the answer long"}`)); err != nil {
		t.Fatal(err)
	}
	send := func() (int, []byte, error) {
		r, err := http.NewRequest("POST", s.OpsURL(), strings.NewReader(readR))
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("admin", "secret")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, nil, err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return res.StatusCode, b, err
	}
	s.SetFault(func(q Request) Fault {
		if q.REST || q.Operation != "read_audit_log" || q.Table != dr || q.Body.Get("schema").Text() != "d" {
			t.Errorf("the fault sees %+v", q)
		}
		return Fault{Status: 503, Body: "busy"}
	})
	if status, body, err := send(); status != 503 || string(body) != `{"error":"busy"}` || err != nil {
		t.Error(status, string(body), err)
	}
	s.SetFault(func(Request) Fault { return Fault{Cut: true, CutAt: 20} })
	if status, body, err := send(); status != 200 || len(body) != 20 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(status, len(body), err)
	}
	s.SetFault(nil)
	if status, body, err := send(); status != 200 || !bytes.HasSuffix(body, []byte("]")) || err != nil {
		t.Error(status, string(body), err)
	}
	s.SetFault(func(Request) Fault { return Fault{Delay: time.Hour} })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "POST", s.OpsURL(), strings.NewReader(readR))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := http.DefaultClient.Do(r); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// TestUnixSocket shows that the socket makes a super user of anybody.
func TestUnixSocket(t *testing.T) {
	s := scratch(t, Options{Users: []User{{Name: "bob", Password: "b"}, {Name: "root", Password: "r", SuperUser: true}}})
	path := filepath.Join(t.TempDir(), "s")
	if err := s.ListenUnix(path); err != nil {
		t.Fatal(err)
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	c := http.Client{Transport: &http.Transport{DialContext: dial}}
	defer c.CloseIdleConnections()
	res, err := c.Post("http://harper/", "application/json", strings.NewReader(`{"operation":"insert","database":"d","table":"t","records":[{"id":1}]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if e := s.Entries("d"); res.StatusCode != 200 || len(e) != 1 || e[0].User != "root" {
		t.Errorf("%d, %+v", res.StatusCode, e)
	}
}

func TestOperationsRole(t *testing.T) {
	for _, line := range lines {
		s := scratch(t, Options{Line: line, Users: []User{
			{Name: "admin", Password: "secret", SuperUser: true},
			{Name: "reader", Password: "r", Operations: []string{"read_audit_log", "read_only"}, Tables: ReadOnly},
		}})
		for op, want := range map[string]bool{
			`{"operation":"read_audit_log","schema":"d","table":"t"}`:                                  line == RocksDB,
			`{"operation":"describe_table","database":"d","table":"t"}`:                                true,
			`{"operation":"insert","database":"d","table":"t","records":[{"id":1}]}`:                   false,
			`{"operation":"delete_audit_logs_before","schema":"d","table":"t","timestamp":1}`:          false,
			`{"operation":"search_by_id","database":"d","table":"t","ids":[1],"get_attributes":["*"]}`: true,
		} {
			r, err := http.NewRequest("POST", s.OpsURL(), strings.NewReader(op))
			if err != nil {
				t.Fatal(err)
			}
			r.SetBasicAuth("reader", "r")
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if (res.StatusCode == 200) != want || !want && res.StatusCode != 403 {
				t.Errorf("%s: %s: %d", line, op, res.StatusCode)
			}
		}
	}
}
