package ingest

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
)

// A Listener hears what a table that is exported over REST tells of itself.
// *harper.Client is one.
type Listener interface {
	Events(context.Context, audit.Table) iter.Seq2[harper.Event, error]
}

// Bounds of what is kept of events until the log shows what they are about.
const (
	mostEvents    = 20_000
	mostEventSize = 32 << 20
	// eventPatience is how long an event may wait for the log to show it before
	// the log is searched at its time.
	eventPatience = 5 * time.Second
	// currentPatience is how long one is kept that told of a record as it already
	// was: of the most, the log is not read again.
	currentPatience = time.Minute
	// mostSought is how many events are searched for at a time.
	mostSought = 20
)

// events are what a table told and the log has not shown yet. The zero value is
// empty.
type events struct {
	mu        sync.Mutex
	waiting   map[eventKey]event
	order     []eventKey // the oldest first
	size      int
	listening bool
	heard     int
	dropped   int
}

type eventKey struct {
	id      audit.ID
	version audit.Time
}

// An event is a record's image, exact but for what JSON loses, and where in the
// log the write stands.
type event struct {
	value audit.Value
	at    audit.Time
	heard time.Time
	live  bool // it happened while we listened
}

func (e *events) add(ev harper.Event, now time.Time, live bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	k := eventKey{ev.ID, ev.Version}
	e.heard++
	if _, there := e.waiting[k]; there {
		return
	}
	if e.waiting == nil {
		e.waiting = map[eventKey]event{}
	}
	e.waiting[k] = event{ev.Value, ev.LocalTime, now, live}
	e.order = append(e.order, k)
	e.size += len(ev.Value) + len(ev.ID) + 128
	for len(e.waiting) > mostEvents || e.size > mostEventSize {
		e.remove(e.order[0])
		e.dropped++
	}
	for len(e.order) > 0 { // those that the log has shown
		if _, there := e.waiting[e.order[0]]; there {
			break
		}
		e.order = e.order[1:]
	}
}

func (e *events) remove(k eventKey) {
	if ev, there := e.waiting[k]; there {
		e.size -= len(ev.value) + len(k.id) + 128
		delete(e.waiting, k)
	}
	if len(e.order) > 0 && e.order[0] == k {
		e.order = e.order[1:]
	}
}

// improve gives changes whose image Harper computed the one that the table told
// when they were written. Of a record that a transaction wrote twice, it told
// only the last.
func (e *events) improve(changes []audit.Change) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.waiting) == 0 {
		return
	}
	last := map[eventKey]int{}
	for i := range changes {
		if changes[i].Op.Kind() != audit.KindMessage {
			last[eventKey{changes[i].Key.ID, changes[i].Time}] = i
		}
	}
	for k, i := range last {
		if ev, there := e.waiting[k]; there {
			e.remove(k)
			ev.improve(&changes[i])
		}
	}
}

func (ev event) improve(c *audit.Change) {
	if c.Op.Kind() != audit.KindWrite || c.After.Trust == audit.Exact || ev.value.Kind() != audit.KindObject {
		return
	}
	if c.After.State == audit.Present && c.After.Body.JSON() == ev.value.JSON() {
		c.After.Trust = audit.Exact // and has the types that JSON loses
		return
	}
	c.After, c.Lossy = audit.PresentImage(ev.value, audit.Logged, audit.Exact), true
}

// overdue are the events that the log should have shown by now. Those of records
// as they already were are forgotten after a while.
func (e *events) overdue(now time.Time) []audit.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	var at []audit.Time
	for k, ev := range e.waiting {
		waited := now.Sub(ev.heard)
		switch {
		case ev.live && len(at) < mostSought && waited > eventPatience:
			at = append(at, ev.at)
		case ev.live || waited <= currentPatience:
			continue
		}
		e.remove(k)
	}
	if len(e.waiting) == 0 {
		e.order = nil
	}
	return at
}

// listen hears a table from now on, unless that is being done. Tables that are
// not exported tell nothing.
func (t *Tailer) listen(ctx context.Context, wg *sync.WaitGroup, tg target) {
	if t.o.Events == nil || tg.system {
		return
	}
	tb := t.known(tg) // whose log another goroutine reads
	tb.events.mu.Lock()
	defer tb.events.mu.Unlock()
	if tb.events.listening {
		return
	}
	tb.events.listening = true
	wg.Go(func() {
		goOn(ctx, &t.o, "listen to a table", func(ctx context.Context) { t.keepHearing(ctx, tb) })
	})
}

// keepHearing hears a table until there is nothing to hear.
func (t *Tailer) keepHearing(ctx context.Context, tb *table) {
	err := t.hear(ctx, tb)
	for ctx.Err() == nil && !errors.Is(err, harper.ErrNotExported) {
		t.o.Log.Debug("listen to a table", "table", tb.name(), "err", err)
		if !t.o.Pause(ctx, max(t.o.Interval, 2*time.Second)) {
			return
		}
		err = t.hear(ctx, tb)
	}
}

func (t *Tailer) hear(ctx context.Context, tb *table) error {
	server, err := t.serverTime(ctx)
	if err != nil {
		return err
	}
	for ev, err := range t.o.Events.Events(ctx, tb.table) {
		heard := err == nil
		t.stats.with(func(s *Stats) { s.Listening = &heard })
		if err != nil {
			return err
		}
		if ev.Err != nil || ev.ID == "" || ev.Type != "put" {
			tb.wake()
			continue
		}
		live := !ev.Current && ev.Version > server
		tb.events.add(ev, t.o.Now(), live)
		if live {
			tb.wake()
		}
	}
	return nil
}

// seek looks in the log where events say that something stands which the polls
// have not shown.
func (t *Tailer) seek(ctx context.Context, tb *table, server audit.Time) error {
	var errs []error
	for _, at := range tb.events.overdue(t.o.Now()) {
		var none recent
		s := t.scan(tb, server, func(ctx context.Context, r *reading) error {
			_, err := t.store(ctx, tb, r, &none)
			return err
		})
		if err := s.run(ctx, window{at, at + narrowest}); err != nil {
			errs = append(errs, err) // a re-scan comes by there
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}
