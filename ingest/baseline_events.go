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

// probeEvery is how often it is asked whether a burst has ended.
const probeEvery = 500 * time.Millisecond

// errNoEnd says that a stream of events told all it had, and that nothing proves
// it to be all.
var errNoEnd = errors.New("the events went silent before it was proven that they had told every record")

// takeEvents reads the burst with which a table's events begin: every record, in
// the order of the keys. Nothing marks its end, and a silence may be Harper's
// pausing; so the burst counts as whole only when no record older than the
// listening is found behind the last key that it told.
func (b Baseliner) takeEvents(ctx context.Context, w *baselineWriter, clock *serverClock, unread *unreadable) error {
	events, stop := b.listen(ctx, w.b.Table)
	defer stop()
	u := &firstEvents{b: b, w: w, clock: clock, unread: unread, began: clock.seen, from: clock.seen}
	probe := time.NewTicker(probeEvery)
	defer probe.Stop()
	quiet := time.Now()
	for {
		select {
		case h := <-events:
			if h.err != nil {
				return h.err
			}
			told, err := u.hear(ctx, h.event)
			if err != nil {
				return err
			}
			if told {
				quiet = time.Now()
			}
		case <-probe.C:
			if whole, err := u.whole(ctx); whole || err != nil {
				return err
			}
			if time.Since(quiet) > cmp.Or(b.Patience, time.Minute) {
				return errNoEnd
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// listen passes a table's events on; stop ends it and waits for its end.
func (b Baseliner) listen(ctx context.Context, table audit.Table) (events <-chan heard, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	c, ended := make(chan heard), make(chan struct{})
	go func() {
		defer close(ended)
		tell := func(e heard) bool {
			select {
			case c <- e:
				return true
			case <-ctx.Done():
				return false
			}
		}
		err := audit.Guarded(func() error {
			for e, err := range b.Server.Events(ctx, table) {
				if !tell(heard{e, err}) {
					break
				}
			}
			return nil
		})
		if err != nil {
			tell(heard{err: err})
		}
	}()
	return c, func() { cancel(); <-ended }
}

type heard struct {
	event harper.Event
	err   error
}

// A firstEvents is the first part of a stream of events while it is read.
type firstEvents struct {
	b      Baseliner
	w      *baselineWriter
	clock  *serverClock
	unread *unreadable

	began audit.Time // of the listening
	from  audit.Time // not after the reading of what is pending
	last  audit.ID   // the last key that was told for certain
	// marked says that this Harper marks the burst's events, so that one without a
	// mark is a later write.
	marked  bool
	pending []audit.BaseRecord
	size    int
}

// hear takes an event, and says whether it was of the burst.
//
// An event of a write that was stored before the listening began is of the
// burst. One that was stored later is, unless the record was told already: then
// it is news, which the log has too.
func (u *firstEvents) hear(ctx context.Context, e harper.Event) (bool, error) {
	u.marked = u.marked || e.Current
	switch {
	case e.ID == "":
		return false, fmt.Errorf("an event names no record: %w", e.Err)
	case e.Err != nil:
		u.unread.add(e.ID, e.Err)
		return true, nil
	case e.Type != "put" || e.Value.Kind() != audit.KindObject:
		return false, nil
	case e.Current || !u.marked && e.LocalTime <= u.began:
		u.last = e.ID
	case u.marked:
		return false, nil
	default:
		if told, err := u.told(ctx, e.ID); told || err != nil {
			return false, err
		}
	}
	u.pending = append(u.pending, u.w.record(e.ID, e.Version, e.Value))
	u.size += len(e.Value)
	if len(u.pending) < commitSingly && u.size < singlyBytes {
		return true, nil
	}
	return true, u.flush(ctx)
}

// told says whether the record is in this baseline already.
func (u *firstEvents) told(ctx context.Context, id audit.ID) (bool, error) {
	if err := u.flush(ctx); err != nil {
		return false, err
	}
	stored, err := u.b.Store.BaseRecords(ctx, audit.Key{Table: u.w.b.Table, ID: id})
	if err != nil {
		return false, fmt.Errorf("%w: %w", errNotStored, err)
	}
	for _, r := range stored {
		if r.Baseline == u.w.b.ID {
			return true, nil
		}
	}
	return false, nil
}

// flush stores what is pending.
func (u *firstEvents) flush(ctx context.Context) error {
	if len(u.pending) == 0 {
		return nil
	}
	if err := u.clock.look(ctx); err != nil {
		return err
	}
	for i := range u.pending {
		u.pending[i].Seen, u.pending[i].Until = u.from, u.clock.until
	}
	err := u.w.write(ctx, u.pending)
	u.pending, u.size = u.pending[:0], 0
	return err
}

// whole says whether the burst has told every record that was there when the
// listening began: nothing that old, and not told, is found behind its last key.
func (u *firstEvents) whole(ctx context.Context) (bool, error) {
	after := u.last
	for {
		page, err := u.b.Server.Page(ctx, u.w.b.Table, after, firstPage)
		if err != nil {
			return false, err
		}
		for _, s := range page {
			after = s.ID
			if errors.Is(s.Err, harper.ErrExpired) || s.Err == nil && s.Version > u.began {
				continue
			}
			if told, err := u.told(ctx, s.ID); !told || err != nil {
				return false, err
			}
		}
		if len(page) == 0 {
			if err := u.flush(ctx); err != nil {
				return false, err
			}
			return true, u.clock.look(ctx)
		}
	}
}
