package ingest

import (
	"bytes"
	"context"

	"recourse/audit"
)

// number says of each message which of its record's messages it is.
//
// On the LMDB line a message has the time of its record's last write, so that
// messages sent on different days share one, and which of them a reading shows
// depends on where it begins: counting, which tells the parts of a transaction
// apart, would take one message for another. So a message is the one that is
// stored with what it says; if there is none, the next.
func (s *scan) number(ctx context.Context, r *reading) error {
	if s.oneClock || s.stored == nil {
		return nil
	}
	next := map[audit.ID]int{} // after the record's message before
	for i := range r.changes {
		c := &r.changes[i]
		if c.Op.Kind() != audit.KindMessage {
			continue
		}
		n, err := s.numberOf(ctx, *c, next[c.Key.ID])
		if err != nil {
			return err
		}
		c.Nth = n
		next[c.Key.ID] = n + 1
		if r.numbered == nil {
			r.numbered = map[int]bool{}
		}
		r.numbered[i] = true
	}
	return nil
}

// numberOf looks for a message among those that are stored and that this scan
// has not met yet, from a guess on and then from the first on.
func (s *scan) numberOf(ctx context.Context, c audit.Change, guess int) (int, error) {
	from := guess
	for c.Nth = guess; ; c.Nth++ {
		id := c.Identify()
		stored, known, err := s.stored(ctx, id)
		switch {
		case err != nil:
			return 0, err
		case s.seen.met(id):
		case !known && from == 0:
			s.seen.meet(id)
			return c.Nth, nil
		case !known:
			// There may be a gap before the guess, if what the scan met was new.
			c.Nth, from = -1, 0
		case (stored.User == c.User || c.Note == inferred || stored.Note == inferred) && stored.After.State == c.After.State && bytes.Equal(stored.After.Body, c.After.Body):
			s.seen.meet(id)
			return c.Nth, nil
		}
	}
}
