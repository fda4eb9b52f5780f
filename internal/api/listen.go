package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ErrRemote says that the server was to listen where other machines can reach
// it, and was not told that they may.
var ErrRemote = errors.New("nothing is authenticated there, and other machines could read it")

// An addressError says why the server cannot listen.
type addressError struct {
	addr, hint string
	err        error
}

func (e *addressError) Error() string { return fmt.Sprintf("listen on %q: %v", e.addr, e.err) }
func (e *addressError) Unwrap() error { return e.err }

// Hint says what to do.
func (e *addressError) Hint() string { return e.hint }

// Listen takes the address, so that one that cannot be had is an error at the
// start. Its errors have a Hint.
func (s *Server) Listen(ctx context.Context) error {
	var err error
	if path, ok := strings.CutPrefix(s.o.Addr, "unix://"); ok {
		s.listener, err = s.listenLocal(ctx, path)
		s.socket = path
	} else {
		s.listener, err = listenTCP(ctx, s.o.Addr, s.o.AllowRemote)
		if err == nil && s.o.AllowRemote && s.o.Tokens != nil && s.o.Certificate == nil {
			err = errors.Join(errInTheClear, s.listener.Close())
		}
	}
	if err != nil {
		s.listener, s.socket = nil, ""
		return &addressError{s.o.Addr, hintFor(err), err}
	}
	return nil
}

// listenLocal makes a socket. Where commands come from it, its folder keeps other
// users out, or the kernel says whose a connection is.
func (s *Server) listenLocal(ctx context.Context, path string) (net.Listener, error) {
	if !s.o.Local {
		return listenUnix(ctx, path)
	}
	if err := privateFolder(filepath.Dir(path)); err != nil {
		return nil, err
	}
	l, err := listenUnix(ctx, path)
	if err != nil {
		return nil, err
	}
	return sameUser{l, s.o.Log}, nil
}

// Addr is where the server listens: with the port that it got, if it asked for
// port 0. Empty before Listen.
func (s *Server) Addr() string {
	switch {
	case s.listener == nil:
		return ""
	case s.socket != "":
		return "unix://" + s.socket
	}
	return s.listener.Addr().String()
}

func listenTCP(ctx context.Context, addr string, remote bool) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if !remote {
		if host, err = loopback(ctx, host); err != nil {
			return nil, err
		}
	}
	var lc net.ListenConfig
	return lc.Listen(ctx, "tcp", net.JoinHostPort(host, port))
}

// loopback is the address that a host's name stands for, if this machine alone
// can reach it. The address is what is listened on, not the name, which might
// stand for another by then.
func loopback(ctx context.Context, host string) (string, error) {
	if host == "" {
		return "", ErrRemote // all of the machine's addresses
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return "", err
	}
	var first netip.Addr
	for _, a := range addrs {
		if !a.Unmap().IsLoopback() {
			return "", ErrRemote
		}
		if !first.IsValid() || a.Unmap().Is4() && !first.Is4() {
			first = a.Unmap()
		}
	}
	if !first.IsValid() {
		return "", fmt.Errorf("%q has no address", host)
	}
	return first.String(), nil
}

// listenUnix makes a socket that its owner alone can open. It is made in a folder
// that nobody else can enter and moved from there, as a socket's mode can be set
// only after it listens. A socket that a process left behind is replaced, one
// that somebody answers on is not.
func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("the path is not absolute")
	}
	if err := replaceable(ctx, path); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".api")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	made := filepath.Join(dir, "s")
	short, done, err := reach(made)
	if err != nil {
		return nil, err
	}
	defer done()
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", short)
	if err != nil {
		return nil, err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // it has another path by then
	if err = os.Chmod(made, 0o600); err == nil {
		err = os.Rename(made, path)
	}
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

// replaceable says whether nothing stands at the path, or a socket without a process.
func replaceable(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("there is something else than a socket: %w", fs.ErrExist)
	}
	short, done, err := reach(path)
	if err != nil {
		return err
	}
	defer done()
	d := net.Dialer{Timeout: time.Second}
	conn, err := d.DialContext(ctx, "unix", short)
	if err == nil {
		_ = conn.Close()
		return syscall.EADDRINUSE
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil
	}
	return err
}

// longestSocket is how long, in bytes, the address of a socket can be on every
// system; errLongPath says that one is longer.
const longestSocket = 103

// errInTheClear says that whoever listens in on the network would have the tokens.
var errInTheClear = errors.New("tokens would cross the network in the clear")

var errLongPath = errors.New("the path is longer than the address of a socket can be on this system")

// A sameUser lets in the processes of the same user alone.
type sameUser struct {
	net.Listener
	log *slog.Logger
}

func (l sameUser) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if err = samePeer(conn); err == nil {
			return conn, nil
		}
		l.log.Warn("refused a connection", "err", err)
		_ = conn.Close()
	}
}

func hintFor(err error) string {
	switch {
	case errors.Is(err, errInTheClear):
		return "give --tls-cert-file and --tls-key-file, or listen on 127.0.0.1 and let a proxy with TLS stand before it"
	case errors.Is(err, errLongPath):
		return "keep the data in a folder with a shorter path"
	case errors.Is(err, ErrRemote):
		return "listen on 127.0.0.1 or on unix:///path and let a proxy that asks for a password stand before it, or allow it with --listen-remote"
	case errors.Is(err, syscall.EADDRINUSE):
		return "another process listens there; choose another port or path"
	case errors.Is(err, fs.ErrPermission):
		return "this user may not listen there; choose a port from 1024 on, or a folder that the user may write to"
	case errors.Is(err, fs.ErrExist):
		return "choose a path where there is nothing"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine has no such address"
	}
	return "write host:port, such as " + DefaultAddr + ", or unix:///path"
}

// serve answers on the listener until ctx ends.
func (s *Server) serve(ctx context.Context) error {
	srv := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.o.Log.Handler(), slog.LevelDebug),
	}
	if s.socket != "" {
		defer os.Remove(s.socket)
	}
	failed := make(chan error, 1)
	on := s.listener
	if s.o.Certificate != nil {
		on = tls.NewListener(on, s.tlsConfig())
	}
	go func() { failed <- srv.Serve(on) }()
	s.o.Log.Info("listening", "addr", s.Addr())
	defer s.commands.Wait() // they use what is closed next
	select {
	case err := <-failed:
		close(s.stopping)
		return fmt.Errorf("serve on %q: %w", s.Addr(), err)
	case <-ctx.Done():
	}
	close(s.stopping)
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := srv.Shutdown(bounded); err != nil {
		_ = srv.Close() // whoever still waits is cut off
	}
	<-failed
	return nil
}
