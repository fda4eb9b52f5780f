package notify

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"recourse/audit"
)

// An Outbox is where deliveries wait; the store is one.
type Outbox interface {
	Waiting(ctx context.Context, sink string, after uint64, most int) ([]audit.Delivery, error)
	Settle(ctx context.Context, sink string, s audit.Settlement) error
	GivenUp(ctx context.Context, sink string) (int, audit.Time, error)
	Append(ctx context.Context, b audit.Batch) (audit.Appended, error)
}

// A Worker takes the deliveries of one sink out of the outbox. Those of one alert
// are made in their order: none before the one before it was taken, or given up.
// Sink, Name, Outbox and Log are needed.
type Worker struct {
	Name   string
	Sink   Sink
	Outbox Outbox
	Log    *slog.Logger

	MaxAge  time.Duration   // after which a delivery that fails is given up; 0: DefaultMaxAge
	Timeout time.Duration   // of one try; 0: DefaultTimeout
	Eager   bool            // does not wait out the pause after a failure: for one round
	Wake    <-chan struct{} // says that there may be something; nil: it is looked for every few seconds
	Chance  func() float64  // from 0 to 1; nil: math/rand

	breaker   breaker
	unsettled audit.Settlement // what happened and is not stored yet
	dead      int              // deliveries that were given up, as last seen

	mu    sync.Mutex
	stats Stats
}

// Stats is what a worker did since it began.
type Stats struct {
	Sink      string
	Delivered int64
	Failed    int64     // tries
	GivenUp   int64     // deliveries
	Broken    bool      // it is failing, and tried only once in a while
	Last      time.Time // when a delivery last got through; zero: none did
	Error     string    // of the last try; empty: it got through
}

// Stats counts what the worker did so far.
func (w *Worker) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.stats
	s.Sink = w.Name
	return s
}

func (w *Worker) count(f func(*Stats)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.stats)
}

const (
	atOnce    = 500 // deliveries that are read together
	lookEvery = 5 * time.Second
)

