package ingest

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
)

// Stats are a tailer's figures since it was made.
type Stats struct {
	Node    string
	Reached time.Time // by our clock, when the server last told its time; zero: never
	Up      bool      // the last thing that it was asked was answered
	// Skew is the server's clock less ours, as far as it was measured when it was
	// last reached.
	Skew      time.Duration
	Retention time.Duration // how long the server keeps its log
	Polls     int
	// Failures counts polls that failed, by class: unreachable, unauthorized,
	// forbidden, timeout, busy, truncated, other.
	Failures    map[string]int
	Unreadable  int // stretches that Harper could not read
	Late        int
	Divergences int
	Amended     int
	Rescans     map[string]RescanStats // by tier
	Feed        *bool                  // whether the feed component answers; nil: it is not used
	Listening   *bool                  // whether any table's events are heard; nil: they are not used
	Tables      []TableStats
	Beats       map[string]time.Time // by database, when its tables were last looked after
}

// RescanStats are the figures of one tier of re-scans.
type RescanStats struct {
	Done   int
	Last   time.Time
	Healed int // changes that were missing
	Differ int // changes that read otherwise
}

// TableStats are the figures of one table.
type TableStats struct {
	Table audit.Table
	// ReadTo is up to which time the log was read, by the server's clock; 0: not
	// since the tailer was made.
	ReadTo  audit.Time
	Failing int // polls in a row that failed
	Refused bool
	Gaps    int // stretches that hide something
	Slow    int // windows that are left out of re-scans
	New     int
}

type stats struct {
	mu    sync.Mutex
	s     Stats
	table map[audit.Table]*TableStats
	poll  func(node string, took time.Duration) // told of each poll; may be nil
}

// with alters the figures.
func (s *stats) with(f func(*Stats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.s)
}

// beat says that the tables of a database are being looked after.
func (s *stats) beat(database string, now time.Time) {
	s.with(func(st *Stats) { st.Beats[database] = now })
}

func (s *stats) polled(tb *table, readTo audit.Time, got audit.Appended, took time.Duration, err error) {
	if s.poll != nil {
		s.poll(s.s.Node, took)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.Polls++
	s.add(got)
	ts := s.table[tb.table]
	if ts == nil {
		ts = &TableStats{Table: tb.table}
		s.table[tb.table] = ts
	}
	ts.New += got.New
	ts.Gaps, ts.Slow = tb.memory.hiding(), len(tb.memory.slow)
	ts.Refused = tb.system && isRefused(err)
	if err != nil {
		ts.Failing++
		return
	}
	ts.Failing, ts.ReadTo = 0, readTo
}

func (s *stats) add(got audit.Appended) {
	s.s.Late += got.Late
	s.s.Divergences += got.Divergences
	s.s.Amended += got.Amended
}

func (s *stats) rescanned(p *pass, got audit.Appended, now time.Time, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(got)
	r := s.s.Rescans[p.tier.name()]
	r.Healed += got.New
	r.Differ += got.Divergences
	if ended {
		r.Done++
		r.Last = now
	}
	s.s.Rescans[p.tier.name()] = r
}

func (s *stats) failed(err error) {
	s.with(func(st *Stats) {
		class := classOf(err)
		st.Failures[class]++
		if class == "unreachable" {
			st.Up = false
		}
	})
}

// keepOnly drops the tables that are no longer followed.
func (s *stats) keepOnly(targets []target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.table, func(name audit.Table, _ *TableStats) bool {
		return !slices.ContainsFunc(targets, func(tg target) bool { return tg.table == name })
	})
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
	reached, skew := t.clock.last()
	s := &t.stats
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.s
	out.Reached, out.Skew, out.Retention = reached, skew, t.retention()
	out.Failures, out.Rescans, out.Beats = maps.Clone(out.Failures), maps.Clone(out.Rescans), maps.Clone(out.Beats)
	for _, ts := range s.table {
		out.Tables = append(out.Tables, *ts)
	}
	return out
}

func newStats(node string, poll func(string, time.Duration)) stats {
	return stats{
		s:     Stats{Node: node, Failures: map[string]int{}, Rescans: map[string]RescanStats{}, Beats: map[string]time.Time{}},
		table: map[audit.Table]*TableStats{}, poll: poll,
	}
}
