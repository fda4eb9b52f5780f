package harper

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"recourse/audit"
)

const secret = "correct horse"

// operation is what a request asks for.
func operation(r *http.Request) audit.Value {
	raw, _ := io.ReadAll(r.Body)
	v, _ := audit.Decode(raw)
	return v
}

func answer(w http.ResponseWriter, status int, v audit.Value) {
	w.Header().Set("Content-Type", mimeCBOR)
	w.WriteHeader(status)
	_, _ = w.Write(v)
}

func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return client(t, Options{Target: s.URL, REST: s.URL, Username: "svc", Password: secret})
}

func client(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestCapturedErrors answers as real Harpers have, and asks what the client
// makes of it.
func TestCapturedErrors(t *testing.T) {
	n := 0
	for _, c := range append(captures(t, "captures/lmdb/errors"), captures(t, "captures/rocksdb/errors")...) {
		n++
		t.Run(strings.TrimPrefix(c.path, testdata+"/captures/"), func(t *testing.T) {
			body := c.body(t)
			client := serve(t, func(w http.ResponseWriter, r *http.Request) {
				for name, value := range c.headers {
					if strings.EqualFold(name, "content-type") {
						w.Header().Set("Content-Type", value)
					}
				}
				if w.Header().Get("Content-Type") == "" {
					w.Header()["Content-Type"] = nil // as some of Harper's refusals
				}
				w.WriteHeader(c.status)
				_, _ = w.Write(body)
			})
			var err error
			for _, err = range client.AuditLog(t.Context(), AuditQuery{Table: audit.Table{Database: "w", Name: "dog"}}) {
				break
			}
			var e *Error
			if !errors.As(err, &e) || e.Status != c.status {
				t.Fatalf("%T %v", err, err)
			}
			for sentinel, status := range map[error]int{ErrUnauthorized: 401, ErrForbidden: 403, ErrNotFound: 404} {
				if errors.Is(err, sentinel) != (c.status == status) {
					t.Errorf("%v is %v: %v", err, sentinel, errors.Is(err, sentinel))
				}
			}
			if (c.status == 401 || c.status == 403 || c.status == 404) && e.Hint() == "" {
				t.Error("no hint")
			}
			// What Harper said is in the message, whatever the body's shape.
			var said string
			for _, word := range []string{"token", "Login", "Must login", "authorized", "does not exist", "not found", "Not found", "Body", "JSON", "operation", "content types", "Media Type",
				"inactive", "iterable", "undefined", "searchType", "not defined", "is required", "Unauthorized"} {
				if strings.Contains(string(body), word) {
					said = word
				}
			}
			if said == "" || !strings.Contains(e.Message, said) || strings.Contains(e.Message, "{") {
				t.Errorf("message %q of %s", e.Message, body)
			}
			if strings.Contains(string(body), "'readAuditLog'") && !strings.Contains(err.Error(), "super_user") {
				t.Errorf("does not say what the role lacks: %v", err)
			}
		})
	}
	if n < 40 {
		t.Errorf("only %d captures", n)
	}
}

func TestAuditLogRequest(t *testing.T) {
	table := audit.Table{Database: "shop", Name: "orders"}
	for _, k := range []struct {
		q      AuditQuery
		window string
		accept string
	}{
		{AuditQuery{}, `[0]`, mimeCBOR},
		{AuditQuery{From: -5}, `[0]`, mimeCBOR},
		{AuditQuery{From: 1795470364242.5806, JSON: true}, `[1795470364242.5806]`, mimeJSON},
		{AuditQuery{From: 5, To: 7.5}, `[5,7.5]`, mimeCBOR},
		{AuditQuery{To: 9}, `[0,9]`, mimeCBOR},
		{AuditQuery{From: 5, To: 5}, ``, ``},
		{AuditQuery{From: 5, To: 4}, ``, ``},
	} {
		asked := ""
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			op := operation(r)
			asked = op.Get("search_values").JSON()
			name, password, _ := r.BasicAuth()
			if op.Get("schema").Text() != "shop" || op.Get("database").Text() != "shop" || op.Get("table").Text() != "orders" ||
				op.Get("search_type").Text() != "timestamp" || op.Get("limit") != nil || r.Header.Get("Accept") != k.accept ||
				name != "svc" || password != secret || r.Header.Get("User-Agent") != "recourse" {
				t.Errorf("asked %s with %v", op.JSON(), r.Header)
			}
			answer(w, 200, []byte{0x9f, 0xff})
		})
		k.q.Table = table
		for range c.AuditLog(t.Context(), k.q) {
			t.Error("a row or an error of an empty log")
		}
		if asked != k.window {
			t.Errorf("window %s, want %s", asked, k.window)
		}
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for name, k := range map[string]struct {
		status      int
		kind, body  string
		want        error
		says        string
		isTruncated bool
	}{
		"login page":      {200, "text/html", "<html>", nil, "text/html", false},
		"error in 200":    {200, mimeJSON, `{"error":"odd"}`, nil, "odd", false},
		"gateway":         {502, "text/html", "<h1>Bad\x1b[31m Gateway</h1>", nil, "Bad [31m Gateway", false},
		"busy":            {503, mimeJSON, `{"error":"Outstanding write transactions have too long of queue"}`, ErrBusy, "queue", false},
		"nothing at all":  {200, mimeCBOR, "", nil, "breaks off", true},
		"poison in JSON":  {200, mimeJSON, `[{"error":"TypeError: x"}]`, nil, "TypeError: x", true},
		"redirect":        {307, "", "", nil, "redirect", false},
		"huge error text": {500, "text/plain", strings.Repeat("e", 1<<20), nil, "eee…", false},
	} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", k.kind)
			w.WriteHeader(k.status)
			_, _ = io.WriteString(w, k.body)
		})
		var err error
		for _, err = range c.AuditLog(t.Context(), AuditQuery{}) {
			break
		}
		if name == "redirect" {
			k.says = "Temporary Redirect"
		}
		var truncated *TruncatedError
		if err == nil || !strings.Contains(err.Error(), k.says) || k.want != nil && !errors.Is(err, k.want) || errors.As(err, &truncated) != k.isTruncated {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && len(err.Error()) > 1000 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var reached atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	defer other.Close()
	for _, status := range []int{301, 302, 307, 308} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
		_, err := c.DescribeAll(t.Context())
		var e *Error
		if !errors.As(err, &e) || e.Status != status || !strings.Contains(e.Hint(), "target") {
			t.Errorf("%d: %v", status, err)
		}
	}
	if reached.Load() {
		t.Error("the other host was asked")
	}
}
