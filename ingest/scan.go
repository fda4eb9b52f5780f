package ingest

import (
	"cmp"
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
	// flushBytes is how much is held before it is handed over, however much an
	// answer brings.
	flushBytes = 8 << 20
	// mostAnswer is how much one answer may bring. Nothing is held of it for long,
	// but an answer may also have no end.
	mostAnswer = 1 << 30
	// maxFailed is how many requests of a scan may meet unreadable entries, some
	// fifty for each. It ends a scan that a log with thousands of them would keep
	// going for hours; the next scan does not pay again for the gaps found.
	maxFailed = 5000
	// clockSlack is by how much, in milliseconds, a server's clock may seem ahead
	// of what it said when the scan began: it tells whole seconds to some users.
	clockSlack = 2000
	// slowGroup is how long Harper may think about one group before re-scans
	// leave it out.
	slowGroup = 5 * time.Second
)

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
	holes    []window                                                          // not to be read: known gaps and slow windows
	late     audit.Time                                                        // changes before this time are late; 0: none
	known    func(context.Context, audit.ChangeID) (bool, error)               // whether a change is stored; nil: nothing is
	stored   func(context.Context, audit.ChangeID) (audit.Change, bool, error) // a change as it is stored; nil: nothing is
	emit     func(context.Context, *reading) error
	// most is how many bytes an answer may bring before it is cut in two; 0 is
	// mostAnswer.
	most int

	began    time.Time // by our clock
	from     audit.Time
	oneClock bool               // the answers are those of RocksDB, where ranges are by a change's own time
	found    []audit.Gap        // what could not be read
	slow     []audit.SlowWindow // what was read slowly
	failed   int                // requests that met an unreadable entry
	probed   bool               // the server can read a stretch without entries
	reason   string             // the server's last named error
	cur      *reading
	seen     occurrences
	ahead    map[audit.ID]audit.Time // of what was handed over, now or before: the newest time, if it lay in the future
	flushes  int
	rows     int
	cut      bool // an open window ended by its deadline
	reloads  []audit.Time
}

// errTooMuch says that a window brought more than it may.
var errTooMuch = errors.New("an answer without end")

// errSpent says that a scan has met its share of unreadable entries. The gaps
// it found are good; the next scan gets further.
var errSpent = errors.New("too many unreadable entries for one pass")

// run reads the window, in parts where it must, and hands over every change
// once. The last part is handed over too.
func (s *scan) run(ctx context.Context, w window) error {
	if s.ahead == nil {
		s.ahead = map[audit.ID]audit.Time{}
	}
	if s.cur == nil {
		s.cur = newReading(s.table, s.stamp)
	}
	s.began, s.from, s.cut = s.now(), w.from, false
	back := s.mark()
	err := s.parts(ctx, w)
	if err != nil {
		s.rewind(back) // the window may be read again
	}
	return err
}

func (s *scan) parts(ctx context.Context, w window) error {
	for _, part := range w.without(s.holes) {
		if err := s.read(ctx, part, false); err != nil {
			return err
		}
	}
	return s.flush(ctx, w.to == 0 && !s.cut)
}

// read takes one window, or its halves when it cannot be had whole. unreadable
// says that a wider window is known to hold an entry that the server cannot read.
func (s *scan) read(ctx context.Context, w window, unreadable bool) error {
	if s.failed > maxFailed {
		return errSpent
	}
	back := s.mark()
	err := s.request(ctx, w, s.json, s.take)
	var truncated *harper.TruncatedError
	if err == nil {
		return nil
	}
	s.rewind(back)
	if errors.Is(err, errTooMuch) && s.divisible(w) {
		return s.halves(ctx, w, unreadable)
	}
	if !errors.As(err, &truncated) || ctx.Err() != nil {
		return err
	}
	if s.failed++; unreadable && s.divisible(w) {
		return s.halves(ctx, w, true)
	}
	taken, err := s.confirm(ctx, w, truncated)
	switch {
	case err != nil:
		s.rewind(back)
		return err
	case s.divisible(w):
		return s.halves(ctx, w, !taken)
	case !taken:
		s.gap(w, s.reason)
	}
	return nil
}

// divisible says that a window can be halved.
func (s *scan) divisible(w window) bool {
	mid := s.middle(w)
	return mid > w.from && (w.to == 0 || w.to-w.from > narrowest && mid < w.to)
}

func (s *scan) halves(ctx context.Context, w window, unreadable bool) error {
	mid := s.middle(w)
	if err := s.read(ctx, window{w.from, mid}, unreadable); err != nil {
		return err
	}
	return s.read(ctx, window{mid, w.to}, unreadable)
}

