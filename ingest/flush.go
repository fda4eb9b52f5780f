package ingest

import (
	"context"

	"recourse/audit"
	"recourse/internal/harper"
)

// take adds a row to what is read, and hands that over when it is much.
func (s *scan) take(ctx context.Context, row harper.AuditRow) error {
	s.cur.add(row)
	if s.cur.bytes > flushBytes {
		return s.flush(ctx, false)
	}
	return nil
}

// A scanMark is how far a scan was before a window.
type scanMark struct {
	flushes, changes, nameless, slow int
	seen                             occurrences
}

func (s *scan) mark() scanMark {
	return scanMark{s.flushes, len(s.cur.changes), len(s.cur.nameless), len(s.slow), s.seen.mark()}
}

// rewind forgets what a window brought that has failed and is read again, in
// parts. What was handed over already stays: it is known when it comes again.
func (s *scan) rewind(m scanMark) {
	s.seen, s.slow = m.seen, s.slow[:m.slow]
	if s.flushes != m.flushes {
		s.cur = newReading(s.table, s.stamp)
		return
	}
	s.cur.truncate(m.changes, m.nameless)
}

// flush settles what was read and hands it over. reachedEnd says that nothing
// follows it in the log.
func (s *scan) flush(ctx context.Context, reachedEnd bool) error {
	r := s.cur
	if err := r.resolve(ctx, s.source); err != nil {
		return err
	}
	if err := r.prefer(ctx, s.known); err != nil {
		return err
	}
	if err := s.number(ctx, r); err != nil {
		return err
	}
	r.settle(s.end(reachedEnd), &s.seen)
	for i := range r.changes {
		c := &r.changes[i]
		// A message carries the time of its record's last write.
		c.Late = (s.late != 0 && c.Time < s.late || c.Time < s.lateFor()) && c.Op.Kind() != audit.KindMessage
		if c.Time > s.server && c.Time > s.ahead[c.Key.ID] && c.Op.Kind() != audit.KindMessage {
			s.ahead[c.Key.ID] = c.Time
		}
	}
	s.found = append(s.found, r.nameless...)
	s.reloads = append(s.reloads, r.reloads...)
	s.cur = newReading(r.table, r.stamp)
	s.flushes++
	return s.emit(ctx, r)
}

// lateFor is the time before which a change has no place in what is being read:
// it was committed long after the time that it says it has.
func (s *scan) lateFor() audit.Time { return s.from - ms(lateAfter) }

// end is from which time on a reading has shown all changes. Before its begin
// and in what was left out there may be others.
func (s *scan) end(reached bool) extent {
	return extent{reachedEnd: reached, from: max(s.from, s.hidden()), ahead: s.ahead}
}

// hidden is where the last stretch ends that was left out or not readable.
func (s *scan) hidden() audit.Time {
	var last audit.Time
	for _, h := range s.holes {
		last = max(last, h.to)
	}
	for _, g := range s.found {
		last = max(last, g.To)
	}
	return last
}