// Run works until ctx ends. Errors of the outbox are logged, and it is tried again:
// a full disk gets empty.
func (w *Worker) Run(ctx context.Context) error {
	for {
		next, err := w.Round(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			w.Log.Error("deliver alerts", "sink", w.Name, "err", err)
		}
		wait := lookEvery
		if !next.IsZero() {
			wait = min(wait, max(time.Until(next), 10*time.Millisecond))
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-w.Wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// Round makes what deliveries are due, and says when the next one is; zero: none is
// waiting that could be told.
func (w *Worker) Round(ctx context.Context) (time.Time, error) {
	if err := w.settle(ctx); err != nil {
		return time.Time{}, err
	}
	r := round{w: w, held: map[string]bool{}, repeats: map[string][]uint64{}}
	for after, more := uint64(0), true; more; {
		rows, err := w.Outbox.Waiting(ctx, w.Name, after, atOnce)
		if err != nil {
			return time.Time{}, err
		}
		for i := range rows {
			if ctx.Err() != nil {
				return time.Time{}, nil
			}
			after = rows[i].Number
			if err := r.take(ctx, &rows[i]); err != nil {
				return r.next, err
			}
		}
		// A sink that is left alone has no use for those after them.
		more = len(rows) == atOnce && w.breaker.open(time.Now()).IsZero()
	}
	return r.next, w.tellOfDead(ctx)
}

// A round is one look at what is waiting.
type round struct {
	w       *Worker
	held    map[string]bool     // alerts of which a delivery is waiting still
	repeats map[string][]uint64 // deliveries that were taken and are to be made again, by alert
	next    time.Time
}

func (r *round) later(t time.Time) {
	if r.next.IsZero() || t.Before(r.next) {
		r.next = t
	}
}

// take makes a delivery, if it is its turn.
func (r *round) take(ctx context.Context, d *audit.Delivery) error {
	w, id := r.w, d.Alert.ID
	now := time.Now()
	if d.Sent != 0 {
		r.repeats[id] = append(r.repeats[id], d.Number)
	}
	switch {
	case d.Sent == 0 && now.Sub(d.At.Go()) > cmp.Or(w.MaxAge, DefaultMaxAge) && (d.Attempts >= tripAfter || w.breaker.trips > 0):
		// One that is old because we were not running is tried like a new one.
		d.Error = "it waited for too long; the last error: " + cmp.Or(d.Error, w.Stats().Error)
		w.giveUp(d)
		return w.settle(ctx)
	case r.held[id]:
		return nil
	}
	due := d.Next.Go()
	if d.Next == 0 || w.Eager && d.Sent == 0 && due.Sub(now) < 2*longestWait {
		due = now
	}
	if open := w.breaker.open(now); open.After(due) {
		due = open
	}
	if due.After(now) {
		r.held[id] = r.held[id] || d.Sent == 0
		r.later(due)
		return nil
	}
	if !w.try(ctx, d, r.repeats[id]) && ctx.Err() == nil {
		r.held[id] = r.held[id] || d.Sent == 0
		r.later(d.Next.Go())
	}
	return w.settle(ctx)
}

// try makes a delivery, and notes how it ended: it is false if it is to be tried
// again. Those of repeats are of no use when it was taken.
func (w *Worker) try(ctx context.Context, d *audit.Delivery, repeats []uint64) bool {
	limit, done := context.WithTimeout(ctx, cmp.Or(w.Timeout, DefaultTimeout))
	defer done()
	result, err := w.Sink.Send(limit, d)
	now := time.Now()
	switch {
	case err == nil:
		w.taken(d, result, repeats, now)
		return true
	case ctx.Err() != nil:
		return false // we stop: that says nothing of the sink
	case refused(err) && d.Sent == 0:
		d.Error = err.Error()
		w.breaker.succeeded() // it is there, and answers
		w.giveUp(d)
		return true
	}
	w.failed(d, err, now)
	return false
}

func (w *Worker) taken(d *audit.Delivery, result Result, repeats []uint64, now time.Time) {
	w.breaker.succeeded()
	w.count(func(s *Stats) {
		s.Broken, s.Error, s.Last = false, "", now
		if d.Sent == 0 {
			s.Delivered++
		}
	})
	if result.Trouble != "" {
		w.Log.Warn("alert delivered, but not as it should be", "sink", w.Name, "alert", d.Alert.ID, "trouble", result.Trouble)
	}
	for _, number := range repeats {
		if number != d.Number {
			w.unsettled.Done = append(w.unsettled.Done, number)
		}
	}
	if result.Again == 0 {
		w.unsettled.Done = append(w.unsettled.Done, d.Number)
		return
	}
	if d.Sent == 0 {
		d.Sent = audit.TimeOf(now)
	}
	d.Next, d.Error = audit.TimeOf(now.Add(result.Again)), ""
	w.unsettled.Later = append(w.unsettled.Later, *d)
}

func (w *Worker) failed(d *audit.Delivery, err error, now time.Time) {
	chance := w.chance()
	d.Attempts++
	d.Error = cut(clean(err.Error()), 500)
	wait := pause(d.Attempts, chance)
	var ask *RetryError
	if errors.As(err, &ask) {
		wait = max(wait, ask.After)
	}
	d.Next = audit.TimeOf(now.Add(wait))
	w.unsettled.Later = append(w.unsettled.Later, *d)
	w.count(func(s *Stats) { s.Failed++; s.Error = d.Error })
	if !w.breaker.failed(now, chance) {
		w.Log.Warn("an alert was not delivered and is tried again", "sink", w.Name, "alert", d.Alert.ID, "attempts", d.Attempts, "err", d.Error)
		return
	}
	w.count(func(s *Stats) { s.Broken = true })
	w.Log.Error("a sink fails again and again: its alerts wait", "sink", w.Name, "until", w.breaker.until.UTC().Format(time.RFC3339), "err", d.Error)
}

func (w *Worker) chance() float64 {
	if w.Chance != nil {
		return w.Chance()
	}
	return rand.Float64()
}

func (w *Worker) giveUp(d *audit.Delivery) {
	d.Error = cut(clean(d.Error), 500)
	w.unsettled.Dead = append(w.unsettled.Dead, *d)
	w.count(func(s *Stats) { s.GivenUp++ })
	w.Log.Error("an alert could not be delivered and was given up", "sink", w.Name, "alert", d.Alert.ID, "severity", d.Alert.Severity, "err", d.Error,
		"hint", "recourse alerts dead lists it, recourse alerts redeliver tries again")
}

// settle stores what happened. Until that is done nothing else is, so that what was
// taken is not sent again but after the end of the process.
func (w *Worker) settle(ctx context.Context) error {
	u := &w.unsettled
	if len(u.Done)+len(u.Later)+len(u.Dead) == 0 {
		return nil
	}
	// What is done is to be known to be, even if we are told to stop.
	last, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer done()
	if err := w.Outbox.Settle(last, w.Name, *u); err != nil {
		return err
	}
	*u = audit.Settlement{}
	return nil
}

// tellOfDead raises an alert when deliveries were given up, by this worker or
// because too many were waiting: one a sink and day, which other sinks are told of.
// The day is that of the newest, so that a start alone raises none anew.
func (w *Worker) tellOfDead(ctx context.Context) error {
	dead, newest, err := w.Outbox.GivenUp(ctx, w.Name)
	if err != nil {
		return err
	}
	if dead <= w.dead {
		w.dead = dead
		return nil
	}
	if _, err := w.Outbox.Append(ctx, audit.Batch{Alerts: []audit.Alert{undelivered(w.Name, dead, newest)}}); err != nil {
		return err
	}
	w.Log.Error("alerts were not delivered", "sink", w.Name, "deliveries", dead, "hint", "recourse alerts dead lists them")
	w.dead = dead
	return nil
}
