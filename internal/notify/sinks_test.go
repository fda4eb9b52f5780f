package notify

import (
	"bufio"
	"context"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"recourse/audit"
)

// example is a delivery with hostile texts, and values that are not to leave.
func example() *audit.Delivery {
	at := audit.TimeOf(time.Date(2026, 11, 23, 20, 31, 56, 0, time.UTC))
	return &audit.Delivery{
		Sink: "s", Notice: audit.NoticeRaised, Revision: 1, At: at,
		Alert: audit.Alert{
			ID: "3f9a", Rule: "mass-delete", RuleName: "Mass delete", Severity: "critical", Risk: 60, Attack: []string{"T1485"}, State: audit.AlertOpen,
			Title: "eve deleted <b>c-17</b>\r\nBcc: x@evil.example\x1b[31m", Group: map[string]string{"user": "eve\n", "table": "shop.customers", "key": "c-17"},
			FirstTime: at, LastTime: at, Count: 3, Runbook: "https://wiki.example/mass-delete",
			Changes: []audit.Evidence{{Seq: 7, Database: "shop", Table: "customers", Key: `"c-17"`, Time: at}},
		},
	}
}

func env(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := values[name]; return v, ok }
}

// posted sends a delivery to a server over TLS and returns what came there.
func posted(t *testing.T, c Config, d *audit.Delivery) (body map[string]any, header http.Header, path string) {
	t.Helper()
	var raw []byte
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header, path = r.Header, r.URL.Path
		raw, _ = io.ReadAll(r.Body)
		w.WriteHeader(202)
	}))
	defer srv.Close()
	c.CAFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(c.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	values := map[string]string{"KEY": "secret", "URL": srv.URL + "/T000/secretpath"}
	if c.URLEnv == "" {
		c.URL = srv.URL + "/hook"
	}
	c.Name = "s"
	s, err := New(c, Options{Lookup: env(values), Salt: []byte("salt")})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := s.Send(t.Context(), d); err != nil || r.Trouble != "" {
		t.Fatal(r, err)
	}
	if raw[0] == '[' {
		raw = raw[1 : len(raw)-1]
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	if strings.Contains(string(raw), "c-17") && c.Redact != Full {
		t.Errorf("a value left the machine: %s", raw)
	}
	if strings.ContainsAny(string(raw), "\x1b\r\n") {
		t.Errorf("a control character left the machine: %s", raw)
	}
	return body, header, path
}

func at(v any, path ...string) any {
	for _, name := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}

func TestWebhook(t *testing.T) {
	body, header, path := posted(t, Config{Type: "webhook", SecretEnv: "KEY"}, example())
	if body["key"] != "3f9a-1" || header.Get("Idempotency-Key") != "3f9a-1" || path != "/hook" || at(body, "group", "key") != redacted || at(body, "group", "table") != "shop.customers" {
		t.Errorf("got %v with %v", body, header)
	}
	body, _, _ = posted(t, Config{Type: "webhook", SecretEnv: "KEY", Redact: Hash}, example())
	h, _ := at(body, "group", "key").(string)
	if !strings.HasPrefix(h, "hash:") || !strings.Contains(body["title"].(string), h) {
		t.Errorf("got %v", body)
	}
	body, _, _ = posted(t, Config{Type: "webhook", SecretEnv: "KEY", Redact: Full}, example())
	if at(body, "group", "key") != "c-17" || !strings.Contains(body["title"].(string), "<b>c-17</b>") {
		t.Errorf("got %v", body)
	}
	body, _, _ = posted(t, Config{Type: "webhook", SecretEnv: "KEY", Template: `{"x":"{{.ID}}"}`}, example())
	if body["x"] != "3f9a" {
		t.Errorf("got %v", body)
	}
}

func TestFormsOfOthers(t *testing.T) {
	d := example()
	body, _, _ := posted(t, Config{Type: "webhook", SecretEnv: "KEY", Form: "ocsf"}, d)
	if body["class_uid"] != 2004.0 || body["type_uid"] != 200401.0 || body["severity_id"] != 5.0 || at(body, "finding_info", "uid") != "3f9a" || at(body, "actor", "user", "name") != "eve�" {
		t.Errorf("got %v", body)
	}
	body, _, _ = posted(t, Config{Type: "webhook", SecretEnv: "KEY", Form: "ecs"}, d)
	if at(body, "event", "kind") != "alert" || at(body, "event", "id") != "3f9a-1" || at(body, "rule", "id") != "mass-delete" || body["@timestamp"] != "2026-11-23T20:31:56.000000000Z" {
		t.Errorf("got %v", body)
	}
	d.Notice, d.Alert.State, d.Alert.Verdict = audit.NoticeState, audit.AlertClosed, audit.VerdictFalse
	body, _, _ = posted(t, Config{Type: "webhook", SecretEnv: "KEY", Form: "ocsf"}, d)
	if body["activity_id"] != 3.0 || body["type_uid"] != 200403.0 || body["status_id"] != 4.0 || body["verdict_id"] != 1.0 {
		t.Errorf("got %v", body)
	}
}

func TestSlack(t *testing.T) {
	d := example()
	d.Alert.Group = map[string]string{"user": "<!channel>"}
	d.Alert.Title = "<!channel> deleted much"
	body, _, path := posted(t, Config{Type: "slack", URLEnv: "URL"}, d)
	text, _ := body["text"].(string)
	if path != "/T000/secretpath" || !strings.Contains(text, "&lt;!channel&gt; deleted much") || strings.Contains(text, "<!") || !strings.Contains(text, "alerts show 3f9a") {
		t.Errorf("got %v", body)
	}
}

func TestPagerDuty(t *testing.T) {
	for _, c := range []struct {
		notice audit.Notice
		state  audit.AlertState
		want   string
	}{
		{audit.NoticeRaised, audit.AlertOpen, "trigger"}, {audit.NoticeGrown, audit.AlertAcked, "trigger"},
		{audit.NoticeState, audit.AlertAcked, "acknowledge"}, {audit.NoticeState, audit.AlertInProgress, "acknowledge"},
		{audit.NoticeState, audit.AlertClosed, "resolve"}, {audit.NoticeState, audit.AlertOpen, "trigger"}, {audit.NoticeAgain, audit.AlertClosed, "resolve"},
	} {
		d := example()
		d.Notice, d.Alert.State = c.notice, c.state
		body, _, _ := posted(t, Config{Type: "pagerduty", SecretEnv: "KEY"}, d)
		if body["event_action"] != c.want || body["dedup_key"] != "3f9a" || body["routing_key"] != "secret" {
			t.Errorf("%s %s: %v", c.notice, c.state, body)
		}
		if c.want == "trigger" && (at(body, "payload", "severity") != "critical" || at(body, "payload", "custom_details", "rule") != "mass-delete") {
			t.Errorf("got %v", body)
		}
	}
}

// TestAlertmanager: an alert is posted again until it is closed, and that it ended
// for five minutes.
func TestAlertmanager(t *testing.T) {
	body, _, path := posted(t, Config{Type: "alertmanager"}, example())
	if path != "/hook/api/v2/alerts" || at(body, "labels", "alertname") != "mass-delete" || at(body, "labels", "key") != nil || at(body, "labels", "user") != "eve�" {
		t.Errorf("got %v at %s", body, path)
	}
	synctest.Test(t, func(t *testing.T) {
		var last map[string]any
		took := handled{http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			var all []map[string]any
			if err := json.NewDecoder(r.Body).Decode(&all); err != nil || len(all) != 1 {
				t.Error(err)
			}
			last = all[0]
		})}
		s, err := New(Config{Name: "am", Type: "alertmanager", URL: "http://am.example", ActiveFor: time.Hour}, Options{Lookup: env(nil), Transport: took})
		if err != nil {
			t.Fatal(err)
		}
		send := func(d *audit.Delivery) time.Duration {
			t.Helper()
			r, err := s.Send(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			return r.Again
		}
		ends := func() time.Duration {
			e, err := time.Parse(time.RFC3339Nano, last["endsAt"].(string))
			if err != nil {
				t.Fatal(err)
			}
			return time.Until(e)
		}
		d := example()
		d.At = audit.TimeOf(time.Now())
		if again := send(d); again != time.Minute || ends() != 4*time.Minute {
			t.Errorf("again in %s, ends in %s", again, ends())
		}
		time.Sleep(time.Hour + time.Second)
		if again := send(d); again != 0 {
			t.Errorf("after an hour: again in %s", again)
		}
		d.Notice, d.Alert.State, d.At = audit.NoticeState, audit.AlertClosed, audit.TimeOf(time.Now())
		if again := send(d); again != time.Minute || ends() != 0 {
			t.Errorf("closed: again in %s, ends in %s", again, ends())
		}
		time.Sleep(resolvedFor + time.Second)
		if again := send(d); again != 0 {
			t.Errorf("closed for long: again in %s", again)
		}
	})
}

