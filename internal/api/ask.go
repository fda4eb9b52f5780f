package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"mime"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An AskFunc answers a question that is put as a command line, whose JSON, or
// lines of JSON, it writes to out.
type AskFunc func(ctx context.Context, args []string, out io.Writer) Outcome

// An Outcome is how a question was answered.
type Outcome struct {
	// Code is the exit code of the command. 0: found. With exitNothing and
	// exitUnknown an answer is whole, too: it says that there is nothing, or that
	// it is not known.
	Code          int
	Message, Hint string // of an error; empty: the answer has said all
	// Position is where in the query it is wrong, in characters from 1; 0: nowhere.
	Position int
}

// The exit codes that mean something for an answer over HTTP (docs/cli.md).
const (
	exitNothing     = 2
	exitIntegrity   = 6
	exitUnknown     = 11
	exitHarper      = 12
	exitUsage       = 64
	exitInput       = 65
	exitInterrupted = 130
)

// statusOf is the status that an outcome without an answer has.
func (o Outcome) statusOf(ctx context.Context) int {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return http.StatusGatewayTimeout
	}
	switch o.Code {
	case 0:
		return http.StatusOK
	case exitNothing, exitUnknown:
		return http.StatusNotFound
	case exitUsage, exitInput:
		return http.StatusBadRequest
	case codeBusy, exitInterrupted:
		return http.StatusServiceUnavailable
	case exitHarper:
		return http.StatusBadGateway
	}
	return http.StatusInternalServerError
}

const ndjson = "application/x-ndjson"

// ask makes the handler of a route.
func (s *Server) ask(r route) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		begun := s.o.Now()
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Vary", "Accept, Authorization")
		who, ok := s.admit(w, req)
		if !ok {
			return
		}
		a := &answer{w: w, stream: http.NewResponseController(w)}
		out := s.put(r, req, a)
		if out.Message != "" && !a.begun && out.status >= http.StatusInternalServerError && out.Code != codeBusy {
			s.o.Log.Warn("query failed", "route", r.path, "err", oneLine(out.Message))
		}
		// What was asked for may be what a record holds, so it is not logged; by its
		// hash it can be told whether the same was asked again.
		s.o.Log.Info("query", "who", who, "route", r.path, "asked", digest(req.URL.RawQuery+req.URL.Path), "status", out.status,
			"code", out.Code, "bytes", a.bytes, "took", s.o.Now().Sub(begun).Round(time.Millisecond))
		if a.broken {
			panic(http.ErrAbortHandler) // what came so far is not all, and must not look so
		}
	}
}

// digest is a short hash of what was asked.
func digest(s string) string {
	h := fnv.New64a()
	_, _ = io.WriteString(h, s)
	return fmt.Sprintf("%016x", h.Sum64())
}

// An asked is how a question ended, with the status that was sent.
type asked struct {
	Outcome
	status int
}

// put puts a question and sends its answer, or why there is none.
func (s *Server) put(r route, req *http.Request, a *answer) asked {
	refused := func(status, code int, message, hint string) asked {
		refuse(a.w, status, Outcome{Code: code, Message: message, Hint: hint})
		return asked{Outcome{Code: code, Message: message}, status}
	}
	if req.ContentLength != 0 {
		return refused(http.StatusBadRequest, exitUsage, "the request has a body", "put the question into the URL")
	}
	format, ok := formatOf(r, req)
	if !ok {
		return refused(http.StatusNotAcceptable, exitUsage, "the answer is JSON or NDJSON", "send Accept: application/json, or application/x-ndjson")
	}
	args, err := r.commandLine(req, format)
	if err != nil {
		return refused(http.StatusBadRequest, exitUsage, err.Error(), "docs/api.md and /v1/openapi.json have the parameters")
	}
	select {
	case s.asking <- struct{}{}:
		defer func() { <-s.asking }()
	default:
		a.w.Header().Set("Retry-After", "1")
		return refused(http.StatusServiceUnavailable, codeBusy, fmt.Sprintf("%d questions are being answered already", cap(s.asking)), "ask again in a moment")
	}
	patience := s.o.QueryTimeout
	if a.lines = format == ndjson; a.lines {
		patience *= streamsLonger
	}
	ctx, cancel := context.WithTimeout(req.Context(), patience)
	defer cancel()
	a.kind = format
	out := s.guardedAsk(ctx, args, a)
	return asked{out, a.end(ctx, out)}
}

// streamsLonger is how many times longer than other answers a stream may take.
const streamsLonger = 10

