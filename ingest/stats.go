package ingest

import (
	"errors"
	"sync"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
)

// Stats are a tailer's figures since it was made.
type Stats struct {
	Node     string
	Reached  time.Time // by our clock, when the server last told its time; zero: never
	SkewMS   float64   // the server's clock less ours
	Polls    int
	Failures map[string]int // by class: unreachable, unauthorized, forbidden, timeout, busy, truncated, other
	Rescans  map[string]int // windows read again, by tier
	Late     int
	Tables   []TableStats
}

// TableStats are the figures of one table.
type TableStats struct {
	Table audit.Table
	// ReadTo is up to which time the log was read, by the server's clock; 0: not
	// since the tailer was made.
	ReadTo   audit.Time
	Failing  int // polls in a row that failed
	Gaps     int // stretches that hide something
	Slow     int // windows that are left out of re-scans
	New      int
	LastPoll time.Duration
}

type stats struct {
	mu       sync.Mutex
	polls    int
	late     int
	failures map[string]int
	rescans  map[string]int
	tables   map[audit.Table]*TableStats
	observe  func(audit.Table, time.Duration)
}

func (s *stats) table(name audit.Table) *TableStats {
	if s.tables == nil {
		s.tables = map[audit.Table]*TableStats{}
	}
	if s.tables[name] == nil {
		s.tables[name] = &TableStats{Table: name}
	}
	return s.tables[name]
}

func (s *stats) polled(tb *table, readTo audit.Time, got audit.Appended, took time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.polls++
	s.late += got.Late
	ts := s.table(tb.table)
	ts.New += got.New
	ts.LastPoll = took
	ts.Gaps, ts.Slow = tb.memory.hiding(), len(tb.memory.slow)
	if err != nil {
		ts.Failing++
		return
	}
	ts.Failing, ts.ReadTo = 0, readTo
}

func (s *stats) rescanned(p *pass, got audit.Appended) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rescans == nil {
		s.rescans = map[string]int{}
	}
	s.rescans[p.tier.name()]++
	s.late += got.Late
}

func (s *stats) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failures == nil {
		s.failures = map[string]int{}
	}
	s.failures[classOf(err)]++
}

// classOf names what kind of failure an error is.
func classOf(err error) string {
	var truncated *harper.TruncatedError
	switch {
	case errors.Is(err, harper.ErrTimeout):
		return "timeout"
	case errors.Is(err, harper.ErrUnauthorized):
		return "unauthorized"
	case errors.Is(err, harper.ErrForbidden):
		return "forbidden"
	case errors.Is(err, harper.ErrBusy):
		return "busy"
	case errors.As(err, &truncated):
		return "truncated"
	case errors.Is(err, harper.ErrUnreachable):
		return "unreachable"
	}
	return "other"
}

// Stats are the tailer's figures.
func (t *Tailer) Stats() Stats {
	t.clock.mu.Lock()
	out := Stats{Node: t.o.Node, Reached: t.clock.ours, SkewMS: float64(t.clock.skew)}
	t.clock.mu.Unlock()
	s := &t.stats
	s.mu.Lock()
	defer s.mu.Unlock()
	out.Polls, out.Late = s.polls, s.late
	out.Failures, out.Rescans = map[string]int{}, map[string]int{}
	for k, n := range s.failures {
		out.Failures[k] = n
	}
	for k, n := range s.rescans {
		out.Rescans[k] = n
	}
	for _, ts := range s.tables {
		out.Tables = append(out.Tables, *ts)
	}
	return out
}