// TestFile: a line each, of its own also after a line that was cut off.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.ndjson")
	s, err := New(Config{Name: "f", Type: "file", Path: path}, Options{Lookup: env(nil)})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.Send(t.Context(), example()); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"cut`)
	f.Close()
	if _, err := s.Send(t.Context(), example()); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole := 0
	for line := range strings.Lines(string(raw)) {
		if json.Valid([]byte(line)) {
			whole++
		}
	}
	if info, _ := os.Stat(path); whole != 3 || info.Mode().Perm() != 0o600 {
		t.Errorf("%d whole lines in %q, mode %s", whole, raw, info.Mode())
	}
	var out strings.Builder
	s, err = New(Config{Name: "o", Type: "stdout", Form: "ecs"}, Options{Lookup: env(nil), Stdout: &out})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Send(t.Context(), example()); err != nil || !json.Valid([]byte(out.String())) || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("%q, %v", out.String(), err)
	}
	if s, err = New(Config{Name: "g", Type: "file", Path: filepath.Join(path, "no")}, Options{Lookup: env(nil)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Send(t.Context(), example()); err == nil || refused(err) {
		t.Errorf("got %v", err)
	}
}

// accept takes one connection after another and hands each to f.
func accept(t *testing.T, l net.Listener, f func(net.Conn)) {
	t.Helper()
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			f(conn)
		}
	}()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// syslogMessage reads one message with its length before it.
