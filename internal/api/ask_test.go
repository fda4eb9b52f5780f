package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	annsToken = "ann-0123456789abcdef0123456789abcdef"
	bobsToken = "bob-0123456789abcdef0123456789abcdef"
)

func tokenFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func askFixed(answer string) AskFunc {
	return func(_ context.Context, _ []string, out io.Writer) Outcome {
		_, _ = io.WriteString(out, answer)
		return Outcome{}
	}
}

func TestWhoMayAsk(t *testing.T) {
	path := tokenFile(t, "# who may ask\nann "+annsToken+"\n\nbob\t"+bobsToken+"\n", 0o600)
	tokens, err := ReadTokens(path)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	o := Options{Ask: askFixed("{}"), Tokens: tokens, Log: slog.New(slog.NewTextHandler(&log, nil)), State: constant(full())}
	h := New(o).Handler()
	for _, x := range []struct {
		header string
		status int
	}{
		{"", 401}, {"Bearer", 401}, {"Bearer ", 401}, {"Bearer wrong", 401}, {"Basic " + annsToken, 401}, {annsToken, 401},
		{"Bearer " + annsToken[:len(annsToken)-1], 401}, {"Bearer " + annsToken + "x", 401}, {"Bearer ann", 401},
		{"Bearer " + annsToken, 200}, {"bearer  " + bobsToken, 200},
	} {
		w := get(t, h, "GET", "/v1/status", "Authorization", x.header)
		if w.Code != x.status || x.status == 401 && w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%q: %d, want %d: %s", x.header, w.Code, x.status, w.Body)
		}
	}
	for _, open := range []string{"/healthz", "/readyz", "/metrics", "/v1/openapi.json"} {
		if w := get(t, h, "GET", open); w.Code == 401 {
			t.Errorf("%s asks for a token", open)
		}
	}
	if !strings.Contains(log.String(), "who=ann") || !strings.Contains(log.String(), "who=bob") || strings.Contains(log.String(), annsToken) {
		t.Errorf("the log says:\n%s", log.String())
	}
	// Who is taken out may ask no more, and a file that cannot be read lets nobody in.
	rewrite(t, path, "bob "+bobsToken+"\n")
	if w := get(t, h, "GET", "/v1/status", "Authorization", "Bearer "+annsToken); w.Code != 401 {
		t.Errorf("ann, taken out: %d", w.Code)
	}
	rewrite(t, path, "bob short\n")
	if w := get(t, h, "GET", "/v1/status", "Authorization", "Bearer "+bobsToken); w.Code != 503 || strings.Contains(w.Body.String(), "short") {
		t.Errorf("a wrong file: %d %s", w.Code, w.Body)
	}
	rewrite(t, path, "bob "+bobsToken+"\n# again\n")
	if w := get(t, h, "GET", "/v1/status", "Authorization", "Bearer "+bobsToken); w.Code != 200 {
		t.Errorf("a right file again: %d %s", w.Code, w.Body)
	}
	o.Tokens = nil
	if w := get(t, New(o).Handler(), "GET", "/v1/status", "Authorization", "Bearer "+annsToken); w.Code != 403 || !strings.Contains(w.Body.String(), "--api-token-file") {
		t.Errorf("no tokens: %d %s", w.Code, w.Body)
	}
	o.Local = true
	if w := get(t, New(o).Handler(), "GET", "/v1/status"); w.Code != 200 {
		t.Errorf("over the user's own socket: %d %s", w.Code, w.Body)
	}
	o.Ask = nil
	if w := get(t, New(o).Handler(), "GET", "/v1/status"); w.Code != 404 {
		t.Errorf("where nothing answers: %d", w.Code)
	}
}

func rewrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Duration(len(text)) * time.Second) // another time, however coarse the clock
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
}

