package notify

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recourse/audit"
)

// TestRedirectThatLosesTheMessage: after 301, 302 and 303 a client would ask for the
// page, send nothing and hear that all is well.
func TestRedirectThatLosesTheMessage(t *testing.T) {
	for _, code := range []int{301, 302, 303} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/hook" {
				http.Redirect(w, r, "/login", code)
			}
		}))
		s := sinkAt(t, Config{Type: "webhook", URL: srv.URL + "/hook", SecretEnv: "KEY"})
		if _, err := s.Send(t.Context(), example()); err == nil || refused(err) || !strings.Contains(err.Error(), "configure the URL") {
			t.Errorf("%d: %v", code, err)
		}
		srv.Close()
	}
}

func sinkAt(t *testing.T, c Config) Sink {
	t.Helper()
	c.Name = "s"
	s, err := New(c, Options{Lookup: env(map[string]string{"KEY": "key-7f3a91", "TOKEN": "token-7f3a91"})})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSlowAnswers: who says 200 has taken it, however long the rest of the answer
// takes or if it breaks off; who says nothing has not.
func TestSlowAnswers(t *testing.T) {
	over := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/drips":
			for {
				if _, err := io.WriteString(w, "."); err != nil {
					return
				}
				if http.NewResponseController(w).Flush() != nil {
					return
				}
				select {
				case <-over:
					return
				case <-r.Context().Done():
					return
				case <-time.After(10 * time.Millisecond):
				}
			}
		case "/breaks":
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "half")
		case "/hangs":
			<-over
		}
	}))
	defer srv.Close()
	defer close(over)
	for path, well := range map[string]bool{"/drips": true, "/breaks": true, "/hangs": false} {
		s := sinkAt(t, Config{Type: "webhook", URL: srv.URL + path, SecretEnv: "KEY"})
		limit, done := context.WithTimeout(t.Context(), 300*time.Millisecond)
		_, err := s.Send(limit, example())
		if (err == nil) != well || !well && (refused(err) || !errors.Is(err, context.DeadlineExceeded)) {
			t.Errorf("%s: %v", path, err)
		}
		done()
	}
}

// TestReceiverThatQuotesSecrets: many a receiver quotes the address that it does not
// know, or the token that it does not like. Errors are logged and kept.
func TestReceiverThatQuotesSecrets(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(400)
		fmt.Fprintf(w, "Cannot POST %s: bad %s, bad %.80s", r.RequestURI, r.Header.Get("Authorization"), body)
	}))
	defer srv.Close()
	hook := filepath.Join(t.TempDir(), "url")
	write(t, hook, srv.URL+"/services/T0001/hidden-path?sig=hidden-query")
	for _, c := range []Config{
		{Type: "slack", URLFile: hook},
		{Type: "webhook", URL: srv.URL, SecretEnv: "KEY", TokenEnv: "TOKEN"},
		{Type: "pagerduty", URL: srv.URL, SecretEnv: "KEY"},
	} {
		s := sinkAt(t, c)
		d := example()
		d.Alert.State = audit.AlertClosed // PagerDuty is sent little more than its key
		_, err := s.Send(t.Context(), d)
		if !refused(err) || !strings.Contains(err.Error(), "it answers 400: Cannot POST") {
			t.Errorf("%s: %v", c.Type, err)
		}
		for _, secret := range []string{"hidden", "key-7f3a91", "token-7f3a91"} {
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %v", c.Type, err)
			}
		}
	}
}

// huge is a delivery of an alert whose every text is endless and hostile.
func huge() *audit.Delivery {
	d := example()
	d.Alert.Title = strings.Repeat("t\r\nFrom: x@evil.example ", 100_000)
	d.Alert.RuleName = strings.Repeat("r\x00", 10_000)
	d.Alert.Group = map[string]string{}
	for i := range 4 {
		d.Alert.Group[fmt.Sprint("user\r\n", i)] = strings.Repeat("\"]\\ \r\n\u2028", 10_000)
	}
	d.Alert.Changes = nil
	for i := range audit.DeliveryChanges {
		d.Alert.Changes = append(d.Alert.Changes, audit.Evidence{Seq: audit.Seq(i), Database: strings.Repeat("d", 255), Table: strings.Repeat("t", 255), Key: audit.ID(strings.Repeat("k", 100_000))})
	}
	return d
}

// TestHugeAlert: it fits into what receivers take, in every form, and is whole JSON.
func TestHugeAlert(t *testing.T) {
	for _, form := range []string{"recourse", "ocsf", "ecs"} {
		for _, how := range []Redaction{NamesOnly, Hash, Full} {
			var out strings.Builder
			s, err := New(Config{Name: "o", Type: "stdout", Form: form, Redact: how}, Options{Lookup: env(nil), Stdout: &out})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Send(t.Context(), huge()); err != nil || out.Len() > 50_000 || strings.Count(out.String(), "\n") != 1 || !json.Valid([]byte(out.String())) {
				t.Errorf("%s, %s: %d bytes, %d lines, %v", form, how, out.Len(), strings.Count(out.String(), "\n"), err)
			}
		}
	}
	// As a datagram, of which none is larger than 64 KiB.
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := sinkAt(t, Config{Type: "syslog", Network: "udp", Address: l.LocalAddr().String(), Form: "ocsf", Redact: Full})
	if _, err := s.Send(t.Context(), huge()); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1<<16)
	n, _, err := l.ReadFrom(b)
	if err != nil || strings.ContainsAny(string(b[:n]), "\r\n\x00") {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// TestMailOfAHugeAlert: no text of an alert becomes a header, and no line is longer
// than mail may have.
func TestMailOfAHugeAlert(t *testing.T) {
	var to []string
	for i := range 60 {
		to = append(to, fmt.Sprintf("somebody-%d@shop.example", i))
	}
	s, err := New(Config{Name: "m", Type: "mail", Address: "mail.shop.example:25", TLS: "none", From: "recourse@shop.example", To: to, Redact: Full}, Options{Lookup: env(nil)})
	if err != nil {
		t.Fatal(err)
	}
	m := s.(*mailer)
	d := huge()
	d.Revision = 2
	doc := m.redact.document(d)
	raw, err := m.message(doc, plainText(doc))
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(strings.NewReader(string(raw)))
	for lines.Scan() {
		if n := len(lines.Text()); n > 998 {
			t.Errorf("a line of %d bytes: %.60s", n, lines.Text())
		}
	}
	got, err := mail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil || lines.Err() != nil {
		t.Fatal(err, lines.Err())
	}
	all, err := got.Header.AddressList("To")
	if err != nil || len(all) != len(to) || len(got.Header["From"]) != 1 || got.Header.Get("From") != "<recourse@shop.example>" {
		t.Errorf("to %d, from %q, %v", len(all), got.Header["From"], err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
