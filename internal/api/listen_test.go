package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRemoteIsRefused(t *testing.T) {
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[2001:db8::1]:0", "[::ffff:192.0.2.1]:0"} {
		s := New(Options{Addr: addr, State: constant(full())})
		err := s.Serve(t.Context())
		if !errors.Is(err, ErrRemote) {
			t.Errorf("%s: %v, want ErrRemote", addr, err)
			continue
		}
		var h interface{ Hint() string }
		if !errors.As(err, &h) || !strings.Contains(h.Hint(), "127.0.0.1") {
			t.Errorf("%s: no hint in %v", addr, err)
		}
	}
	s := New(Options{Addr: "0.0.0.0:0", AllowRemote: true, State: constant(full())})
	if err := s.Listen(t.Context()); err != nil {
		t.Fatalf("listen where it is allowed: %v", err)
	}
	s.listener.Close()
}

func TestBadAddresses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, addr := range []string{"9927", "127.0.0.1", "127.0.0.1:http-of-mine", "unix://relative", "unix:///no/such/folder/s", taken.Addr().String()} {
		err := New(Options{Addr: addr, State: constant(full())}).Listen(t.Context())
		var h interface{ Hint() string }
		if err == nil || !errors.As(err, &h) || h.Hint() == "" || !strings.Contains(err.Error(), addr) {
			t.Errorf("%s: %v, want an error that names it, with a hint", addr, err)
		}
	}
}

// start serves until the test ends, or until stop is called, which says how Serve ended.
func start(t *testing.T, o Options) (s *Server, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s = New(o)
	if err := s.Listen(ctx); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	stop = func() error {
		cancel()
		select {
		case err := <-ended:
			ended <- err
			return err
		case <-time.After(10 * time.Second):
			return errors.New("it does not end")
		}
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return s, stop
}

func TestServeOverTCP(t *testing.T) {
	s, stop := start(t, Options{Addr: "localhost:0", State: constant(full())})
	resp, err := http.Get("http://" + s.Addr() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 200 || !strings.HasPrefix(string(body), "ready\nstore: ok") {
		t.Errorf("readyz: %d %s", resp.StatusCode, body)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", s.Addr()); err == nil {
		t.Error("it listens after its end")
	}
}

func TestServeOverASocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "api") // t.TempDir() may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "recourse.sock")
	stale, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	stale.(*net.UnixListener).SetUnlinkOnClose(false)
	stale.Close()

	s, stop := start(t, Options{Addr: "unix://" + path, State: constant(full())})
	if info, err := os.Lstat(path); err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("the socket: %v, %v, want mode 0600", info.Mode(), err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	resp, err := client.Get("http://recourse/metrics")
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("metrics over %s: %v %v", s.Addr(), resp, err)
	}
	resp.Body.Close()
	if err := New(Options{Addr: "unix://" + path, State: constant(full())}).Listen(t.Context()); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second server on the socket: %v", err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := New(Options{Addr: "unix://" + path, State: constant(full())}).Listen(t.Context()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("where a file is: %v", err)
	}
	if raw, err := os.ReadFile(path); string(raw) != "mine" {
		t.Errorf("the file that was there: %q, %v", raw, err)
	}
}

// TestShutdownIsBounded holds that neither a stuck state nor an idle or half
// sent request keeps the daemon from ending.
func TestShutdownIsBounded(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	s, stop := start(t, Options{Addr: "127.0.0.1:0", Patience: time.Minute, State: func(context.Context) (State, error) {
		close(asked)
		<-release
		return State{}, nil
	}})
	half, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close()
	fmt.Fprint(half, "GET /healthz HTTP/1.1\r\nHost: x\r\n")
	go http.Get("http://" + s.Addr() + "/healthz")
	<-asked
	begun := time.Now()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("the end took %v, want about 1 s at most", took)
	}
}

func TestHeadersAreBounded(t *testing.T) {
	s, _ := start(t, Options{Addr: "127.0.0.1:0", State: constant(full())})
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: %s\r\n\r\n", strings.Repeat("a", 64<<10))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("64 KiB of headers: %v %v, want 431", resp, err)
	}
}
