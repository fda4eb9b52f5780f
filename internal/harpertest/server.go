// Package harpertest is a Harper inside the process: enough of the operations
// API, of the REST interface and of the audit log for tests and the
// demonstration, with the measured behaviour of both lines of real Harper,
// their mistakes included (docs/harper.md).
//
// Start with [New]; [Server.LoadIncident] fills it with a recorded incident,
// and [Server.Transact] writes as a component within Harper would.
package harpertest

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"recourse/audit"
)

// A Line is one of the two families of Harper, which answer differently.
type Line uint8

// The lines.
const (
	LMDB    Line = iota // 4.4 to 4.7 and 5.0 on LMDB; commit time and version are two clocks
	RocksDB             // 5.1 on RocksDB; one clock, groups name their keys "ids"
)

// String is the storage engine's name.
func (l Line) String() string {
	if l == RocksDB {
		return "rocksdb"
	}
	return "lmdb"
}

// Options say what kind of Harper to be. The zero value is an LMDB server with
// one super user, admin with the password secret.
type Options struct {
	Line        Line
	Clock       func() audit.Time // nil: the wall clock, strictly increasing
	Users       []User            // nil: admin, secret
	CommitDelay time.Duration     // LMDB: how much later than its version an entry is stored, at least; zero: a tenth of a millisecond
	Retention   time.Duration     // zero: the log is kept for ever
	Faults      func(Request) Fault

	Node          string // its name in a cluster; empty: localhost
	NoSystemAudit bool   // no log of the system tables
	Feed          bool   // the feed component is installed
	LogFile       int    // RocksDB: how many entries a file of a database's log has; zero: all of them
	// PatchCost is what reading a transaction of patches costs on RocksDB, times
	// the square of how many they are; zero: nothing.
	PatchCost time.Duration
	Sleep     func(context.Context, time.Duration) // how PatchCost is spent; nil: really
}

// A Server is one Harper. Its methods may be called at any time, from any
// goroutine.
type Server struct {
	line      Line
	delay     time.Duration
	retention time.Duration
	retained  audit.Time // when the retention was last applied
	secret    []byte     // signs tokens

	node      string
	noSystem  bool
	logFile   int
	patchCost time.Duration
	sleep     func(context.Context, time.Duration)

	mu          guard
	clock       func() audit.Time
	steady      bool // the clock is our own and never goes back
	clockMu     sync.Mutex
	floor       audit.Time // what was loaded is not later; the clock stays above
	lastVersion audit.Time
	lastID      int64
	seq         uint64
	dbs         map[string]*database
	users       []*User
	granted     map[string]bool // the roles that add_role or alter_role made
	fault       func(Request) Fault
	handlers    map[string]http.Handler
	subs        map[*subscription]bool
	links       []*Link        // to other servers
	incoming    []*Link        // from them
	files       map[string]int // RocksDB: entries written to a database's log

	down    atomic.Bool
	connsMu sync.Mutex
	conns   map[net.Conn]bool

	listen   sync.Once
	ops      *listener
	rest     *listener
	socketMu sync.Mutex
	sockets  []*listener
}

// New starts a server. It listens on loopback ports as soon as a URL is asked
// for; until then it is only an [http.Handler].
func New(o Options) *Server {
	s := &Server{
		line: o.Line, delay: o.CommitDelay, retention: o.Retention, fault: o.Faults,
		secret: make([]byte, 32), clock: o.Clock, dbs: map[string]*database{},
		handlers: map[string]http.Handler{}, granted: map[string]bool{}, lastID: 1 << 40, steady: o.Clock == nil,
		node: cmp.Or(o.Node, "localhost"), noSystem: o.NoSystemAudit, logFile: o.LogFile, patchCost: o.PatchCost, sleep: o.Sleep,
		subs: map[*subscription]bool{}, files: map[string]int{}, conns: map[net.Conn]bool{},
	}
	s.mu.after = s.deliver
	if s.sleep == nil {
		s.sleep = wait
	}
	rand.Read(s.secret)
	if s.delay == 0 {
		s.delay = 100 * time.Microsecond
	}
	if s.clock == nil {
		s.clock = wallClock()
	}
	users := o.Users
	if users == nil {
		users = []User{{Name: "admin", Password: "secret", SuperUser: true}}
	}
	s.systemTables()
	for _, u := range users {
		s.addUser(u)
	}
	if o.Feed {
		s.InstallFeed()
	}
	return s
}

