package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// carrier serves commands on a socket until the test ends, or until stop is called.
func carrier(t *testing.T, run CommandFunc, change func(*Options)) (c Caller, stop func()) {
	t.Helper()
	o := Options{Addr: "unix://" + filepath.Join(t.TempDir(), "s"), Command: run, Local: true, Version: Version{Version: "1"}}
	if change != nil {
		change(&o)
	}
	s := New(o)
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return Caller{Socket: strings.TrimPrefix(o.Addr, "unix://"), Version: Version{Version: "1"}}, stop
}

var aCommand = Command{Name: "search", Args: []string{"recourse", "search", "*"}, Dir: "/"}

func TestAttachedCommandHasItsCallersStreams(t *testing.T) {
	long := strings.Repeat("x", 3*longestFrame+7)
	c, _ := carrier(t, func(_ context.Context, c Command, s Streams) int {
		text, err := io.ReadAll(s.In)
		fmt.Fprintf(s.Out, "%q in %s as %s at %d %t %t: ", c.Args, c.Dir, c.Env["USER"], c.Width, c.Terminal, c.Progress)
		fmt.Fprint(s.Out, string(text))
		fmt.Fprint(s.Err, "err:", err)
		return 3
	}, nil)
	command := Command{Name: "x", Args: []string{"recourse", "x", "ä"}, Dir: "/d", Env: map[string]string{"USER": "ann"}, Terminal: true, Width: 80, Progress: true}
	var out, errs bytes.Buffer
	code, err := c.Call(t.Context(), command, Streams{strings.NewReader(long), &out, &errs})
	if err != nil || code != 3 {
		t.Fatalf("code %d, %v", code, err)
	}
	if want := `["recourse" "x" "ä"] in /d as ann at 80 true true: ` + long; out.String() != want {
		t.Errorf("stdout is %.100q…, want %.100q…", out.String(), want)
	}
	if errs.String() != "err:<nil>" {
		t.Errorf("stderr is %q", errs.String())
	}
}

