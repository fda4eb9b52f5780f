package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// ErrNobody says that no process answers on a socket.
var ErrNobody = errors.New("no process answers on the socket")

// ErrLost says that the process that carried a command out went away before it
// had ended.
var ErrLost = errors.New("the process that has the data folder went away before the command had ended")

// A RefusedError is why a process did not carry a command out.
type RefusedError struct {
	Code    int // the exit code to end with
	Message string
	hint    string
}

func (e *RefusedError) Error() string { return e.Message }

// Hint says what to do.
func (e *RefusedError) Hint() string { return e.hint }

// A Caller has commands carried out by the process that listens on a socket.
type Caller struct {
	Socket  string // its path
	Version Version
}

// Call has a command carried out and returns its exit code. When ctx ends the
// command is told to, and what it still says is awaited. ErrNobody: no process
// listens there. A *RefusedError: nothing was begun. ErrLost: it is not known
// whether the command was done.
func (c Caller) Call(ctx context.Context, command Command, streams Streams) (int, error) {
	conn, err := dialLocal(ctx, c.Socket)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	_ = conn.SetDeadline(time.Now().Add(handshake))
	if err := c.shakeHands(conn, r); err != nil {
		return 0, err
	}
	s := &calling{conn: conn, in: streams.In}
	if err := writeJSONFrame(conn, frameCommand, command); err != nil {
		return 0, fmt.Errorf("send command: %w", err)
	}
	_ = conn.SetDeadline(time.Time{})
	defer context.AfterFunc(ctx, func() { _ = s.send(frameInterrupt, nil) })()
	return s.follow(r, streams)
}

// Ping says whether a process listens on the socket: nil, ErrNobody, or why it
// cannot be spoken with.
func (c Caller) Ping(ctx context.Context) error {
	conn, err := dialLocal(ctx, c.Socket)
	if err != nil {
		return err
	}
	return conn.Close()
}

// dialLocal connects to a socket on which a process of the same user listens.
func dialLocal(ctx context.Context, path string) (net.Conn, error) {
	short, done, err := reach(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errLongPath) {
		return nil, ErrNobody
	}
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", path, err)
	}
	defer done()
	d := net.Dialer{Timeout: handshake}
	conn, err := d.DialContext(ctx, "unix", short)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return nil, ErrNobody
	case err != nil:
		return nil, fmt.Errorf("connect to %s: %w", path, err)
	}
	if err := samePeer(conn); err != nil {
		_ = conn.Close()
		return nil, &RefusedError{codeBusy, fmt.Sprintf("connect to %s: %v", path, err), "run the command as the user that runs recourse watch"}
	}
	return conn, nil
}

// shakeHands asks for the connection to be a command's.
func (c Caller) shakeHands(conn net.Conn, r *bufio.Reader) error {
	_, err := fmt.Fprintf(conn, "GET /v1/attach HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: %s\r\n%s: %s\r\n\r\n",
		attachProtocol, versionHeader, oneLine(c.Version.String()))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return nil
	}
	defer resp.Body.Close()
	return refusalOf(resp)
}

// refusalOf reads an answer that is an error.
func refusalOf(resp *http.Response) error {
	var body errorBody
	const longest = 64 << 10
	if err := json.NewDecoder(io.LimitReader(resp.Body, longest)).Decode(&body); err != nil || body.Error.Message == "" {
		return &RefusedError{codeBusy, "the process that has the data folder answers " + resp.Status, hintVersion}
	}
	return &RefusedError{body.Error.Code, body.Error.Message, body.Error.Hint}
}

// A calling is the near end of an attached command.
type calling struct {
	conn net.Conn
	in   io.Reader
	mu   sync.Mutex // of writing to conn
}

func (s *calling) send(kind byte, body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return writeFrame(s.conn, kind, body)
}

// follow passes the command's output on until its exit code comes.
func (s *calling) follow(r io.Reader, streams Streams) (int, error) {
	buf := make([]byte, longestFrame)
	for {
		kind, body, err := readFrame(r, longestFrame, buf)
		if errors.Is(err, errFrame) {
			return 0, err
		}
		if err != nil {
			return 0, ErrLost
		}
		switch kind {
		case frameOut:
			_, err = streams.Out.Write(body)
		case frameErr:
			_, err = streams.Err.Write(body)
		case frameWant:
			var n int
			if n, err = strconv.Atoi(string(body)); err == nil && n > 0 && n <= longestFrame {
				go s.give(n)
			}
		case frameExit:
			return strconv.Atoi(string(body))
		default:
			err = fmt.Errorf("%w: %q", errFrame, kind)
		}
		if err != nil {
			return 0, err
		}
	}
}

// give sends some input; a terminal may keep it waiting for long.
func (s *calling) give(n int) {
	if s.in == nil {
		_ = s.send(frameInputEnd, nil)
		return
	}
	buf := make([]byte, n)
	n, err := s.in.Read(buf)
	for n == 0 && err == nil {
		n, err = s.in.Read(buf)
	}
	switch {
	case n > 0: // an error comes again
		_ = s.send(frameInput, buf[:n])
	case errors.Is(err, io.EOF):
		_ = s.send(frameInputEnd, nil)
	default:
		_ = s.send(frameInputEnd, []byte(err.Error()))
	}
}
