package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"recourse/audit"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var dog, cat = audit.Table{Database: "dev", Name: "dog"}, audit.Table{Database: "dev", Name: "cat"}

// full is a state in which every figure is known, of a daemon that is well.
func full() State {
	at := func(d time.Duration) audit.Time { return audit.TimeOf(noon.Add(d)) }
	free, skew := int64(9e9), 250*time.Millisecond
	return State{
		At:      noon,
		Version: Version{"1.2.3", "abc"},
		Store: StoreState{Open: true, Head: 4058, Changes: 4058, Late: 3, Divergences: 2, Amended: 1,
			Disk: 1e6, Free: &free},
		Nodes: []NodeState{
			{Node: "db1", Up: true, Reached: noon, Skew: &skew, Retention: 72 * time.Hour,
				Polls: 10, Errors: map[ErrorClass]int64{ErrorTimeout: 2, "never heard of": 1}, Requests: 12, Bytes: 3456, Unreadable: 1,
				Rescans:   []RescanState{{Tier: "1h0m0s", Done: 4, Last: noon.Add(-time.Hour)}},
				Reconcile: ReconcileState{Done: 1, Last: noon.Add(-2 * time.Hour), Healed: 1, Differing: 2},
				Feeds:     map[string]bool{"sse": true, "component": false}},
			{Node: "db2"},
		},
		Tables: []TableState{
			{"db1", dog, at(-2 * time.Second)}, {"db1", cat, at(-3 * time.Second)}, {"db2", dog, at(-time.Hour)}, {"db2", cat, 0},
		},
		Gaps:   map[audit.GapKind]int{audit.GapPurged: 2, "": 1},
		Healed: map[audit.GapKind]int{audit.GapPurged: 3},
		Slow:   1,
		Index:  5,
		Rules:  6,
		Alerts: map[string]int{"high": 2},
		Sinks: []SinkState{
			{Sink: "pager", Delivered: 7, Failed: 3, GivenUp: 1, Waiting: 2, Dead: 1, Broken: true, Last: noon.Add(-time.Hour), Oldest: noon.Add(-time.Minute)},
			{Sink: "mail", Delivered: 1},
		},
		Base:  []BaselineState{{dog, 10}, {dog, 5}, {cat, 1}},
		Loops: []Loop{{Name: "tail db1", Beat: noon.Add(-time.Second)}, {Name: "rules", Beat: noon, Limit: time.Minute}},
	}
}

func constant(s State) StateFunc {
	return func(context.Context) (State, error) { return s, nil }
}

// get asks a handler.
func get(t *testing.T, h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	r.Host = "127.0.0.1"
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestHandlerRefusesWhatItDoesNotHave(t *testing.T) {
	h := New(Options{State: constant(full())}).Handler()
	for _, tt := range []struct {
		method, target string
		code           int
	}{
		{"GET", "/metrics", 200}, {"HEAD", "/metrics", 200}, {"POST", "/metrics", 405},
		{"GET", "/healthz", 200}, {"HEAD", "/healthz", 200}, {"DELETE", "/healthz", 405},
		{"GET", "/readyz", 200}, {"PUT", "/readyz", 405},
		{"GET", "/", 404}, {"GET", "/metrics/", 404}, {"GET", "/debug/pprof/", 404}, {"GET", "/../etc/passwd", 404},
	} {
		w := get(t, h, tt.method, "http://x"+tt.target)
		if w.Code != tt.code && !(tt.code == 404 && w.Code == http.StatusTemporaryRedirect) {
			t.Errorf("%s %s: %d, want %d", tt.method, tt.target, w.Code, tt.code)
		}
		if got := w.Header().Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("%s %s: X-Content-Type-Options %q", tt.method, tt.target, got)
		}
		if tt.code == 405 && !strings.Contains(w.Header().Get("Allow"), "GET") {
			t.Errorf("%s %s: Allow %q", tt.method, tt.target, w.Header().Get("Allow"))
		}
	}
}

// TestStateIsAskedOnce holds that those who watch do not load the store.
func TestStateIsAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		c := &cache{fresh: time.Second, patience: 5 * time.Second, now: time.Now, get: func(context.Context) (State, error) {
			asked.Add(1)
			time.Sleep(100 * time.Millisecond)
			return State{}, nil
		}}
		for range 50 {
			go func() {
				s, err := c.state(t.Context())
				if err != nil || s.At.IsZero() {
					t.Errorf("state: %v, at %v", err, s.At)
				}
			}()
		}
		time.Sleep(500 * time.Millisecond)
		c.state(t.Context())
		if n := asked.Load(); n != 1 {
			t.Errorf("51 asked within a second: %d questions, want 1", n)
		}
		time.Sleep(time.Second)
		c.state(t.Context())
		if n := asked.Load(); n != 2 {
			t.Errorf("a second later: %d questions, want 2", n)
		}
	})
}

func TestStateThatNeverAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		release := make(chan struct{})
		s := New(Options{Now: time.Now, State: func(context.Context) (State, error) {
			asked.Add(1)
			<-release // whatever its context says
			return full(), nil
		}})
		for range 3 {
			w := get(t, s.Handler(), "GET", "/healthz")
			if w.Code != 503 || !strings.Contains(w.Body.String(), "no answer within 5s") {
				t.Errorf("healthz of a stuck state: %d %s", w.Code, w.Body)
			}
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("%d questions to what is stuck, want 1", n)
		}
		close(release)
		synctest.Wait()
		if w := get(t, s.Handler(), "GET", "/readyz"); w.Code != 200 {
			t.Errorf("readyz afterwards: %d %s", w.Code, w.Body)
		}
	})
}

// TestStateOutlivesWhoAsked holds that a scraper that hangs up does not spoil
// the answer for the others.
func TestStateOutlivesWhoAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cache{fresh: time.Second, patience: 5 * time.Second, now: time.Now, get: func(ctx context.Context) (State, error) {
			select {
			case <-ctx.Done():
				return State{}, ctx.Err()
			case <-time.After(time.Second):
				return State{}, nil
			}
		}}
		gone, hangUp := context.WithCancel(t.Context())
		go c.state(gone)
		synctest.Wait()
		hangUp()
		if _, err := c.state(t.Context()); err != nil {
			t.Errorf("state after somebody else hung up: %v", err)
		}
	})
}

func TestStateErrorIsKeptForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		c := &cache{fresh: time.Second, patience: time.Second, now: time.Now, get: func(context.Context) (State, error) {
			asked.Add(1)
			return full(), errors.New("store is closed")
		}}
		for range 10 {
			if s, err := c.state(t.Context()); err == nil || len(s.Nodes) > 0 {
				t.Errorf("state: %v with %d nodes, want an error and nothing", err, len(s.Nodes))
			}
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("%d questions, want 1", n)
		}
	})
}