func TestTokenFilesThatAreWrong(t *testing.T) {
	for text, says := range map[string]string{
		"": "no token", "# none\n": "no token", "ann\n": ":1: want a name", annsToken + "\n": ":1: want a name",
		"x " + annsToken + "\nann short": ":2: the token has 5", "ann " + annsToken + "\nann " + bobsToken: ":2: the name, or the token, is that of ann",
		"ann " + annsToken + "\nbob " + annsToken: ":2: the name", "a/b " + annsToken: ":1:", "ann " + annsToken + " x": ":1:",
	} {
		_, err := ReadTokens(tokenFile(t, text, 0o600))
		var h interface{ Hint() string }
		if err == nil || !strings.Contains(err.Error(), says) || !errors.As(err, &h) || h.Hint() == "" || strings.Contains(err.Error(), annsToken) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
	if _, err := ReadTokens(tokenFile(t, "ann "+annsToken, 0o640)); err == nil || !strings.Contains(err.Error(), "0640") {
		t.Errorf("a file that others may read: %v", err)
	}
	if _, err := ReadTokens(t.TempDir()); err == nil {
		t.Error("a folder is no error")
	}
}

// A web page whose name leads to this machine is answered nothing.
func TestHostsAreChecked(t *testing.T) {
	for _, x := range []struct {
		o    Options
		host string
		ok   bool
	}{
		{Options{}, "127.0.0.1:9927", true}, {Options{}, "localhost", true}, {Options{}, "[::1]:9927", true}, {Options{}, "127.0.0.2", true},
		{Options{}, "evil.example", false}, {Options{}, "evil.example:9927", false}, {Options{}, "192.0.2.1", false}, {Options{}, "localhost.evil.example", false},
		{Options{}, "", false}, {Options{Addr: "loop.internal:1"}, "loop.internal:1", true},
		{Options{Hosts: []string{"audit.example"}}, "AUDIT.example:443", true}, {Options{Hosts: []string{"audit.example"}}, "evil.example", false},
		{Options{AllowRemote: true}, "anything.example", true}, {Options{AllowRemote: true, Hosts: []string{"a.example"}}, "b.example", false},
		{Options{AllowRemote: true, Hosts: []string{"a.example"}}, "192.0.2.1:9927", true},
		{Options{Addr: "unix:///x"}, "whatever", true},
	} {
		x.o.State, x.o.Ask, x.o.Local = constant(full()), askFixed("{}"), true
		h := New(x.o).Handler()
		for _, path := range []string{"/metrics", "/v1/status", "/nothing"} {
			r := httptest.NewRequest("GET", path, nil)
			r.Host = x.host
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if got := w.Code != http.StatusMisdirectedRequest; got != x.ok {
				t.Errorf("%+v: host %q, %s: %d", x.o.Hosts, x.host, path, w.Code)
			}
			if cors := w.Header().Get("Access-Control-Allow-Origin"); cors != "" {
				t.Errorf("%s lets other pages in: %q", path, cors)
			}
		}
	}
}

func TestQuestionsThatAreNone(t *testing.T) {
	h := New(Options{Ask: askFixed("{}"), Local: true}).Handler()
	for _, x := range []struct {
		method, target, accept, body string
		status                       int
	}{
		{"GET", "/v1/status", "application/json", "", 200}, {"HEAD", "/v1/status", "", "", 200},
		{"GET", "/v1/status", "text/html, */*;q=0.1", "", 200}, {"GET", "/v1/status", "text/html", "", 406}, {"GET", "/v1/status", "application/json;q=0", "", 406},
		{"POST", "/v1/status", "", "", 405}, {"DELETE", "/v1/alerts/x", "", "", 405}, {"GET", "/v1/nothing", "", "", 404}, {"GET", "/v1/", "", "", 404},
		{"GET", "/v1/status", "", "a body", 400}, {"GET", "/v1/attach", "", "", 404},
	} {
		var body io.Reader
		if x.body != "" {
			body = strings.NewReader(x.body)
		}
		r := httptest.NewRequest(x.method, x.target, body)
		r.Host = "localhost"
		r.Header.Set("Accept", x.accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != x.status {
			t.Errorf("%s %s (%s): %d, want %d: %s", x.method, x.target, x.accept, w.Code, x.status, w.Body)
		}
		if x.status >= 400 && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s: %s", x.method, x.target, w.Body)
		}
	}
}

// What breaks off in the middle does not look whole.
func TestAnswersThatBreakOff(t *testing.T) {
	long := strings.Repeat("x", held)
	for _, x := range []struct {
		name, accept, said string
		out                Outcome
		status             int
		cut                bool
		ends               string
	}{
		{"at once", "application/json", "", Outcome{Code: 6, Message: "damaged"}, 500, false, `"message":"damaged"`},
		{"while it is held", "application/json", `{"a":`, Outcome{Code: 6, Message: "damaged"}, 500, false, `"message":"damaged"`},
		{"after that", "application/json", long + long, Outcome{Code: 6, Message: "damaged"}, 200, true, ""},
		{"in a stream", ndjson, "{}\n", Outcome{Code: 6, Message: "damaged"}, 200, false, `{"error":{"code":6,"message":"damaged","hint":""}}` + "\n"},
		{"interrupted", "application/json", `{}`, Outcome{Code: 130, Message: "interrupted"}, 503, false, "interrupted"},
		{"nothing found", "application/json", `{"none":1}`, Outcome{Code: 2}, 200, false, `{"none":1}`},
		{"nothing there", "application/json", "", Outcome{Code: 2, Message: "no such"}, 404, false, "no such"},
		{"not known", "application/json", "{}", Outcome{Code: 11, Message: "unknown"}, 200, false, "{}"},
		{"without a word", "application/json", "", Outcome{Code: 5}, 500, false, "Internal"},
	} {
		t.Run(x.name, func(t *testing.T) {
			srv := httptest.NewServer(New(Options{Local: true, Ask: func(_ context.Context, _ []string, out io.Writer) Outcome {
				_, _ = io.WriteString(out, x.said)
				return x.out
			}}).Handler())
			defer srv.Close()
			req, _ := http.NewRequestWithContext(t.Context(), "GET", srv.URL+"/v1/search?q=*", nil)
			req.Header.Set("Accept", x.accept)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if resp.StatusCode != x.status || (err != nil) != x.cut || !strings.Contains(string(body), x.ends) {
				t.Errorf("status %d, %v, …%.100q", resp.StatusCode, err, body[max(0, len(body)-100):])
			}
			var into any
			got := (&Client{Base: srv.URL}).Get(t.Context(), "/v1/search", url.Values{"q": {"*"}}, &into)
			if whole := x.status == 200 && !x.cut && x.accept != ndjson; (got == nil) != whole && x.accept != ndjson {
				t.Errorf("the client takes it for whole: %v", got)
			}
			var failed error
			for _, err := range (&Client{Base: srv.URL}).Lines(t.Context(), "/v1/search", url.Values{"q": {"*"}}) {
				failed = err
			}
			if x.out.Code != 0 && x.out.Code != 2 && x.out.Code != 11 && failed == nil {
				t.Error("the client takes the lines for whole")
			}
		})
	}
}

// Questions wait for no others, take no longer than they may, and a panic ends one.
func TestQuestionsHaveLimits(t *testing.T) {
	begun, leave := make(chan struct{}), make(chan struct{})
	var log bytes.Buffer
	o := Options{Local: true, MaxQueries: 1, QueryTimeout: 20 * time.Millisecond, Log: slog.New(slog.NewTextHandler(&log, nil))}
	o.Ask = func(ctx context.Context, args []string, out io.Writer) Outcome {
		if slices.Contains(args, "--output=ndjson") {
			begun <- struct{}{}
			<-leave
			return Outcome{}
		}
		if args[1] == "hist" {
			panic("oh")
		}
		<-ctx.Done()
		return Outcome{Code: 130, Message: "it took too long"}
	}
	h := New(o).Handler()
	if w := get(t, h, "GET", "/v1/search?q=secret-value"); w.Code != 504 || !strings.Contains(w.Body.String(), "too long") {
		t.Errorf("a long question: %d %s", w.Code, w.Body)
	}
	if w := get(t, h, "GET", "/v1/hist?q=*"); w.Code != 500 {
		t.Errorf("a panic: %d %s", w.Code, w.Body)
	}
	done := make(chan int)
	go func() { done <- get(t, h, "GET", "/v1/search?q=*", "Accept", ndjson).Code }()
	<-begun
	if w := get(t, h, "GET", "/v1/status"); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("one too many: %d %s", w.Code, w.Body)
	}
	close(leave)
	if code := <-done; code != 200 {
		t.Errorf("the first: %d", code)
	}
	if strings.Contains(log.String(), "secret-value") || !strings.Contains(log.String(), "route=/v1/search") || !strings.Contains(log.String(), "panic=oh") {
		t.Errorf("the log says:\n%s", log.String())
	}
}