func (s *Server) guardedAsk(ctx context.Context, args []string, out io.Writer) (o Outcome) {
	defer func() {
		if p := recover(); p != nil {
			s.o.Log.Error("query panicked", "command", args[1], "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			o = Outcome{Code: codeInternal, Message: "internal error: the log of the daemon says where"}
		}
	}()
	return s.o.Ask(ctx, args, out)
}

// formatOf is the form of the answer that is wanted.
func formatOf(r route, req *http.Request) (string, bool) {
	accepts := strings.Join(req.Header.Values("Accept"), ",")
	if strings.TrimSpace(accepts) == "" {
		return "application/json", true
	}
	for part := range strings.SplitSeq(accepts, ",") {
		kind, params, err := mime.ParseMediaType(part)
		if err != nil || params["q"] == "0" {
			continue
		}
		switch kind {
		case ndjson:
			return ndjson, true
		case "application/json", "application/*", "*/*":
			return "application/json", true
		}
	}
	return "", false
}

// commandLine is the question as the command that answers it has it.
func (r route) commandLine(req *http.Request, format string) ([]string, error) {
	given, err := url.ParseQuery(req.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("the parameters cannot be read: %w", err)
	}
	args := append([]string{"recourse"}, r.command...)
	if format == ndjson {
		args = append(args, "--output=ndjson")
	} else {
		args = append(args, "--output=json")
	}
	known := map[string]bool{}
	for _, p := range r.flags {
		known[p.name] = true
		values, err := p.values(given, format)
		if err != nil {
			return nil, err
		}
		for _, v := range values {
			args = append(args, "--"+p.name+"="+v)
		}
	}
	args = append(args, "--")
	for _, p := range r.takes {
		known[p.name] = true
		from := given
		if p.path {
			from = url.Values{p.name: {req.PathValue(p.name)}}
		}
		values, err := p.values(from, format)
		if err != nil {
			return nil, err
		}
		args = append(args, values...)
	}
	for name := range given {
		if !known[name] {
			return nil, fmt.Errorf("there is no parameter %.40q here", name)
		}
	}
	return args, nil
}

// values are what was given for a parameter.
func (p param) values(given url.Values, format string) ([]string, error) {
	all, there := given[p.name]
	switch {
	case !there && p.need:
		return nil, fmt.Errorf("the parameter %s is missing", p.name)
	case !there && p.other != "" && !given.Has(p.other):
		return nil, fmt.Errorf("the parameter %s is missing, and so is %s", p.name, p.other)
	case len(all) > 1 && p.kind != someText:
		return nil, fmt.Errorf("the parameter %s is given %d times", p.name, len(all))
	case p.kind == aSwitch && there && all[0] != "true" && all[0] != "false" && all[0] != "":
		return nil, fmt.Errorf("the parameter %s is %.40q: want true or false", p.name, all[0])
	case p.kind == aSwitch && there && all[0] == "":
		return []string{"true"}, nil
	case p.kind != aNumber || !there:
		return all, nil
	}
	n, err := strconv.ParseUint(all[0], 10, 62)
	if err != nil {
		return nil, fmt.Errorf("the parameter %s is %.40q: want a number", p.name, all[0])
	}
	if p.most > 0 && format != ndjson && (n == 0 || n > uint64(p.most)) {
		return nil, fmt.Errorf("the parameter %s is %d: an answer in JSON has 1 to %d; application/x-ndjson has any number", p.name, n, p.most)
	}
	return all, nil
}

// held is how much of an answer is kept back, so that an error in finding it can
// still have its status.
const held = 64 << 10

// patienceOfClient is how long a client may take to read some of an answer.
const patienceOfClient = 30 * time.Second

// An answer is what a question is answered with.
type answer struct {
	w      http.ResponseWriter
	stream *http.ResponseController
	kind   string
	lines  bool // a document a line
	buf    bytes.Buffer
	begun  bool // some of it is sent
	broken bool // it ends before all is said
	last   byte // that was sent
	bytes  int64
}

func (a *answer) Write(p []byte) (int, error) {
	if !a.begun && !a.lines && a.buf.Len()+len(p) <= held {
		return a.buf.Write(p)
	}
	if err := a.begin(); err != nil {
		return 0, err
	}
	return a.send(p)
}

// begin sends the status and what was kept back.
func (a *answer) begin() error {
	if a.begun {
		return nil
	}
	a.begun = true
	a.w.Header().Set("Content-Type", a.kind)
	kept := a.buf.Bytes()
	a.buf = bytes.Buffer{}
	_, err := a.send(kept)
	return err
}

func (a *answer) send(p []byte) (int, error) {
	// A recorder of a test has no deadlines.
	_ = a.stream.SetWriteDeadline(time.Now().Add(patienceOfClient))
	n, err := a.w.Write(p)
	a.bytes += int64(n)
	if n > 0 {
		a.last = p[n-1]
	}
	if err == nil && a.lines {
		_ = a.stream.Flush()
	}
	return n, err
}

// end sends what is left, or why there is no answer, and returns the status.
func (a *answer) end(ctx context.Context, out Outcome) int {
	_ = a.stream.SetWriteDeadline(time.Now().Add(patienceOfClient)) // that of the server may be over
	whole := slices.Contains([]int{0, exitNothing, exitUnknown}, out.Code)
	said := a.begun || a.buf.Len() > 0
	switch {
	case whole && (said || out.Message == ""):
		a.broken = a.begin() != nil
		return http.StatusOK
	case !a.begun:
		status := out.statusOf(ctx)
		if out.Message == "" {
			out.Message = http.StatusText(status)
		}
		refuse(a.w, status, out)
		return status
	case a.lines && a.last == '\n':
		_, err := a.send(errorLine(out))
		a.broken = err != nil
	default:
		a.broken = true
	}
	return http.StatusOK
}
