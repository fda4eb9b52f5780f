// Package api is the daemon's HTTP side: /metrics for Prometheus, /healthz and
// /readyz for whoever keeps it running, /v1 for whoever asks what is stored, and
// the commands that other processes have it carry out. Begin with [New]; the
// daemon says how it stands through a [StateFunc], answers through an [AskFunc]
// and carries out through a [CommandFunc]. The other ends are [Client] and
// [Caller].
//
// Nothing can be changed through HTTP. Figures, and the names of nodes, databases
// and tables, can be read by whoever reaches the server; records only with a token,
// or over the socket of the daemon's own user.
package api

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// DefaultAddr is where the daemon listens if it is told to and not where.
const DefaultAddr = "127.0.0.1:9927"

// Options say what a server shows and to whom. Only State is needed.
type Options struct {
	// Addr is a host and a port, or unix:///path of a socket, which only its
	// owner can open. Empty: DefaultAddr.
	Addr string
	// AllowRemote lets the server listen where other machines can reach it.
	AllowRemote bool
	State       StateFunc
	Log         *slog.Logger // nil: nothing is logged
	// MaxLag is how far a table may be behind before the daemon is no longer
	// ready. 0: five minutes.
	MaxLag time.Duration
	// MaxTables is how many tables of nodes have a lag of their own in the
	// metrics. 0: 2000.
	MaxTables int
	// Fresh is for how long an answer of State counts. 0: one second.
	Fresh time.Duration
	// Hosts are names by which requests may call the server, besides its address.
	Hosts []string
	// Certificate has the server speak TLS; nil: it does not.
	Certificate *Certificate
	// Ask answers questions; nil: none are.
	Ask AskFunc
	// Tokens are those who may ask; nil: nobody may, unless Local.
	Tokens *Tokens
	// Local says that whoever reaches the server is its own user: it listens on a
	// socket that no other can open.
	Local bool
	// MaxQueries is how many questions are answered at the same time. 0: 8.
	MaxQueries int
	// QueryTimeout is how long an answer may take; a stream ten times as long. 0:
	// one minute.
	QueryTimeout time.Duration
	// Command carries out the commands of other processes of the same user; nil:
	// none are. Only where the server is Local.
	Command CommandFunc
	// MaxCommands is how many are carried out at the same time. 0: 16.
	MaxCommands int
	Version     Version
	// Patience is how long State may take. 0: five seconds.
	Patience time.Duration
	Now      func() time.Time // nil: time.Now

	// farewell is how long an attached command may go on writing once the server
	// stops. 0: five seconds.
	farewell time.Duration
}

func (o Options) withDefaults() Options {
	o.Addr = cmp.Or(o.Addr, DefaultAddr)
	o.MaxLag = cmp.Or(o.MaxLag, 5*time.Minute)
	o.MaxTables = cmp.Or(o.MaxTables, 2000)
	o.Fresh = cmp.Or(o.Fresh, time.Second)
	o.Patience = cmp.Or(o.Patience, 5*time.Second)
	o.MaxQueries = cmp.Or(o.MaxQueries, 8)
	o.QueryTimeout = cmp.Or(o.QueryTimeout, time.Minute)
	o.farewell = cmp.Or(o.farewell, 5*time.Second)
	o.MaxCommands = cmp.Or(o.MaxCommands, 16)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// A Server is the daemon's HTTP server.
type Server struct {
	o        Options
	made     time.Time
	cache    *cache
	polls    *prometheus.HistogramVec
	registry *prometheus.Registry
	listener net.Listener
	socket   string // the path to remove at the end; empty: none

	asking   chan struct{}  // one for each question that is being answered
	attached chan struct{}  // one for each command that is carried out
	commands sync.WaitGroup // those commands
	stopping chan struct{}  // closed when the server is told to stop
}

// New makes a server; Listen and Serve set it to work.
func New(o Options) *Server {
	o = o.withDefaults()
	s := &Server{o: o, made: o.Now(), polls: newPolls(), asking: make(chan struct{}, o.MaxQueries), attached: make(chan struct{}, o.MaxCommands), stopping: make(chan struct{})}
	s.cache = &cache{get: o.State, fresh: o.Fresh, patience: o.Patience, now: o.Now}
	s.registry = newRegistry(newCollector(s.cache, o.MaxTables, o.Log), s.polls)
	return s
}

// ObservePoll counts how long one poll of a node took, whether it failed or not.
func (s *Server) ObservePoll(node string, took time.Duration) {
	s.polls.WithLabelValues(label(node)).Observe(took.Seconds())
}

// Handler answers the server's requests.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{
		// One figure that is wrong must not hide the others.
		ErrorHandling:       promhttp.ContinueOnError,
		ErrorLog:            promLog{s.o.Log},
		Registry:            s.registry,
		MaxRequestsInFlight: 8,
		Timeout:             s.o.Patience + 5*time.Second,
		EnableOpenMetrics:   true,
	}))
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /readyz", s.ready)
	if s.o.Command != nil && s.o.Local {
		mux.HandleFunc("GET /v1/attach", s.attach)
	}
	if s.o.Ask != nil {
		mux.HandleFunc("GET /v1/openapi.json", s.openAPI)
		for _, r := range routes() {
			mux.HandleFunc("GET "+r.path, s.ask(r))
		}
		mux.HandleFunc("/v1/", noRoute)
	}
	return s.guarded(mux)
}

func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	state, err := s.cache.state(r.Context())
	healthOf(state, err, s.made).send(w, r)
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	state, err := s.cache.state(r.Context())
	readyOf(state, err, s.o.MaxLag).send(w, r)
}

// noRoute refuses what is no question.
func noRoute(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, Outcome{Code: exitUsage, Message: "nothing can be changed here", Hint: "ask with GET"})
		return
	}
	refuse(w, http.StatusNotFound, Outcome{Code: exitUsage, Message: "there is no such question", Hint: "/v1/openapi.json has all of them"})
}

// promLog is what promhttp reports its errors to.
type promLog struct{ log *slog.Logger }

func (l promLog) Println(v ...any) {
	l.log.Warn("metrics", "trouble", v)
}

// Serve answers until ctx ends, and for at most a second longer those who are
// waiting for an answer. It listens first if nobody called Listen.
func (s *Server) Serve(ctx context.Context) error {
	if s.listener == nil {
		if err := s.Listen(ctx); err != nil {
			return err
		}
	}
	return s.serve(ctx)
}
