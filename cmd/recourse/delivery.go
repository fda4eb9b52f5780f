package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"recourse/audit"
	"recourse/internal/api"
	"recourse/internal/notify"
)

// sinkRoutes is which alerts the sinks of the configuration are told of.
func (c *config) sinkRoutes() []audit.Route {
	routes := make([]audit.Route, len(c.Sinks))
	for i := range c.Sinks {
		routes[i] = c.Sinks[i].Route()
	}
	return routes
}

// deliver has whatever becomes of alerts from now on put into the outbox. Beside a
// daemon that is decided already, by whether it tells its sinks.
func (w *workspace) deliver(ctx context.Context) error {
	if w.beside != nil {
		return nil // the daemon's sinks are told
	}
	return w.store.Deliver(ctx, w.cfg.sinkRoutes(), w.cfg.MaxWaiting)
}

// saltNote is under which name the store keeps what the hashes of redacted values
// are made with: of two data folders they are different.
const saltNote = "notify-salt"

func (w *workspace) salt(ctx context.Context) ([]byte, error) {
	salt, found, err := w.store.Note(ctx, saltNote)
	if err != nil || found {
		return salt, err
	}
	salt = make([]byte, 32)
	if _, err := rand.Read(salt); err != nil {
		return nil, fmt.Errorf("make salt: %w", err)
	}
	return salt, w.store.SetNote(ctx, saltNote, salt)
}

// sink makes one of the sinks.
func (w *workspace) sink(ctx context.Context, e *env, c notify.Config) (notify.Sink, error) {
	salt, err := w.salt(ctx)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	s, err := notify.New(c, notify.Options{Lookup: e.lookup, Egress: w.cfg.Egress, Salt: salt, Stdout: e.stdout, Host: host})
	if err != nil {
		return nil, &exitError{code: exitInput, err: err, hint: "docs/notify.md says what a sink needs"}
	}
	return s, nil
}

// workers make one for each sink; wake tells all that something may wait.
func (w *workspace) workers(ctx context.Context, e *env, log *slog.Logger) (all []*notify.Worker, wake func(), err error) {
	var bells []chan struct{}
	for i := range w.cfg.Sinks {
		c := w.cfg.Sinks[i].Config
		s, err := w.sink(ctx, e, c)
		if err != nil {
			return nil, nil, err
		}
		bell := make(chan struct{}, 1)
		bells = append(bells, bell)
		all = append(all, &notify.Worker{Name: c.Name, Sink: s, Outbox: w.store, Log: log, MaxAge: c.MaxAge, Timeout: c.Timeout, Wake: bell})
	}
	wake = func() {
		for _, bell := range bells {
			select {
			case bell <- struct{}{}:
			default:
			}
		}
	}
	return all, wake, nil
}

// flush delivers what waits, once, each sink beside the others. What does not get
// through waits on.
func (w *workspace) flush(ctx context.Context, e *env, patience time.Duration) error {
	if w.beside != nil { // its workers do it: two at one sink would tell it twice
		if tell := w.beside.daemon.tell; tell != nil {
			tell()
		}
		return nil
	}
	log := slog.New(slog.NewTextHandler(e.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	workers, _, err := w.workers(ctx, e, log)
	if err != nil {
		return err
	}
	ctx, done := context.WithTimeout(ctx, patience)
	defer done()
	var wg sync.WaitGroup
	for _, worker := range workers {
		worker.Eager = true
		wg.Go(func() {
			err := audit.Guarded(func() error {
				_, err := worker.Round(ctx)
				return err
			})
			if err != nil {
				logPanic(log, err)
				log.Error("deliver alerts", "sink", worker.Name, "err", err)
			}
		})
	}
	wg.Wait()
	return nil
}

// How long commands that end wait for alerts to be delivered: those that judge
// changes, and those with which people act on alerts.
const (
	flushFor  = time.Minute
	flushActs = 10 * time.Second
)

// sayOrphans warns of deliveries that wait for sinks which the configuration has no
// more, or were given up there.
func (w *workspace) sayOrphans(ctx context.Context, log *slog.Logger) error {
	states, err := w.store.SinkStates(ctx)
	if err != nil {
		return err
	}
	for _, s := range states {
		if s.Waiting+s.Dead > 0 && w.sinkNamed(s.Sink) == nil {
			log.Warn("alerts were not delivered to a sink that is not configured", "sink", s.Sink, "waiting", s.Waiting, "dead", s.Dead,
				"hint", "recourse alerts redeliver --sink NAME --to OTHER tells another of them, alerts drop forgets them")
		}
	}
	return nil
}

// stateOfSinks is how the deliveries stand, for the metrics.
func (d *daemon) stateOfSinks(ctx context.Context, s *api.State) error {
	states, err := d.w.store.SinkStates(ctx)
	if err != nil {
		return err
	}
	of := map[string]*api.SinkState{}
	for _, w := range d.workers {
		stats := w.Stats()
		of[w.Name] = &api.SinkState{Sink: w.Name, Delivered: stats.Delivered, Failed: stats.Failed, GivenUp: stats.GivenUp, Broken: stats.Broken, Last: stats.Last}
	}
	for _, st := range states {
		out := cmp.Or(of[st.Sink], &api.SinkState{Sink: st.Sink})
		out.Waiting, out.Dead, out.Oldest = st.Waiting, st.Dead, st.Oldest.Go()
		of[st.Sink] = out
		if st.Oldest == 0 {
			out.Oldest = time.Time{}
		}
	}
	for _, st := range of {
		s.Sinks = append(s.Sinks, *st)
	}
	return nil
}
