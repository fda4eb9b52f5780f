package api

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"recourse/audit"
)

func TestHealthAndReadiness(t *testing.T) {
	for _, tt := range []struct {
		name           string
		change         func(*State) error
		healthy, ready int
		failed         string // the check that fails, and what it says
	}{
		{"all well", func(*State) error { return nil }, 200, 200, ""},
		{"state unknown", func(*State) error { return errors.New("store closed") }, 503, 503, "state: failed: ask for the state: store closed"},
		{"loop stuck by default", func(s *State) error { s.Loops[0].Beat = noon.Add(-121 * time.Second); return nil },
			503, 200, "loop tail db1: failed: has not moved for 2m1s, limit 2m0s"},
		{"loop stuck by its limit", func(s *State) error { s.Loops[1].Beat = noon.Add(-61 * time.Second); return nil },
			503, 200, "loop rules: failed: has not moved for 1m1s, limit 1m0s"},
		{"loop just started", func(s *State) error { s.Loops[0].Beat = time.Time{}; return nil }, 200, 200, ""},
		{"store closed", func(s *State) error { s.Store.Open = false; return nil }, 200, 503, "store: failed: not open"},
		{"disk full", func(s *State) error { s.Store.Trouble = "less than 1 GiB is free"; return nil },
			200, 503, "store: failed: nothing can be written: less than 1 GiB is free"},
		{"no node reached", func(s *State) error { s.Nodes[0].Reached = time.Time{}; return nil },
			200, 503, "node: failed: 0 of 2 reached since the start"},
		{"node down but reached before", func(s *State) error { s.Nodes[0].Up = false; return nil }, 200, 200, ""},
		{"no table yet", func(s *State) error { s.Tables = nil; return nil }, 200, 503, "lag: failed: no table is followed yet"},
		{"table never read", func(s *State) error { s.Tables[1].Read = 0; return nil },
			200, 503, `lag: failed: 1 of 2 tables were never read, "dev.cat" the first`},
		{"lag on every node", func(s *State) error { s.Tables[0].Read = audit.TimeOf(noon.Add(-301 * time.Second)); return nil },
			200, 503, `lag: failed: "dev.dog" is 5m1.3s behind, limit 5m0s`},
		{"another node covers", func(s *State) error {
			s.Tables[0].Read, s.Tables[2].Read = s.Tables[2].Read, s.Tables[0].Read
			return nil
		}, 200, 200, ""},
		{"hostile name", func(s *State) error {
			s.Tables[1] = TableState{"db1", audit.Table{Database: "a\x1b[2Jb\n", Name: "c"}, 0}
			return nil
		},
			200, 503, `lag: failed: 2 of 3 tables were never read, "a\x1b[2Jb\n.c" the first`},
	} {
		s := full()
		err := tt.change(&s)
		srv := New(Options{Now: func() time.Time { return noon }, State: func(context.Context) (State, error) { return s, err }})
		both := ""
		for _, ask := range []struct {
			path string
			want int
		}{{"/healthz", tt.healthy}, {"/readyz", tt.ready}} {
			w := get(t, srv.Handler(), "GET", ask.path)
			if w.Code != ask.want {
				t.Errorf("%s: %s: %d, want %d:\n%s", tt.name, ask.path, w.Code, ask.want, w.Body)
			}
			both += w.Body.String()
		}
		if !strings.Contains(both, tt.failed+"\n") {
			t.Errorf("%s: want %q in\n%s", tt.name, tt.failed, both)
		}
		if strings.Contains(both, "\x1b") {
			t.Errorf("%s: an escape went through: %q", tt.name, both)
		}
		if n := strings.Count(both, ": failed"); (n == 0) != (tt.failed == "") {
			t.Errorf("%s: %d checks failed:\n%s", tt.name, n, both)
		}
	}
}

func TestReadinessAsJSON(t *testing.T) {
	s := full()
	s.Store.Trouble = "disk full"
	h := New(Options{State: constant(s)}).Handler()
	var got report
	w := get(t, h, "GET", "/readyz?format=json")
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	want := report{"not ready", []check{
		{"store", false, "nothing can be written: disk full"},
		{"node", true, "1 of 2 reached since the start"},
		{"lag", true, `"dev.cat" is 3.3s behind, limit 5m0s`},
	}}
	if d := cmp.Diff(want, got); d != "" || w.Code != 503 {
		t.Errorf("%d, -want +got:\n%s", w.Code, d)
	}
}

func TestFormIsNegotiated(t *testing.T) {
	h := New(Options{State: constant(full())}).Handler()
	for _, tt := range []struct{ query, accept, want string }{
		{"", "", "text/plain; charset=utf-8"},
		{"", "*/*", "text/plain; charset=utf-8"},
		{"", "application/json", "application/json"},
		{"", "text/html, application/json;q=0.9", "application/json"},
		{"", "text/plain, application/json", "text/plain; charset=utf-8"},
		{"?format=json", "text/plain", "application/json"},
		{"?format=text", "application/json", "text/plain; charset=utf-8"},
	} {
		w := get(t, h, "GET", "/healthz"+tt.query, "Accept", tt.accept)
		if got := w.Header().Get("Content-Type"); got != tt.want {
			t.Errorf("%q, Accept %q: %q, want %q", tt.query, tt.accept, got, tt.want)
		}
	}
}
