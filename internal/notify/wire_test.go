package notify

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func certificate(t *testing.T) (*tls.Config, *tls.Config) {
	t.Helper()
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	defer srv.Close()
	client := srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	client.ServerName = "example.com" // the name that httptest's certificate has
	return srv.TLS, client
}

func TestSyslog(t *testing.T) {
	server, client := certificate(t)
	for _, network := range []string{"tls", "tcp"} {
		got := make(chan string, 1)
		l := listen(t)
		accept(t, l, func(conn net.Conn) {
			if network == "tls" {
				conn = tls.Server(conn, server)
			}
			got <- syslogMessage(conn)
		})
		s, err := New(Config{Name: "s", Type: "syslog", Network: network, Address: l.Addr().String()}, Options{Lookup: env(nil), TLSConfig: client, Host: "db 1"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Send(t.Context(), example()); err != nil {
			t.Errorf("%s: %v", network, err)
		}
		want := fmt.Sprintf(`<106>1 2026-11-23T20:31:56.000Z db_1 recourse %d mass-delete [alert@32473 key="3f9a-1" id="3f9a" notice="raised" severity="critical" state="open" rule="mass-delete" count="3" user="eve�" table="shop.customers"] `, os.Getpid()) +
			"\ufeff[critical] Mass delete: 3 changes, table shop.customers, user eve�"
		if m := <-got; m != want {
			t.Errorf("%s: got\n%q\nwant\n%q", network, m, want)
		}
	}
	packet, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer packet.Close()
	s, err := New(Config{Name: "s", Type: "syslog", Network: "udp", Address: packet.LocalAddr().String(), Form: "ocsf"}, Options{Lookup: env(nil)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Send(t.Context(), example()); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 64<<10)
	n, _, err := packet.ReadFrom(b)
	if err != nil || !strings.Contains(string(b[:n]), `"class_uid":2004`) || strings.Contains(string(b[:n]), "\n") {
		t.Errorf("%q, %v", b[:n], err)
	}
}

// TestSyslogThatDoesNotTake: nobody there, no trust, a connection that is reset: each
// is an error, so that it is tried again.
func TestSyslogThatDoesNotTake(t *testing.T) {
	server, _ := certificate(t)
	reset := listen(t)
	accept(t, reset, func(conn net.Conn) {
		conn.(*net.TCPConn).SetLinger(0)
		time.Sleep(20 * time.Millisecond)
		conn.Close()
	})
	untrusted := listen(t)
	accept(t, untrusted, func(conn net.Conn) { tls.Server(conn, server).Handshake(); conn.Close() })
	gone := listen(t)
	gone.Close()
	for what, c := range map[string]Config{
		"reset": {Network: "tcp", Address: reset.Addr().String()}, "untrusted": {Network: "tls", Address: untrusted.Addr().String()},
		"gone": {Network: "tcp", Address: gone.Addr().String()},
	} {
		c.Name, c.Type = "s", "syslog"
		s, err := New(c, Options{Lookup: env(nil)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Send(t.Context(), example()); err == nil || refused(err) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A postman is an SMTP server for one mail, scripted by what it answers.
type postman struct {
	starttls bool
	rcpt     string // its answer to RCPT
	trust    *tls.Config
	mail     string
	said     []string
}

func (p *postman) serve(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	say := func(s string) { fmt.Fprintf(conn, "%s\r\n", s) }
	say("220 hello")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		p.said = append(p.said, line)
		switch verb, _, _ := strings.Cut(strings.ToUpper(line), " "); verb {
		case "EHLO":
			if _, secured := conn.(*tls.Conn); p.starttls && !secured {
				say("250-me\r\n250 STARTTLS")
			} else {
				say("250-me\r\n250 AUTH PLAIN")
			}
		case "STARTTLS":
			say("220 go on")
			conn = tls.Server(conn, p.trust)
			r = bufio.NewReader(conn)
		case "AUTH":
			say("235 welcome")
		case "RCPT":
			say(p.rcpt)
		case "DATA":
			say("354 go on")
			var b strings.Builder
			for {
				line, err := r.ReadString('\n')
				if err != nil || line == ".\r\n" {
					break
				}
				b.WriteString(line)
			}
			p.mail = b.String()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 fine")
		}
	}
}

func TestMail(t *testing.T) {
	server, client := certificate(t)
	send := func(p *postman, c Config, lookup func(string) (string, bool)) error {
		t.Helper()
		l := listen(t)
		done := make(chan struct{})
		accept(t, l, func(conn net.Conn) { p.serve(conn); close(done) })
		c.Name, c.Type, c.Address, c.From, c.To = "m", "mail", l.Addr().String(), "Recourse <recourse@shop.example>", []string{"ann@shop.example", "bob@shop.example"}
		s, err := New(c, Options{Lookup: lookup, TLSConfig: client, Host: "db1"})
		if err != nil {
			t.Fatal(err)
		}
		d := example()
		d.Revision = 2
		_, err = s.Send(t.Context(), d)
		select {
		case <-done:
		case <-time.After(5 * time.Second):
		}
		return err
	}
	p := &postman{starttls: true, rcpt: "250 fine", trust: server}
	if err := send(p, Config{Username: "u", PasswordEnv: "PW"}, env(map[string]string{"PW": "hunter2"})); err != nil {
		t.Fatal(err)
	}
	m, err := mail.ReadMessage(strings.NewReader(p.mail))
	if err != nil {
		t.Fatalf("%v: %s", err, p.mail)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	body, _ := io.ReadAll(m.Body)
	if err != nil || m.Header.Get("Message-Id") != "<recourse.3f9a-2@shop.example>" || m.Header.Get("In-Reply-To") != "<recourse.3f9a-1@shop.example>" ||
		m.Header.Get("Bcc") != "" || !strings.HasPrefix(subject, "[critical] Mass delete") || !strings.Contains(string(body), "rule mass-delete") || strings.Contains(p.mail, "c-17") {
		t.Errorf("got %s", p.mail)
	}
	if got := strings.Join(p.said, ";"); strings.Index(got, "STARTTLS") > strings.Index(got, "AUTH") || !strings.Contains(got, "RCPT TO:<bob@shop.example>") {
		t.Errorf("it said %s", got)
	}
	if err := send(&postman{rcpt: "250 fine"}, Config{}, env(nil)); err == nil || !strings.Contains(err.Error(), "STARTTLS") {
		t.Errorf("a mail went out without TLS: %v", err)
	}
	if err := send(&postman{rcpt: "550 no such user"}, Config{TLS: "none"}, env(nil)); !refused(err) {
		t.Errorf("got %v", err)
	}
	if err := send(&postman{rcpt: "451 later"}, Config{TLS: "none"}, env(nil)); err == nil || refused(err) {
		t.Errorf("got %v", err)
	}
}

// TestRedirects: within one host they are followed, to another they are not.
func TestRedirects(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another host was told") }))
	defer other.Close()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/here", http.StatusPermanentRedirect)
		case "/stolen":
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusTemporaryRedirect)
		case "/here":
			if b, err := io.ReadAll(r.Body); err != nil || len(b) == 0 {
				t.Error("the body was lost on the way")
			}
		}
	}))
	defer srv.Close()
	for path, well := range map[string]bool{"/moved": true, "/stolen": false, "/round": false} {
		s, err := New(Config{Name: "w", Type: "webhook", URL: srv.URL + path, SecretEnv: "KEY"}, Options{Lookup: env(map[string]string{"KEY": "k"})})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Send(t.Context(), example()); (err == nil) != well {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestSecretsStaySecret: whatever fails, no error quotes a secret.
func TestSecretsStaySecret(t *testing.T) {
	const hidden = "hidden-7f3a"
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	gone := listen(t)
	gone.Close()
	over := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	defer hangs.Close()
	defer close(over)
	away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://other.example/"+hidden, http.StatusFound)
	}))
	defer away.Close()
	values := env(map[string]string{"KEY": hidden})
	for _, c := range []Config{
		{Type: "slack", URLFile: write("url", "http://"+gone.Addr().String()+"/"+hidden+"\n")},
		{Type: "slack", URLFile: write("scheme", "ftp://x/"+hidden)},
		{Type: "slack", URLFile: write("user", "https://a:"+hidden+"@x.example/")},
		{Type: "slack", URLFile: write("bad", "https://x.example/%zz"+hidden)},
		{Type: "slack", URLFile: write("two", hidden+"\n"+hidden)},
		{Type: "slack", URLFile: write("hangs", hangs.URL+"/"+hidden)},
		{Type: "slack", URLFile: write("away", away.URL+"/"+hidden)},
		{Type: "slack", URLEnv: "KEY"},
		{Type: "pagerduty", URL: "http://" + gone.Addr().String(), SecretEnv: "KEY"},
		{Type: "webhook", URL: "http://" + gone.Addr().String(), SecretEnv: "NONE"},
		{Type: "webhook", URL: "http://" + gone.Addr().String(), SecretFile: write("empty", "")},
		{Type: "webhook", URL: "http://" + gone.Addr().String(), SecretEnv: "KEY", TokenFile: filepath.Join(dir, "none")},
	} {
		c.Name = "s"
		s, err := New(c, Options{Lookup: values})
		if err == nil {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			_, err = s.Send(ctx, example())
			cancel()
		}
		if err == nil || strings.Contains(err.Error(), hidden) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestConfigs: what is wrong is said, with its key.
func TestConfigs(t *testing.T) {
	well := Config{Name: "s", Type: "webhook", URL: "https://a.example:8443/x", SecretEnv: "K"}
	for _, c := range []struct {
		edit   func(*Config)
		egress []string
		key    string // "-": nothing is wrong
	}{
		{func(*Config) {}, nil, "-"},
		{func(*Config) {}, []string{"*.example"}, "-"},
		{func(*Config) {}, []string{"a.example:8443"}, "-"},
		{func(*Config) {}, []string{"a.example:443"}, "url"},
		{func(*Config) {}, []string{}, "url"},
		{func(c *Config) { c.Name = "a b" }, nil, "name"},
		{func(c *Config) { c.Type = "pigeon" }, nil, "type"},
		{func(c *Config) { c.MinSeverity = "loud" }, nil, "minSeverity"},
		{func(c *Config) { c.Path = "/x" }, nil, "path"},
		{func(c *Config) { c.SecretEnv = "" }, nil, ""},
		{func(c *Config) { c.SecretFile = "x" }, nil, "secretFile"},
		{func(c *Config) { c.URL = "a.example" }, nil, "url"},
		{func(c *Config) { c.URL = "https://u:p@a.example" }, nil, "url"},
		{func(c *Config) { c.Redact = "some" }, nil, "redact"},
		{func(c *Config) { c.Form = "cef" }, nil, "form"},
		{func(c *Config) { c.CertFile = "x" }, nil, "certFile"},
		{func(c *Config) { c.Template = "{{" }, nil, "template"},
		{func(c *Config) { c.Template, c.Form = "x", "ecs" }, nil, "form"},
		{func(c *Config) { *c = Config{Name: "s", Type: "slack", URL: "https://hooks.example"} }, nil, "url"},
		{func(c *Config) { *c = Config{Name: "s", Type: "syslog", Address: "host"} }, nil, "address"},
		{func(c *Config) { *c = Config{Name: "s", Type: "syslog", Address: "[::1]:514", Network: "udp"} }, []string{"::1"}, "-"},
		{func(c *Config) { *c = Config{Name: "s", Type: "syslog", Address: "host:514"} }, []string{"other"}, "address"},
		{func(c *Config) { *c = Config{Name: "s", Type: "stdout", Timeout: 1} }, nil, "-"},
	} {
		cfg := well
		c.edit(&cfg)
		key, err := cfg.Check(c.egress)
		if c.key == "-" && err != nil || c.key != "-" && (err == nil || key != c.key) {
			t.Errorf("%+v: %q %v, want %q", cfg, key, err, c.key)
		}
	}
	if _, err := New(Config{Name: "m", Type: "mail", Address: "h:25", From: "a@b", To: []string{"c@d"}, Username: "u", PasswordEnv: "P", TLS: "none"}, Options{Lookup: env(nil)}); err == nil {
		t.Error("a password would go out in clear")
	}
	_, err := New(Config{Name: "p", Type: "pagerduty", SecretEnv: "K"}, Options{Lookup: env(nil), Egress: []string{"x"}})
	if err == nil || errors.Unwrap(err) == nil {
		t.Errorf("PagerDuty is reached though egress does not allow it: %v", err)
	}
}
