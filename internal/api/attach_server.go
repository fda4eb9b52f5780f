package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"
)

// Why an attached command is told to end before its time; the cause of its context.
var (
	ErrInterrupted = fmt.Errorf("interrupted: %w", context.Canceled)
	ErrGone        = fmt.Errorf("whoever called the command is gone: %w", context.Canceled)
	ErrStopping    = fmt.Errorf("the process that carries the command out is told to stop: %w", context.Canceled)
)

// A CommandFunc carries out a command for another process and says what its exit
// code is. It keeps to its context, whose cause is one of the errors above, and
// touches nothing of its own process but through the streams.
type CommandFunc func(context.Context, Command, Streams) int

// Streams are the standard input, output and error of a command.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// attach carries a command out and hands its output over as it comes.
func (s *Server) attach(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != attachProtocol {
		refuse(w, http.StatusUpgradeRequired, Outcome{Code: codeBusy, Message: "this process speaks " + attachProtocol, Hint: hintVersion})
		return
	}
	if theirs, ours := r.Header.Get(versionHeader), s.o.Version.String(); theirs != ours {
		refuse(w, http.StatusConflict, Outcome{Code: codeBusy, Hint: hintVersion,
			Message: fmt.Sprintf("the process that has the data folder is recourse %s, and this is recourse %s", ours, oneLine(theirs))})
		return
	}
	select {
	case s.attached <- struct{}{}:
		defer func() { <-s.attached }()
	default:
		refuse(w, http.StatusServiceUnavailable, Outcome{Code: codeBusy, Hint: "wait until one of them has ended",
			Message: fmt.Sprintf("the process that has the data folder carries out %d commands already", cap(s.attached))})
		return
	}
	s.commands.Add(1)
	defer s.commands.Done()
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		s.o.Log.Warn("attach command", "err", err)
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(handshake))
	if _, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+attachProtocol+"\r\n\r\n"); err != nil {
		return
	}
	c, err := readCommand(buffered)
	if err != nil {
		s.o.Log.Warn("attach command", "err", err)
		return
	}
	_ = conn.SetDeadline(time.Time{})
	s.carryOut(context.WithoutCancel(r.Context()), conn, buffered, c)
}

const hintVersion = "start the daemon again, so that both are the same program"

// carryOut runs a command on a connection.
func (s *Server) carryOut(ctx context.Context, conn net.Conn, r io.Reader, c Command) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	a := &attachment{conn: conn, cancel: cancel, answers: make(chan inputAnswer, 1), ctx: ctx.Done}
	ended := make(chan struct{})
	defer close(ended)
	go a.listen(r)
	go func() {
		select {
		case <-ended:
			return
		case <-s.stopping:
		}
		cancel(ErrStopping)
		select {
		case <-ended:
		case <-time.After(s.o.farewell): // nobody reads what it writes
			_ = conn.Close()
		}
	}()
	begun := s.o.Now()
	code := s.guardedRun(ctx, c, Streams{In: a, Out: frameWriter{a.send, frameOut}, Err: frameWriter{a.send, frameErr}})
	s.o.Log.Info("command", "name", oneLine(c.Name), "exit", code, "took", s.o.Now().Sub(begun).Round(time.Millisecond))
	body := fmt.Appendf(nil, "%d", code)
	_ = a.send(frameExit, body) // whoever asked may be gone
}

// guardedRun keeps a panic of a command from ending the process.
func (s *Server) guardedRun(ctx context.Context, c Command, streams Streams) (code int) {
	defer func() {
		if p := recover(); p != nil {
			s.o.Log.Error("command panicked", "name", oneLine(c.Name), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			fmt.Fprintln(streams.Err, "recourse: internal error: the command panicked; the log of the daemon says where")
			code = codeInternal
		}
	}()
	return s.o.Command(ctx, c, streams)
}

// An attachment is the far end of a command's streams.
type attachment struct {
	conn   net.Conn
	cancel context.CancelCauseFunc
	ctx    func() <-chan struct{} // closed when the command is to end

	mu sync.Mutex // of writing to conn

	// of reading, which one at a time does
	reading sync.Mutex
	asked   bool // input was asked for and has not come
	rest    []byte
	end     error // after rest; nil: not known
	answers chan inputAnswer
}

// An inputAnswer is some input, or its end.
type inputAnswer struct {
	data []byte
	end  error
}

func (a *attachment) send(kind byte, body []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := writeFrame(a.conn, kind, body)
	if err != nil {
		a.cancel(ErrGone)
	}
	return err
}

// listen takes what the other side sends until it is gone.
func (a *attachment) listen(r io.Reader) {
	for {
		kind, body, err := readFrame(r, longestFrame, nil)
		if err != nil {
			a.cancel(ErrGone)
			return
		}
		var in inputAnswer
		switch kind {
		case frameInterrupt:
			a.cancel(ErrInterrupted)
			continue
		case frameInput:
			in.data = body
		case frameInputEnd:
			in.end = io.EOF
			if len(body) > 0 {
				in.end = errors.New(string(body))
			}
		default:
			a.cancel(ErrGone)
			return
		}
		select {
		case a.answers <- in:
		default: // nobody has asked for so much
			a.cancel(ErrGone)
			return
		}
	}
}

// Read asks the other side for input, no more of it than is wanted.
func (a *attachment) Read(p []byte) (int, error) {
	a.reading.Lock()
	defer a.reading.Unlock()
	for len(a.rest) == 0 {
		if a.end != nil {
			return 0, a.end
		}
		if len(p) == 0 {
			return 0, nil
		}
		if !a.asked {
			if err := a.send(frameWant, fmt.Appendf(nil, "%d", min(len(p), longestFrame))); err != nil {
				return 0, fmt.Errorf("ask for input: %w: %w", ErrGone, err)
			}
			a.asked = true
		}
		select {
		case in := <-a.answers:
			a.asked, a.rest, a.end = false, in.data, in.end
		case <-a.ctx():
			return 0, ErrInterrupted
		}
	}
	n := copy(p, a.rest)
	a.rest = bytes.Clone(a.rest[n:])
	return n, nil
}
