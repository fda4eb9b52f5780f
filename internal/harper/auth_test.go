package harper

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"recourse/audit"
)

// A tokenServer gives tokens and takes the newest.
type tokenServer struct {
	mu                  sync.Mutex
	logins, renewals, n int
	valid, refresh      string
	verdict             string // on other tokens
	noRenewal           bool
}

func (s *tokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	op, bearer := operation(r), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	text := func(status int, fields map[string]any) {
		v, _ := audit.Of(fields)
		answer(w, status, v)
	}
	fresh := func() map[string]any {
		s.n++
		s.valid = fmt.Sprintf("op-%d", s.n)
		return map[string]any{"operation_token": s.valid, "refresh_token": s.refresh}
	}
	switch op.Get("operation").Text() {
	case "create_authentication_tokens":
		s.logins++
		if op.Get("username").Text() != "svc" || op.Get("password").Text() != secret {
			text(401, map[string]any{"error": "Login failed"})
			return
		}
		s.refresh = fmt.Sprintf("re-%d", s.logins)
		text(200, fresh())
	case "refresh_operation_token":
		s.renewals++
		if bearer != s.refresh || s.noRenewal {
			text(401, map[string]any{"error": "token expired"})
			return
		}
		text(200, fresh())
	default:
		if bearer != s.valid {
			text(401, map[string]any{"error": s.verdict})
			return
		}
		text(200, map[string]any{"version": "1"})
	}
}

func TestJWT(t *testing.T) {
	fake := &tokenServer{verdict: "token expired"}
	s := httptest.NewServer(fake)
	defer s.Close()
	c := client(t, Options{Target: s.URL, Username: "svc", Password: secret, JWT: true})
	ask := func(what string, logins, renewals int) {
		t.Helper()
		if _, err := c.Version(t.Context()); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if fake.logins != logins || fake.renewals != renewals {
			t.Errorf("%s: %d logins and %d renewals, want %d and %d", what, fake.logins, fake.renewals, logins, renewals)
		}
	}
	ask("first", 1, 0)
	ask("second", 1, 0)
	fake.valid = "another"
	ask("expired", 1, 1)
	fake.valid, fake.noRenewal = "another", true
	ask("both expired", 2, 2)
	fake.valid, fake.verdict = "another", "invalid token"
	ask("server with new keys", 3, 2)
	fake.valid, fake.verdict = "another", "Cannot complete request: User is inactive"
	if _, err := c.Version(t.Context()); !errors.Is(err, ErrUnauthorized) {
		t.Error(err)
	}
	fake.noRenewal, fake.verdict = false, "token expired"
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := c.Version(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if fake.renewals != 3 {
		t.Errorf("%d renewals for one expired token", fake.renewals-2)
	}
	c = client(t, Options{Target: s.URL, Username: "svc", Password: "wrong", JWT: true})
	if _, err := c.Version(t.Context()); !errors.Is(err, ErrUnauthorized) {
		t.Error(err)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	o := Options{Target: "http://127.0.0.1:1", Username: "svc", Password: secret}
	c := client(t, o)
	creds := Credentials{Target: "http://svc:" + secret + "@h", Username: "svc", Password: secret}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "o", o, "p", &o, "c", c, "creds", creds)
	_, err := c.Version(t.Context())
	shown := []string{log.String(), fmt.Sprint(err)}
	for _, v := range []any{o, &o, c, c.auth, creds, []Options{o}, struct{ O Options }{o}, map[string]Credentials{"": creds}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			shown = append(shown, fmt.Sprintf(verb, v))
		}
	}
	for _, bad := range []string{"http://svc:" + secret + "@host:1", "http://svc:" + secret + "@ho st", "ftp://svc:" + secret + "@host"} {
		_, err := New(Options{Target: bad})
		if err == nil {
			t.Errorf("%s was taken", bad)
		}
		shown = append(shown, fmt.Sprintf("%v %+v", err, err))
	}
	for _, s := range shown {
		if strings.Contains(s, secret) || strings.Contains(s, fmt.Sprintf("%x", secret)) {
			t.Errorf("shows the password: %s", s)
		}
	}
}

func TestTargets(t *testing.T) {
	for target, ok := range map[string]bool{
		"http://h:9925": true, "https://h": true, "unix:///run/x": true, "http://h:9925/": true, "http://h/prefix": true,
		"": false, "h:9925": false, "localhost": false, "unix://run/x": false, "unix:": false, "http://": false, "ftp://h": false, "http://h?x": false, "http://h#x": false,
	} {
		_, err := New(Options{Target: target})
		var hinted interface{ Hint() string }
		if (err == nil) != ok || err != nil && (!errors.As(err, &hinted) || hinted.Hint() == "") {
			t.Errorf("%q: %v", target, err)
		}
	}
	if _, err := New(Options{Target: "http://h", REST: "unix:///x"}); err == nil {
		t.Error("REST over a socket")
	}
}

func TestCredentialsFromEnv(t *testing.T) {
	for name, k := range map[string]struct {
		env  map[string]string
		want Credentials
	}{
		"none":           {nil, Credentials{}},
		"new":            {map[string]string{"HARPER_CLI_TARGET": "t", "HARPER_CLI_USERNAME": "u", "HARPER_CLI_PASSWORD": "p"}, Credentials{"t", "u", "p"}},
		"old":            {map[string]string{"CLI_TARGET": "t", "CLI_TARGET_USERNAME": "u", "CLI_TARGET_PASSWORD": "p"}, Credentials{"t", "u", "p"}},
		"new goes first": {map[string]string{"HARPER_CLI_USERNAME": "u", "HARPER_CLI_PASSWORD": "p", "CLI_TARGET_USERNAME": "v", "CLI_TARGET_PASSWORD": "q", "CLI_TARGET": "t"}, Credentials{"t", "u", "p"}},
		"never mixed":    {map[string]string{"HARPER_CLI_USERNAME": "u", "CLI_TARGET_PASSWORD": "q"}, Credentials{}},
		"a whole pair":   {map[string]string{"HARPER_CLI_USERNAME": "u", "CLI_TARGET_USERNAME": "v", "CLI_TARGET_PASSWORD": "q"}, Credentials{"", "v", "q"}},
		"empty":          {map[string]string{"HARPER_CLI_USERNAME": "", "HARPER_CLI_PASSWORD": "p", "HARPER_CLI_TARGET": ""}, Credentials{}},
	} {
		got := CredentialsFromEnv(func(name string) (string, bool) {
			s, ok := k.env[name]
			return s, ok
		})
		if got != k.want {
			t.Errorf("%s: %v %q", name, got, got.Password)
		}
	}
}