// confirm tells an entry that the server cannot read from a connection that
// broke: both end a CBOR answer in its middle, but a JSON answer names the
// server's error. It says whether JSON can be had where CBOR could not; if the
// window cannot be halved, its rows are taken then. A broken connection is
// returned as the error that it is, so that no gap is made of it.
func (s *scan) confirm(ctx context.Context, w window, truncated *harper.TruncatedError) (bool, error) {
	if !truncated.Server {
		take := s.take
		if s.divisible(w) {
			take = func(context.Context, harper.AuditRow) error { return nil }
		}
		err := s.request(ctx, w, true, take)
		var named *harper.TruncatedError
		switch {
		case err == nil:
			return true, nil
		case !errors.As(err, &named) || !named.Server:
			return false, truncated
		}
		truncated = named
	}
	s.reason = truncated.Message
	return false, s.probe(ctx)
}

// probe makes sure that the server fails at an entry and not at whatever it is
// asked: it reads a stretch of 1970, where no log has entries.
func (s *scan) probe(ctx context.Context) error {
	if s.probed {
		return nil
	}
	nothing := func(context.Context, harper.AuditRow) error { return nil }
	if err := s.request(ctx, window{1, 2}, true, nothing); err != nil {
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

// request hands over one answer's rows as they come. An open window that its
// deadline ends is no error: its groups were complete.
func (s *scan) request(ctx context.Context, w window, json bool, take func(context.Context, harper.AuditRow) error) error {
	atEnd, size := false, 0
	waiting := s.now()
	for row, err := range s.source.AuditLog(ctx, harper.AuditQuery{Table: s.table, From: w.from, To: w.to, JSON: json, PrimaryKey: s.primary}) {
		if err != nil {
			return err
		}
		s.rows++
		s.oneClock = s.oneClock || row.IDsField
		if row.Index == 0 {
			now := s.now()
			if w.to == 0 && atEnd && now.After(s.deadline) {
				s.cut = true
				return nil
			}
			s.noteSlow(row, now.Sub(waiting))
		}
		atEnd = atEnd || s.isLive(row.Time)
		if err := take(ctx, row); err != nil {
			return err
		}
		if size += len(row.Record) + len(row.Original) + 128; size > cmp.Or(s.most, mostAnswer) {
			return fmt.Errorf("read audit log of %s from %s: %w: more than %d MB", s.table, w.from, errTooMuch, size>>20)
		}
		if row.Index == row.Size-1 {
			waiting = s.now()
		}
	}
	return nil
}

// noteSlow remembers a group that Harper thought about for long. Only on
// RocksDB does its time say where in the log it stands, and only there is the
// reading of a large group slow.
func (s *scan) noteSlow(row harper.AuditRow, took time.Duration) {
	if took < slowGroup || !row.IDsField {
		return
	}
	s.slow = append(s.slow, audit.SlowWindow{
		Node: s.stamp.Node, Table: s.table, From: row.Time, To: row.Time + narrowest,
		Took: took.Milliseconds(), Entries: row.Size, Observed: s.stamp.Observed,
	})
}

// isLive says that a change happened since the scan began, so that the answer
// has reached the log's live end. One that is dated into the future says nothing
// of where in the log it stands.
func (s *scan) isLive(at audit.Time) bool {
	return at >= s.server && at <= s.server+ms(s.now().Sub(s.began))+clockSlack
}

// gaveUp begins the reason of a gap that Harper was too slow to read.
const gaveUp = "Harper did not answer in time"

// hangs says that the server does not answer at all, so that it is not the
// window that keeps it busy.
func (s *scan) hangs(ctx context.Context) bool {
	nothing := func(context.Context, harper.AuditRow) error { return nil }
	return s.request(ctx, window{1, 2}, true, nothing) != nil
}

// giveUp records a window that is as narrow as can be and still takes longer
// than anybody waits. It is a gap, and is not tried again.
func (s *scan) giveUp(w window, err error) {
	s.gap(w, gaveUp+": "+err.Error())
	s.slow = append(s.slow, audit.SlowWindow{Node: s.stamp.Node, Table: s.table, From: w.from, To: w.to, Observed: s.stamp.Observed})
}

// gap records a window that cannot be read.
func (s *scan) gap(w window, reason string) {
	s.found = append(s.found, audit.Gap{
		Node: s.stamp.Node, Table: s.table, From: w.from, To: w.to,
		Kind: audit.GapUnreadable, Reason: reason, Observed: s.stamp.Observed,
	})
}
