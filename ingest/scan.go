package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
)

// Bounds of one scan.
const (
	// narrowest is the width, in milliseconds, below which a window is not halved
	// further: Harper's entries lie at least 0.0027 ms apart on the LMDB line, and
	// on RocksDB all entries of a transaction lie at one instant.
	narrowest = 0.0005
	// windowBytes is how much one window may bring before it is halved.
	windowBytes = 64 << 20
	// flushBytes is how much is held before it is committed.
	flushBytes = 16 << 20
	// maxRequests ends a scan that a log with thousands of unreadable entries
	// would keep going for hours; the next scan does not pay again for the gaps
	// that this one found.
	maxRequests = 20000
)

// A window is a range of a log in the clock that Harper's ranges use, from
// inclusive, to exclusive. A zero to is the log's end.
type window struct{ from, to audit.Time }

// A scan is one pass over a stretch of one table's log.
type scan struct {
	source  Source
	table   audit.Table
	stamp   Stamp
	primary string
	json    bool
	now     func() time.Time
	// server is the server's time when the scan began. An open window that has
	// shown entries from then on has reached the log's live end.
	server audit.Time
	// deadline ends an open window that has reached the live end and does not
	// stop because writers keep it going.
	deadline time.Time
	gaps     []audit.Gap // known before, and found
	found    []audit.Gap // found by this scan
	late     audit.Time  // changes before this time are late; 0: none
	emit     func(context.Context, *reading) error
	requests int
	reason   string // the server's last named error
	cur      *reading
	cut      bool // an open window ended by its deadline
}

// errTooMuch says that a window brought more than may be held.
var errTooMuch = errors.New("window too large")

// run reads the window, in parts where it must, and hands over every change
// once. The last part is handed over too.
func (s *scan) run(ctx context.Context, w window) error {
	s.cur = newReading(s.table, s.stamp)
	for _, part := range without(w, s.gaps) {
		if err := s.read(ctx, part); err != nil {
			return err
		}
	}
	return s.flush(ctx, w.to == 0 && !s.cut)
}

// without is w less the gaps, which would end an answer again.
func without(w window, gaps []audit.Gap) []window {
	parts := []window{w}
	for _, g := range gaps {
		var next []window
		for _, p := range parts {
			if g.To <= p.from || p.to != 0 && g.From >= p.to {
				next = append(next, p)
				continue
			}
			if g.From > p.from {
				next = append(next, window{p.from, g.From})
			}
			if p.to == 0 || g.To < p.to {
				next = append(next, window{g.To, p.to})
			}
		}
		parts = next
	}
	return parts
}

// read takes one window, or its halves when it cannot be had whole.
func (s *scan) read(ctx context.Context, w window) error { return s.readPart(ctx, w, false) }

// readPart is read; unreadable says that a wider window is known to hold an
// entry that the server cannot read.
func (s *scan) readPart(ctx context.Context, w window, unreadable bool) error {
	if s.requests++; s.requests > maxRequests {
		return fmt.Errorf("read audit log of %s: more than %d requests, around %d unreadable entries", s.table, maxRequests, len(s.found))
	}
	rows, err := s.request(ctx, w, s.json)
	var truncated *harper.TruncatedError
	switch {
	case err == nil:
		return s.take(ctx, w, rows)
	case errors.As(err, &truncated) && ctx.Err() == nil:
		mid := s.middle(w)
		leaf := w.to != 0 && w.to-w.from <= narrowest || mid <= w.from || w.to != 0 && mid >= w.to
		if leaf || !unreadable {
			if err := s.confirm(ctx, w, truncated); err != nil {
				return err
			}
		}
		if leaf {
			s.gap(w, s.reason)
			return nil
		}
		return s.halves(ctx, w, mid, true)
	case errors.Is(err, errTooMuch):
		return s.halves(ctx, w, s.middle(w), unreadable)
	}
	return err
}

// take adds an answer's rows to what is read.
func (s *scan) take(ctx context.Context, w window, rows []harper.AuditRow) error {
	for _, row := range rows {
		s.cur.add(row)
	}
	if s.cur.bytes > flushBytes && w.to != 0 {
		return s.flush(ctx, false)
	}
	return nil
}

func (s *scan) halves(ctx context.Context, w window, mid audit.Time, unreadable bool) error {
	if err := s.readPart(ctx, window{w.from, mid}, unreadable); err != nil {
		return err
	}
	return s.readPart(ctx, window{mid, w.to}, unreadable)
}

// confirm tells an entry that the server cannot read from a connection that
// broke: both end a CBOR answer in its middle, but a JSON answer names the
// server's error. A broken connection is returned as the error that it is, so
// that no gap is made of it.
func (s *scan) confirm(ctx context.Context, w window, truncated *harper.TruncatedError) error {
	if truncated.Server {
		s.reason = truncated.Message
		return nil
	}
	s.requests++
	_, err := s.request(ctx, w, true)
	var named *harper.TruncatedError
	if errors.As(err, &named) && named.Server {
		s.reason = named.Message
		return nil
	}
	return truncated
}

// middle is where a window is cut: an open one just past the server's time, or,
// for entries dated into the future, twice as far ahead each time.
func (s *scan) middle(w window) audit.Time {
	if w.to != 0 {
		return w.from + (w.to-w.from)/2
	}
	if ahead := s.server + 1000; ahead > w.from {
		return ahead
	}
	return w.from + 2*(w.from-s.server)
}

// request is one answer's rows, all of them or an error; of an open window that
// its deadline ended, all groups that were complete.
func (s *scan) request(ctx context.Context, w window, json bool) ([]harper.AuditRow, error) {
	var rows []harper.AuditRow
	size, atEnd := 0, false
	mid := s.middle(w)
	canCut := mid > w.from && (w.to == 0 || w.to-w.from > narrowest && mid < w.to)
	for row, err := range s.source.AuditLog(ctx, harper.AuditQuery{Table: s.table, From: w.from, To: w.to, JSON: json, PrimaryKey: s.primary}) {
		if err != nil {
			return nil, err
		}
		if row.Index == 0 {
			if w.to == 0 && atEnd && s.now().After(s.deadline) {
				s.cut = true
				return rows, nil
			}
		}
		atEnd = atEnd || row.Time >= s.server
		rows = append(rows, row)
		if size += len(row.Record) + len(row.Original) + 128; size > windowBytes && canCut {
			return nil, errTooMuch
		}
	}
	return rows, nil
}

// gap records a window that cannot be read.
func (s *scan) gap(w window, reason string) {
	g := audit.Gap{Node: s.stamp.Node, Table: s.table, From: w.from, To: w.to, Reason: reason, Observed: s.stamp.Observed}
	s.found = append(s.found, g)
}

// flush settles what was read and hands it over.
func (s *scan) flush(ctx context.Context, reachedEnd bool) error {
	r := s.cur
	if err := r.resolve(ctx, s.source); err != nil {
		return err
	}
	r.settle(reachedEnd)
	for i := range r.changes {
		r.changes[i].Late = s.late != 0 && r.changes[i].Time < s.late
	}
	s.found = append(s.found, r.nameless...)
	next := newReading(r.table, r.stamp)
	next.count = r.count
	s.cur = next
	return s.emit(ctx, r)
}