// wallClock is the time of day, never twice the same.
func wallClock() func() audit.Time {
	var mu sync.Mutex
	var last audit.Time
	return func() audit.Time {
		mu.Lock()
		defer mu.Unlock()
		last = max(audit.TimeOf(time.Now()), after(last))
		return last
	}
}

// step is the distance that Harper puts between two times that would be equal:
// two of float64's steps at today's magnitude.
const step = 0.00048828125

func after(t audit.Time) audit.Time { return t + step }

// Now is the server's clock. After a dump was loaded it is later than the dump.
func (s *Server) Now() audit.Time { return s.now() }

func (s *Server) now() audit.Time {
	s.clockMu.Lock()
	defer s.clockMu.Unlock()
	t := s.clock()
	if t <= s.floor {
		s.floor = after(s.floor)
		t = s.floor
	}
	return t
}

func (s *Server) raiseFloor(t audit.Time) {
	s.clockMu.Lock()
	defer s.clockMu.Unlock()
	s.floor = max(s.floor, t)
}

// Line is the kind of Harper that this one is.
func (s *Server) Line() Line { return s.line }

// Handle puts a component of a test's own on the REST interface, at a path
// such as "/Steps/". It runs after the caller was authenticated; [UserOf] names
// them.
func (s *Server) Handle(path string, h http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers[path] = h
}

// ServeHTTP serves both interfaces: the operations API at POST /, the REST
// interface anywhere else.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.down.Load() {
		panic(http.ErrAbortHandler)
	}
	if isOps(r) {
		s.serveOps(w, r)
		return
	}
	s.serveREST(w, r)
}

func isOps(r *http.Request) bool {
	return r.URL.Path == "/" || r.URL.Path == "/health" || r.URL.Path == "/api/openapi/rest"
}

// A listener is one open port or socket.
type listener struct {
	url    string
	server *http.Server
	done   chan struct{}
}

func serve(l net.Listener, url string, h http.HandlerFunc) *listener {
	o := &listener{url: url, server: &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}, done: make(chan struct{})}
	go func() {
		defer close(o.done)
		_ = o.server.Serve(l) // always ErrServerClosed: Close ends it
	}()
	return o
}

func (o *listener) close() {
	_ = o.server.Close()
	<-o.done
}

func (s *Server) start() {
	s.listen.Do(func() {
		s.ops, s.rest = s.loopback(s.serveOps), s.loopback(s.serveREST)
	})
}

// loopback panics like httptest's: a machine without loopback runs no tests.
func (s *Server) loopback(h http.HandlerFunc) *listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(fmt.Sprintf("harpertest: listen on loopback: %v", err))
	}
	return serve(&port{Listener: l, s: s}, "http://"+l.Addr().String(), h)
}

// URL is the operations API's, as [Server.OpsURL].
func (s *Server) URL() string { return s.OpsURL() }

// OpsURL is where the operations API listens.
func (s *Server) OpsURL() string {
	s.start()
	return s.ops.url
}

// RESTURL is where the REST interface listens.
func (s *Server) RESTURL() string {
	s.start()
	return s.rest.url
}

type socketKey struct{}

// ListenUnix opens the operations API on a Unix socket, where Harper takes
// whoever brings no credentials for a super user.
func (s *Server) ListenUnix(path string) error {
	l, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", path, err)
	}
	s.socketMu.Lock()
	defer s.socketMu.Unlock()
	s.sockets = append(s.sockets, serve(l, path, func(w http.ResponseWriter, r *http.Request) {
		s.serveOps(w, r.WithContext(context.WithValue(r.Context(), socketKey{}, true)))
	}))
	return nil
}

// Close ends the listeners and waits for them. The records stay readable.
func (s *Server) Close() {
	s.listen.Do(func() {}) // no listener is opened any more
	if s.ops != nil {
		s.ops.close()
		s.rest.close()
	}
	s.socketMu.Lock()
	defer s.socketMu.Unlock()
	for _, o := range s.sockets {
		o.close()
		if err := os.Remove(o.url); err != nil && !errors.Is(err, os.ErrNotExist) {
			panic(fmt.Sprintf("harpertest: remove socket: %v", err))
		}
	}
	s.sockets = nil
}
