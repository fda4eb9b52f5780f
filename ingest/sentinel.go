package ingest

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
)

// A Witness is a Harper that a sentinel can question. *harper.Client is one.
type Witness interface {
	Server
	SystemServer
	// Configuration is ErrForbidden to a user who may not ask.
	Configuration(context.Context) (harper.Config, error)
	// Jobs lists the jobs that began between two times.
	Jobs(ctx context.Context, from, to time.Time) ([]harper.Job, error)
	// Page reads a table's records in the order of their keys, from the one
	// behind a key on.
	Page(ctx context.Context, t audit.Table, after audit.ID, limit int) ([]harper.Stored, error)
}

// A Casebook is a store that a sentinel can compare a Harper with. *store.DB is
// one.
type Casebook interface {
	PeopleStore
	// Follow yields the stored changes after a seq.
	Follow(context.Context, audit.Seq) iter.Seq2[audit.Change, error]
	// Cursor is where reading of one table's log on one node stands.
	Cursor(ctx context.Context, node string, table audit.Table) (audit.Cursor, bool, error)
	// Spans and Gaps list what was read of all logs, and what could not be.
	Spans(context.Context) ([]audit.Span, error)
	Gaps(context.Context) ([]audit.Gap, error)
}

// Notes keep what must outlive the process, by name.
type Notes interface {
	// Note is what SetNote kept last, and whether it ever did.
	Note(ctx context.Context, name string) ([]byte, bool, error)
	SetNote(ctx context.Context, name string, note []byte) error
}

// SentinelOptions set up a Sentinel. Server and Store are needed; the zero value
// of everything else works. Node, Cluster and Overlap must be those of the tail.
type SentinelOptions struct {
	Server  Witness
	Store   Casebook
	Node    string // empty is "harper"
	Cluster string
	// Interval is the pause between two rounds; 0 is 30 seconds.
	Interval time.Duration
	// Overlap is how far before its cursor a tail reads again; what is younger may
	// not have been read yet. 0 is one minute.
	Overlap time.Duration
	// Sample is how many living records a round compares with the stored changes;
	// 0 is 100, below 0 none.
	Sample int
	// Raised is called with the alerts that a round raised and that are new, or of
	// which something new is known, after they are stored; nil: nobody.
	Raised func(context.Context, []audit.Alert)
	Log    *slog.Logger     // nil discards
	Now    func() time.Time // our clock; nil is time.Now
}

