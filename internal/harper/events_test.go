package harper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"recourse/audit"
)

func reader(s string) io.Reader { return strings.NewReader(s) }

// TestReadEvents reads streams that a server could send, and some that only a
// hostile one would.
func TestReadEvents(t *testing.T) {
	long := strings.Repeat("x", 200)
	for name, c := range map[string]struct {
		stream string
		want   []string
	}{
		"plain":            {"data: a\n\ndata: b\n\n", []string{"a", "b"}},
		"several lines":    {"data: a\ndata:b\ndata\n\n", []string{"a\nb\n"}},
		"carriage returns": {"data: a\r\n\r\n", []string{"a"}},
		"other fields":     {": alive\n\nevent: put\nid: 7\nretry: 10\ndata: a\n\n: alive\n\n", []string{"put 7 a"}},
		"nothing in it":    {"event: put\n\n\n\n", nil},
		"cut off":          {"data: a\n\ndata: b\n", []string{"a"}},
		"a long line":      {"data: a\n\ndata: " + long + "\n\ndata: b\n\n", []string{"a", "too large", "b"}},
		"many lines":       {strings.Repeat("data: "+long[:40]+"\n", 5) + "\ndata: b\n\n", []string{"too large", "b"}},
		"empty data":       {"data:\n\n", []string{""}},
	} {
		var got []string
		err := readEvents(reader(c.stream), 100, func(m sseMessage) error {
			text := string(m.data)
			if m.tooLarge {
				text = "too large"
			}
			if m.event != "" {
				text = m.event + " " + m.id + " " + text
			}
			got = append(got, text)
			return nil
		})
		if !errors.Is(err, io.ErrUnexpectedEOF) || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) {
			t.Errorf("%s: %q, %v, want %q", name, got, err, c.want)
		}
	}
}

func TestEventOf(t *testing.T) {
	for text, want := range map[string]string{
		`{"id":1,"localTime":2.5,"value":{"a":1},"version":2,"type":"put"}`:      `1 2.5 2 put {"a":1} false`,
		`{"id":["x",1],"localTime":2,"value":null,"version":2,"type":"delete"}`:  `["x",1] 2 2 delete null false`,
		`{"id":"a","localTime":2,"version":2,"type":"put","value":{},"size":14}`: `"a" 2 2 put {} true`,
		`{"id":null,"localTime":2,"version":2,"type":"put"}`:                     `error`,
		`[]`:     `error`,
		`{"id":`: `error`,
		`{"type":"error:AccessViolation","title":"Must login","status":401,"id":1}`: `1 0 0 error:AccessViolation null false`,
	} {
		e := eventOf(sseMessage{data: []byte(text)})
		got := fmt.Sprint(e.ID, " ", e.LocalTime, " ", e.Version, " ", e.Type, " ", e.Value.JSON(), " ", e.Current)
		if e.Err != nil {
			got = "error"
		}
		if got != want || !e.Lossy {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// TestEventsWait listens to a server that says nothing for longer than the
// timeout, and then ends.
func TestEventsWait(t *testing.T) {
	more := make(chan bool)
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			answer(w, 200, object(t, map[string]any{"primary_key": "id", "audit": true, "name": "T", "schema": "d"}))
		case r.Header.Get("Accept") == mimeEvents:
			w.Header().Set("Content-Type", mimeEvents)
			for range more {
				_, _ = io.WriteString(w, "data: {\"id\":1,\"version\":2,\"localTime\":2,\"type\":\"put\",\"value\":{}}\n\n")
				_ = http.NewResponseController(w).Flush()
			}
		default:
			answer(w, 200, object(t, map[string]any{"name": "T", "database": "d", "attributes": []any{map[string]any{"name": "id", "isPrimaryKey": true}}}))
		}
	})
	c.timeout = 20 * time.Millisecond
	go func() {
		more <- true
		time.Sleep(5 * c.timeout) // a silence is no end
		more <- true
		close(more)
	}()
	n := 0
	var ended error
	for e, err := range c.Events(t.Context(), audit.Table{Database: "d", Name: "T"}) {
		if ended = err; err == nil && e.ID == "1" {
			n++
		}
	}
	var truncated *TruncatedError
	if n != 2 || !errors.As(ended, &truncated) || truncated.Rows != 2 || truncated.Hint() == "" {
		t.Errorf("%d events, then %v", n, ended)
	}
}

func TestEventsRefused(t *testing.T) {
	table := audit.Table{Database: "d", Name: "T"}
	listened := false
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		listened = listened || r.Method != http.MethodPost
		answer(w, 200, object(t, map[string]any{"primary_key": "id", "audit": false}))
	})
	for _, err := range c.Events(t.Context(), table) {
		if !errors.Is(err, ErrNotAudited) {
			t.Errorf("a table without a log: %v", err)
		}
	}
	if listened {
		t.Error("a table without a log was listened to")
	}
	c = serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			answer(w, 200, object(t, map[string]any{"primary_key": "id", "audit": true}))
		case r.Header.Get("Accept") == mimeEvents:
			w.Header().Set("Content-Type", mimeEvents)
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "data: {\"type\":\"error:AccessViolation\",\"title\":\"Unauthorized access to resource\",\"status\":403}\n\n")
		default:
			answer(w, 200, object(t, map[string]any{"name": "T", "database": "d", "attributes": []any{map[string]any{"name": "id", "isPrimaryKey": true}}}))
		}
	})
	for _, err := range c.Events(t.Context(), table) {
		var e *Error
		if !errors.Is(err, ErrForbidden) || !errors.As(err, &e) || e.Message != "Unauthorized access to resource" {
			t.Errorf("without rights: %v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range c.Events(ctx, table) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("when it is over: %v", err)
		}
	}
}
