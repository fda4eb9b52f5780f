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
	// partBytes is how much a window that cannot be halved may bring. Groups of
	// 20,000 records are known, answers without an end are imaginable.
	partBytes = 512 << 20
	// maxFailed is how many requests of a scan may meet unreadable entries, some
	// fifty for each. It ends a scan that a log with thousands of them would keep
	// going for hours; the next scan does not pay again for the gaps found.
	maxFailed = 5000
	// clockSlack is by how much, in milliseconds, a server's clock may seem ahead
	// of what it said when the scan began: it tells whole seconds to some users.
	clockSlack = 2000
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
	gaps     []audit.Gap                        // known before
	found    []audit.Gap                        // found by this scan
	late     audit.Time                         // changes before this time are late; 0: none
	known    func(audit.ChangeID) (bool, error) // whether a change is stored; nil: nothing is
	emit     func(context.Context, *reading) error
	began    time.Time // by our clock
	from     audit.Time
	failed   int    // requests that met an unreadable entry
	probed   bool   // the server can read a stretch without entries
	reason   string // the server's last named error
	cur      *reading
	cut      bool // an open window ended by its deadline
}

var (
	// errTooMuch says that a window brought more than may be held.
	errTooMuch = errors.New("window too large")
	// errSpent says that a scan has met its share of unreadable entries. The gaps
	// it found are good; the next scan gets further.
	errSpent = errors.New("too many unreadable entries for one pass")
)

// run reads the window, in parts where it must, and hands over every change
// once. The last part is handed over too.
func (s *scan) run(ctx context.Context, w window) error {
	s.cur = newReading(s.table, s.stamp)
	s.began, s.from = s.now(), w.from
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
	if s.failed > maxFailed {
		return errSpent
	}
	rows, err := s.request(ctx, w, s.json)
	var truncated *harper.TruncatedError
	switch {
	case err == nil:
		return s.take(ctx, w, rows)
	case errors.Is(err, errTooMuch) && s.divisible(w):
		return s.halves(ctx, w, unreadable)
	case !errors.As(err, &truncated) || ctx.Err() != nil:
		return err
	}
	if s.failed++; unreadable && s.divisible(w) {
		return s.halves(ctx, w, true)
	}
	rows, err = s.confirm(ctx, w, truncated)
	switch {
	case errors.Is(err, errTooMuch) && s.divisible(w):
		return s.halves(ctx, w, false)
	case err == nil && s.divisible(w):
		return s.halves(ctx, w, rows == nil)
	case err == nil && rows == nil:
		s.gap(w, s.reason)
		return nil
	case err == nil:
		return s.take(ctx, w, rows)
	}
	return err
}

// divisible says that a window can be halved.
func (s *scan) divisible(w window) bool {
	mid := s.middle(w)
	return mid > w.from && (w.to == 0 || w.to-w.from > narrowest && mid < w.to)
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

func (s *scan) halves(ctx context.Context, w window, unreadable bool) error {
	mid := s.middle(w)
	if err := s.readPart(ctx, window{w.from, mid}, unreadable); err != nil {
		return err
	}
	return s.readPart(ctx, window{mid, w.to}, unreadable)
}

// confirm tells an entry that the server cannot read from a connection that
// broke: both end a CBOR answer in its middle, but a JSON answer names the
// server's error. Of an unreadable entry it returns neither rows nor error. If
// JSON can be had where CBOR could not, it returns its rows, never nil. A broken
// connection is returned as the error that it is, so that no gap is made of it.
func (s *scan) confirm(ctx context.Context, w window, truncated *harper.TruncatedError) ([]harper.AuditRow, error) {
	rows := []harper.AuditRow{}
	if !truncated.Server {
		got, err := s.request(ctx, w, true)
		var named *harper.TruncatedError
		switch {
		case err == nil:
			return append(rows, got...), nil
		case errors.Is(err, errTooMuch):
			return nil, err
		case !errors.As(err, &named) || !named.Server:
			return nil, truncated
		}
		truncated = named
	}
	s.reason = truncated.Message
	return nil, s.probe(ctx)
}

// probe makes sure that the server fails at an entry and not at whatever it is
// asked: it reads a stretch of 1970, where no log has entries.
func (s *scan) probe(ctx context.Context) error {
	if s.probed {
		return nil
	}
	if _, err := s.request(ctx, window{1, 2}, true); err != nil {
		return fmt.Errorf("no part of the log can be read: %w", err)
	}
	s.probed = true
	return nil
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
	most := windowBytes
	if !s.divisible(w) {
		most = partBytes
	}
	for row, err := range s.source.AuditLog(ctx, harper.AuditQuery{Table: s.table, From: w.from, To: w.to, JSON: json, PrimaryKey: s.primary}) {
		if err != nil {
			return nil, err
		}
		if row.Index == 0 && w.to == 0 && atEnd && s.now().After(s.deadline) {
			s.cut = true
			return rows, nil
		}
		atEnd = atEnd || s.isLive(row.Time)
		rows = append(rows, row)
		if size += len(row.Record) + len(row.Original) + 128; size > most {
			return nil, fmt.Errorf("read audit log of %s from %s: more than %d MB: %w", s.table, w.from, most>>20, errTooMuch)
		}
	}
	return rows, nil
}

// isLive says that a change happened since the scan began, so that the answer
// has reached the log's live end. One that is dated into the future says nothing
// of where in the log it stands.
func (s *scan) isLive(at audit.Time) bool {
	return at >= s.server && at <= s.server+ms(s.now().Sub(s.began))+clockSlack
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
	if err := r.prefer(s.known); err != nil {
		return err
	}
	r.settle(s.end(reachedEnd))
	for i := range r.changes {
		c := &r.changes[i]
		// A message carries the time of its record's last write.
		c.Late = s.late != 0 && c.Time < s.late && c.Op.Kind() != audit.KindMessage
	}
	s.found = append(s.found, r.nameless...)
	next := newReading(r.table, r.stamp)
	next.count = r.count
	s.cur = next
	return s.emit(ctx, r)
}

// end is from which time on a reading has shown all changes. Before its begin
// and in gaps there may be others.
func (s *scan) end(reached bool) extent {
	x := extent{reachedEnd: reached, from: s.from}
	for _, gaps := range [][]audit.Gap{s.gaps, s.found} {
		for _, g := range gaps {
			x.from = max(x.from, g.To)
		}
	}
	return x
}