// Input is asked for as it is wanted: what a command leaves stays with its caller.
func TestAttachedCommandTakesNoMoreInputThanItWants(t *testing.T) {
	c, _ := carrier(t, func(_ context.Context, _ Command, s Streams) int {
		var three [3]byte
		_, err := io.ReadFull(s.In, three[:])
		fmt.Fprint(s.Out, string(three[:]), err)
		return 0
	}, nil)
	in := strings.NewReader("abcdef")
	var out bytes.Buffer
	if code, err := c.Call(t.Context(), aCommand, Streams{in, &out, io.Discard}); code != 0 || err != nil || out.String() != "abc<nil>" {
		t.Fatalf("%d, %v, %q", code, err, out.String())
	}
	if in.Len() != 3 {
		t.Errorf("%d bytes are left to the caller, want 3", in.Len())
	}
	failing := io.MultiReader(strings.NewReader("a"), readerFunc(func([]byte) (int, error) { return 0, errors.New("no more paper") }))
	out.Reset()
	if _, err := c.Call(t.Context(), aCommand, Streams{failing, &out, io.Discard}); err != nil || !strings.Contains(out.String(), "no more paper") {
		t.Errorf("%v, %q: the command is to be told why there is no input", err, out.String())
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestAttachedCommandEndsEarly(t *testing.T) {
	begun, cause := make(chan struct{}, 1), make(chan error, 1)
	c, stop := carrier(t, func(ctx context.Context, _ Command, s Streams) int {
		begun <- struct{}{}
		_, err := s.In.Read(make([]byte, 1)) // nobody answers
		if !errors.Is(err, context.Canceled) {
			t.Errorf("reading ends with %v", err)
		}
		<-ctx.Done()
		cause <- context.Cause(ctx)
		fmt.Fprint(s.Out, "a part")
		return 130
	}, nil)
	silence, _ := io.Pipe()
	ctx, interrupt := context.WithCancel(t.Context())
	go func() { <-begun; interrupt() }()
	var out bytes.Buffer
	if code, err := c.Call(ctx, aCommand, Streams{silence, &out, io.Discard}); code != 130 || err != nil || out.String() != "a part" {
		t.Errorf("interrupted: %d, %v, %q", code, err, out.String())
	}
	if got := <-cause; got != ErrInterrupted {
		t.Errorf("the cause is %v, want ErrInterrupted", got)
	}
	// The caller is gone.
	conn := attachedConn(t, c)
	<-begun
	conn.Close()
	if got := <-cause; got != ErrGone {
		t.Errorf("the cause is %v, want ErrGone", got)
	}
	// The server stops: it waits for the command, and the caller has its answer.
	stopped := make(chan struct{})
	go func() { defer close(stopped); <-begun; stop() }()
	out.Reset()
	if code, err := c.Call(t.Context(), aCommand, Streams{silence, &out, io.Discard}); code != 130 || err != nil || out.String() != "a part" {
		t.Errorf("stopped: %d, %v, %q", code, err, out.String())
	}
	if got := <-cause; got != ErrStopping {
		t.Errorf("the cause is %v, want ErrStopping", got)
	}
	<-stopped // the command ends before the server has closed its socket
	if err := c.Ping(t.Context()); !errors.Is(err, ErrNobody) {
		t.Errorf("after the end: %v, want ErrNobody", err)
	}
}

// attachedConn is the connection of a command that has begun.
func attachedConn(t *testing.T, c Caller) net.Conn {
	t.Helper()
	conn, err := dialLocal(t.Context(), c.Socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "GET /v1/attach HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: %s\r\n%s: 1\r\n\r\n", attachProtocol, versionHeader)
	if err := writeJSONFrame(conn, frameCommand, aCommand); err != nil {
		t.Fatal(err)
	}
	return conn
}

// A server that stops does not wait for a caller that reads nothing.
func TestAttachedCallerThatReadsNothing(t *testing.T) {
	begun := make(chan struct{})
	c, stop := carrier(t, func(ctx context.Context, _ Command, s Streams) int {
		close(begun)
		for {
			if _, err := s.Out.Write(make([]byte, longestFrame)); err != nil {
				return 1
			}
		}
	}, func(o *Options) { o.farewell = 50 * time.Millisecond })
	attachedConn(t, c)
	<-begun
	stop()
}

func TestAttachIsRefused(t *testing.T) {
	hold := make(chan struct{})
	begun := make(chan struct{})
	c, _ := carrier(t, func(context.Context, Command, Streams) int { begun <- struct{}{}; <-hold; return 0 }, func(o *Options) { o.MaxCommands = 1 })
	defer close(hold)
	var refused *RefusedError
	other := Caller{c.Socket, Version{Version: "2", Revision: "abc"}}
	_, err := other.Call(t.Context(), aCommand, Streams{})
	if !errors.As(err, &refused) || refused.Code != 9 || !strings.Contains(err.Error(), "is recourse 1, and this is recourse 2 abc") || refused.Hint() == "" {
		t.Errorf("of another version: %v", err)
	}
	go c.Call(context.WithoutCancel(t.Context()), aCommand, Streams{nil, io.Discard, io.Discard}) //nolint:errcheck // it is held
	<-begun
	if _, err = c.Call(t.Context(), aCommand, Streams{}); !errors.As(err, &refused) || refused.Code != 9 || !strings.Contains(err.Error(), "1 commands already") {
		t.Errorf("one too many: %v", err)
	}
	if _, err = (Caller{Socket: filepath.Join(t.TempDir(), "none")}).Call(t.Context(), aCommand, Streams{}); !errors.Is(err, ErrNobody) {
		t.Errorf("no socket: %v, want ErrNobody", err)
	}
	left := filepath.Join(t.TempDir(), "left")
	l, err := net.Listen("unix", left)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if _, err = (Caller{Socket: left}).Call(t.Context(), aCommand, Streams{}); !errors.Is(err, ErrNobody) {
		t.Errorf("a socket that a process left: %v, want ErrNobody", err)
	}
}

func TestAttachedCommandThatPanics(t *testing.T) {
	var log bytes.Buffer
	c, stop := carrier(t, func(context.Context, Command, Streams) int { panic("oh") }, func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	var errs bytes.Buffer
	for range 2 {
		errs.Reset()
		if code, err := c.Call(t.Context(), aCommand, Streams{nil, io.Discard, &errs}); code != 1 || err != nil || !strings.Contains(errs.String(), "internal error") {
			t.Errorf("%d, %v, %q", code, err, errs.String())
		}
	}
	stop()
	if !strings.Contains(log.String(), "panic=oh") || !strings.Contains(log.String(), "attach_test.go") {
		t.Errorf("the log does not say where: %s", log.String())
	}
}

// The path of a socket may be longer than an address can be.
func TestAttachWithALongPath(t *testing.T) {
	if _, _, err := reach("/" + strings.Repeat("x", 200) + "/s"); errors.Is(err, errLongPath) {
		t.Skip(err)
	}
	dir := filepath.Join(t.TempDir(), strings.Repeat("x", 100), strings.Repeat("y", 100))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	c, _ := carrier(t, func(context.Context, Command, Streams) int { return 7 }, func(o *Options) { o.Addr = "unix://" + filepath.Join(dir, "s") })
	if code, err := c.Call(t.Context(), aCommand, Streams{}); code != 7 || err != nil {
		t.Errorf("%d, %v", code, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".api*")); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
	info, err := os.Stat(filepath.Join(dir, "s"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket's mode: %v, %v", info.Mode(), err)
	}
}
