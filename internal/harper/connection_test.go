package harper

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recourse/audit"
)

const twoRows = `[{"operation":"insert","timestamp":1,"ids":[1,2],"records":[{},{}]},`

// TestBrokenConnections cuts answers off in all the ways that the network can.
func TestBrokenConnections(t *testing.T) {
	read := func(c *Client, ctx context.Context) (rows int, err error) {
		for _, err := range c.AuditLog(ctx, AuditQuery{JSON: true}) {
			if err != nil {
				return rows, err
			}
			rows++
		}
		return rows, nil
	}
	begin := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", mimeJSON)
		_, _ = io.WriteString(w, twoRows)
		w.(http.Flusher).Flush()
	}
	t.Run("in the middle", func(t *testing.T) {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			begin(w)
			panic(http.ErrAbortHandler)
		})
		rows, err := read(c, t.Context())
		var truncated *TruncatedError
		if !errors.As(err, &truncated) || truncated.Rows != 2 || rows != 2 || truncated.Server || truncated.Message != "the body breaks off" {
			t.Errorf("%d rows, %v", rows, err)
		}
	})
	stall := func(w http.ResponseWriter, r *http.Request) {
		begin(w)
		<-r.Context().Done()
	}
	t.Run("stalled", func(t *testing.T) {
		s := httptest.NewServer(http.HandlerFunc(stall))
		defer s.Close()
		rows, err := read(client(t, Options{Target: s.URL, Timeout: 50 * time.Millisecond}), t.Context())
		var truncated *TruncatedError
		if !errors.As(err, &truncated) || !errors.Is(err, ErrTimeout) || rows != 2 {
			t.Errorf("%d rows, %v", rows, err)
		}
	})
	t.Run("never begins", func(t *testing.T) {
		s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}))
		defer s.Close()
		_, err := read(client(t, Options{Target: s.URL, Timeout: 50 * time.Millisecond}), t.Context())
		if !errors.Is(err, ErrTimeout) || errors.Is(err, ErrUnreachable) {
			t.Error(err)
		}
	})
	t.Run("canceled", func(t *testing.T) {
		c := serve(t, stall)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var err error
		rows := 0
		for _, err = range c.AuditLog(ctx, AuditQuery{JSON: true}) {
			rows++
			cancel()
		}
		var truncated *TruncatedError
		if !errors.Is(err, context.Canceled) || errors.As(err, &truncated) {
			t.Errorf("%d rows, %v", rows, err)
		}
	})
	t.Run("refused", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		_, err = read(client(t, Options{Target: "http://" + l.Addr().String()}), t.Context())
		var hinted interface{ Hint() string }
		if !errors.Is(err, ErrUnreachable) || !errors.As(err, &hinted) || !strings.Contains(hinted.Hint(), "Harper runs") {
			t.Error(err)
		}
	})
}

// TestOutcomeUnknown tells a write that may have happened from one that cannot.
func TestOutcomeUnknown(t *testing.T) {
	table := audit.Table{Database: "d", Name: "t"}
	c := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if _, err := c.Delete(t.Context(), table, []audit.ID{"1"}); !errors.Is(err, ErrOutcomeUnknown) || !errors.Is(err, ErrUnreachable) {
		t.Error(err)
	}
	if _, err := c.DescribeAll(t.Context()); errors.Is(err, ErrOutcomeUnknown) || !errors.Is(err, ErrUnreachable) {
		t.Error(err)
	}
	c = client(t, Options{Target: "http://127.0.0.1:1"})
	if _, err := c.Delete(t.Context(), table, []audit.ID{"1"}); errors.Is(err, ErrOutcomeUnknown) || !errors.Is(err, ErrUnreachable) {
		t.Error(err)
	}
	c = serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(504) })
	if _, err := c.Delete(t.Context(), table, []audit.ID{"1"}); !errors.Is(err, ErrOutcomeUnknown) {
		t.Error(err)
	}
	c = serve(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 500, object(t, map[string]any{"error": "no"})) })
	if _, err := c.Delete(t.Context(), table, []audit.ID{"1"}); errors.Is(err, ErrOutcomeUnknown) || err == nil {
		t.Error(err)
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "operations-server")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("credentials were sent, though there are none")
		}
		answer(w, 200, object(t, map[string]any{"version": "5.1.14"}))
	}))
	s.Listener = l
	s.Start()
	defer s.Close()
	c := client(t, Options{Target: "unix://" + path})
	if v, err := c.Version(t.Context()); err != nil || v != "5.1.14" {
		t.Error(v, err)
	}
	c = client(t, Options{Target: "unix://" + path + "-not"})
	var hinted interface{ Hint() string }
	if _, err := c.Version(t.Context()); !errors.Is(err, ErrUnreachable) || !errors.As(err, &hinted) || !strings.Contains(hinted.Hint(), "socket") {
		t.Error(err)
	}
}