func syslogMessage(conn net.Conn) string {
	defer conn.Close()
	b := bufio.NewReader(conn)
	length, err := b.ReadString(' ')
	if err != nil {
		return err.Error()
	}
	rest, err := io.ReadAll(b)
	if err != nil || strings.TrimSpace(length) != itoa(len(rest)) {
		return "length " + length + ": " + string(rest)
	}
	return string(rest)
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

// TestTemplateFails: JSON takes the place of what the template should make.
func TestTemplateFails(t *testing.T) {
	for _, bad := range []string{`{{.Nothing}}`, `{{index .Group "nothing"}}{{.Title.X}}`, `{{range $i, $e := .Changes}}{{slice .Key 100 200}}{{end}}`,
		`{{define "a"}}{{template "a" .}}{{end}}{{template "a" .}}`, `{{if false}}x{{end}}`, `{{printf "%1000000s" .ID}}`} {
		var out strings.Builder
		s, err := New(Config{Name: "o", Type: "stdout", Template: bad}, Options{Lookup: env(nil), Stdout: &out})
		if err != nil {
			t.Errorf("%s: %v", bad, err)
			continue
		}
		r, err := s.Send(context.Background(), example())
		var doc Document
		if err != nil || r.Trouble == "" || json.Unmarshal([]byte(out.String()), &doc) != nil || doc.ID != "3f9a" || doc.TemplateError == "" {
			t.Errorf("%s: %q, %+v, %v", bad, out.String(), r, err)
		}
	}
	if _, err := New(Config{Name: "o", Type: "stdout", Template: "{{"}, Options{Lookup: env(nil)}); err == nil {
		t.Error("a template that is none is taken")
	}
}