func (o SentinelOptions) withDefaults() SentinelOptions {
	if o.Node == "" {
		o.Node = "harper"
	}
	if o.Interval == 0 {
		o.Interval = 30 * time.Second
	}
	if o.Overlap == 0 {
		o.Overlap = time.Minute
	}
	if o.Sample == 0 {
		o.Sample = 100
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// A Sentinel watches over one node's audit log: it finds what the log itself
// cannot tell, because somebody deleted it, switched it off or wrote past it. It
// compares what Harper says now with what it said before, and with what is
// stored. docs/design.md, "Attacks on the log", lists what it finds.
type Sentinel struct {
	o         SentinelOptions
	people    *People
	retention atomic.Int64 // nanoseconds; 0: not known

	mu     sync.Mutex // one round at a time
	memory *memory    // nil: to be read from the store
	system systemView
	told   map[string]bool // what was logged once
}

// NewSentinel makes a sentinel; Run or Check sets it to work.
func NewSentinel(o SentinelOptions) *Sentinel {
	o = o.withDefaults()
	return &Sentinel{
		o: o, told: map[string]bool{},
		people: &People{Server: o.Server, Store: o.Store, Node: o.Node, Cluster: o.Cluster, Now: o.Now},
	}
}

// Retention is how long the server says that it keeps its log at least, and
// whether it said so.
func (s *Sentinel) Retention() (time.Duration, bool) {
	d := time.Duration(s.retention.Load())
	return d, d > 0
}

// Run makes a round each interval until the context ends, which is no error.
// Failures are logged.
func (s *Sentinel) Run(ctx context.Context) error {
	for {
		if err := s.Check(ctx); err != nil && ctx.Err() == nil {
			s.o.Log.Warn("look for attacks on the log", "node", s.o.Node, "err", err)
		}
		if !sleep(ctx, s.o.Interval) {
			return nil
		}
	}
}

// Check makes one round. A question that fails does not keep it from asking the
// others; the errors come joined. What a user may not ask is no error: it is
// logged once, and what would follow from the answer is not found.
func (s *Sentinel) Check(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.memory == nil {
		m, err := s.recall(ctx)
		if err != nil {
			return err
		}
		s.memory = m
		s.retention.Store(int64(m.Config.Retention))
	}
	r := &round{s: s, m: s.memory, raised: map[string]bool{}, dropped: map[string]bool{}}
	err := r.run(ctx)
	if r.lost || ctx.Err() != nil {
		s.memory = nil // what it remembers was not kept
	}
	return err
}

// A round is one look at everything.
type round struct {
	s      *Sentinel
	m      *memory
	server audit.Time // the server's clock: first as the round began, then after it described its tables
	batch  audit.Batch
	raised map[string]bool // ids of the alerts that do not only go on
	// jobsUntil is until when, by the server's clock, all jobs are known.
	jobsUntil audit.Time
	dropped   map[string]bool // databases of which a table was dropped
	behind    bool            // the store holds more changes than this round took
	lost      bool            // what was found could not be kept
}

func (r *round) run(ctx context.Context) error {
	server, _, err := r.s.o.Server.ServerTime(ctx)
	if err != nil {
		return err
	}
	r.server = server
	r.s.refreshSystem(ctx, server)
	if err := r.follow(ctx); err != nil {
		r.lost = true // part of it was taken in
		return err
	}
	var errs []error
	for _, step := range []func(context.Context) error{
		r.config, r.polledJobs, r.tables, r.purges, r.sample,
	} {
		if err := step(ctx); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			errs = append(errs, err)
		}
	}
	r.anonymous()
	if err := r.keep(ctx); err != nil {
		return errors.Join(append(errs, err)...)
	}
	if err := r.s.people.Check(ctx, r.s.system.unaudited("hdb_user"), r.s.system.unaudited("hdb_role")); err != nil {
		if isRefused(err) {
			r.s.once("users and roles cannot be listed: their changes are not known", err)
		} else {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// raise adds an alert to what is stored at the end of the round. isNew says that
// it does not only go on.
func (r *round) raise(a Alarm, isNew bool) {
	if a.Node == "" {
		a.Node = r.s.o.Node
	}
	alert := a.Alert()
	r.batch.Alerts = append(r.batch.Alerts, alert)
	if isNew {
		r.raised[alert.ID] = true
	}
}

func (r *round) gap(g audit.Gap) {
	g.Node, g.Observed = r.s.o.Node, audit.TimeOf(r.s.o.Now())
	r.batch.Gaps = append(r.batch.Gaps, g)
}

// keep stores what was found, and then what is to be remembered. If the process
// ends in between, the next one finds the same alerts again, by the same ids.
func (r *round) keep(ctx context.Context) error {
	o := &r.s.o
	if len(r.batch.Alerts)+len(r.batch.Gaps) > 0 {
		if _, err := o.Store.Append(ctx, r.batch); err != nil {
			r.lost = true
			return err
		}
	}
	r.m.forget(r.server)
	if err := r.m.save(ctx, o.Store, o.Node); err != nil {
		r.lost = true
		return err
	}
	var raised []audit.Alert
	for _, a := range r.batch.Alerts {
		if r.raised[a.ID] {
			raised = append(raised, a)
		}
	}
	if len(raised) > 0 && o.Raised != nil {
		o.Raised(ctx, raised)
	}
	return nil
}

// once logs what a user may not ask, the first time.
func (s *Sentinel) once(what string, err error) {
	if !s.told[what] {
		s.told[what] = true
		s.o.Log.Info(what, "node", s.o.Node, "err", err)
	}
}