// The time that a request may take to come is not that of its answer.
func TestAnswersMayTakeLongerThanQuestions(t *testing.T) {
	reading := 30 * time.Millisecond
	o := Options{Addr: "127.0.0.1:0", Local: true, State: constant(full()), reading: reading}
	o.Ask = func(ctx context.Context, _ []string, out io.Writer) Outcome {
		time.Sleep(4 * reading)
		_, err := io.WriteString(out, "{}")
		return Outcome{Message: fmt.Sprint(err)}
	}
	s, _ := start(t, o)
	if err := (&Client{Base: "http://" + s.Addr()}).Get(t.Context(), "/v1/status", nil, new(any)); err != nil {
		t.Error(err)
	}
	o.QueryTimeout = reading
	o.Ask = func(ctx context.Context, _ []string, _ io.Writer) Outcome {
		<-ctx.Done()
		return Outcome{Code: 130, Message: "ended"}
	}
	s, _ = start(t, o)
	var e *QuestionError
	if err := (&Client{Base: "http://" + s.Addr()}).Get(t.Context(), "/v1/status", nil, new(any)); !errors.As(err, &e) || e.Status != 504 {
		t.Errorf("an answer that takes too long: %v", err)
	}
}

// Every route is in the document, and every path of the document is a route.
func TestDocumentHasAllRoutes(t *testing.T) {
	text, err := Document(Version{Version: "1.2"})
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]struct{ OperationID string }
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(text, &doc); err != nil || doc.OpenAPI != "3.1.0" {
		t.Fatalf("%v: %s", err, doc.OpenAPI)
	}
	h := New(Options{Local: true, State: constant(full()), Ask: askFixed("{}"), Command: func(context.Context, Command, Streams) int { return 0 }}).Handler()
	names := map[string]bool{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			if names[op.OperationID] || op.OperationID == "" {
				t.Errorf("%s: the operation %q is there twice", path, op.OperationID)
			}
			names[op.OperationID] = true
			target := strings.NewReplacer("{seq}", "1", "{id}", "a").Replace(path)
			if w := get(t, h, strings.ToUpper(method), target); w.Code == 404 || w.Code == 405 {
				t.Errorf("%s %s: %d", method, path, w.Code)
			}
		}
	}
	for _, r := range routes() {
		if doc.Paths[r.path] == nil {
			t.Errorf("%s is not in the document", r.path)
		}
	}
	used := string(text)
	for name := range doc.Components.Schemas {
		if !strings.Contains(used, `"#/components/schemas/`+name+`"`) {
			t.Errorf("nothing is of the schema %s", name)
		}
	}
}
