package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/signal"
	"sort"
	"syscall"
	"time"

	"recourse/audit"
	"recourse/rules"
)

// reloadEvery is how often watch looks whether rule files are other than they were.
const reloadEvery = 5 * time.Second

// A reloader takes over rule files that have changed while the rules are at work.
type reloader struct {
	source ruleSource
	hup    chan os.Signal // somebody asks for it
	asked  bool           // and it was heard
	looked time.Time
}

func newReloader(source ruleSource) *reloader {
	r := &reloader{source: source, hup: make(chan os.Signal, 1), looked: time.Now()}
	signal.Notify(r.hup, syscall.SIGHUP)
	return r
}

// hup is where somebody asks to have the rules read anew; nil if nobody can.
func (d *daemon) hup() chan os.Signal {
	if d.reloads == nil {
		return nil
	}
	return d.reloads.hup
}

func (r *reloader) stop() { signal.Stop(r.hup) }

// due says that the files are to be read: they are other ones, or somebody asks.
func (r *reloader) due() bool {
	select {
	case <-r.hup:
		r.asked = true
	default:
	}
	if r.asked {
		r.asked = false
		return true
	}
	if time.Since(r.looked) < reloadEvery {
		return false
	}
	r.looked = time.Now()
	return r.source.moved()
}

// reload takes over other rules between two batches of changes. Files that have
// errors, or whose tests fail, change nothing but the log.
func (d *daemon) reload(ctx context.Context) {
	if d.reloads == nil || !d.reloads.due() {
		return
	}
	set, err := d.reloads.source.read()
	if err == nil {
		err = testedRules(set)
	}
	if err == nil {
		err = d.w.swapRules(ctx, d.set, set)
	}
	if err != nil {
		d.log.Error("the rules stay as they were: the files could not be taken over", "err", err)
		return
	}
	d.set = set
	did, err := d.w.noteRules(ctx, set, "reload")
	if err != nil {
		d.log.Error("the rules were read anew, but what changed of them could not be kept", "err", err)
	}
	if err := d.w.noteQuarantine(ctx, d.w.judge.Quarantined()); err != nil {
		d.log.Error("which rules are in quarantine could not be kept", "err", err)
	}
	d.log.Info("rules read anew", "rules", len(set.Rules()), "changes", did.text())
	for _, w := range set.Warnings(time.Now()) {
		d.log.Warn("rules", "warning", w.Error())
	}
}

// testedRules runs the tests that the rules carry. A rule without tests is not
// refused: watch begins with such rules, too.
func testedRules(set *rules.Set) error {
	var errs []error
	for _, t := range rules.RunTests(set) {
		if !t.Pass && t.Test != "" {
			errs = append(errs, fmt.Errorf("%s:%d: test %q of rule %s: %s", t.File, t.Line, t.Test, t.Rule, t.Message))
		}
	}
	return errors.Join(errs...)
}

// swapRules has another set go on where the old one stands. Rules that mean the
// same keep their windows; what the others would know of the stored changes is found
// by judging these once more. Alerts and state are saved together.
func (w *workspace) swapRules(ctx context.Context, old, next *rules.Set) error {
	seq, err := w.store.Progress(ctx, rulesProgress)
	if err != nil {
		return err
	}
	if w.own, err = w.store.Own(ctx); err != nil {
		return err
	}
	if w.counted, err = w.countedRows(ctx); err != nil {
		return err
	}
	engine, err := w.engineAt(ctx, old, seq)
	if err != nil {
		return err
	}
	w.judge = nil // until all is saved
	engine = engine.Reload(next)
	ids, back := engine.Fresh()
	var alerts []audit.Alert
	if len(ids) > 0 {
		if alerts, err = engine.Warm(w.past(ctx, seq, engine.Newest(), back)); err != nil {
			return err
		}
	}
	state, err := engine.State()
	if err != nil {
		return err
	}
	if err := w.store.SaveAlerts(ctx, alerts, state, seq); err != nil {
		return err
	}
	w.judge = engine
	return nil
}

// past are the stored changes up to a number that reach back so long before the
// newest. A change cannot have been read before its time, so it begins with the
// first that was read in that time, or in the hour before: our clock may have been
// behind then.
func (w *workspace) past(ctx context.Context, seq audit.Seq, newest audit.Time, back time.Duration) iter.Seq2[*audit.Change, error] {
	return func(yield func(*audit.Change, error) bool) {
		since := newest - audit.Time((back + time.Hour).Milliseconds())
		var failed error
		first := sort.Search(int(seq), func(i int) bool {
			c, err := w.store.Get(ctx, audit.Seq(i+1))
			failed = errors.Join(failed, err)
			return c.Observed == 0 || c.Observed >= since
		})
		if failed != nil {
			yield(nil, failed)
			return
		}
		var c audit.Change
		for next, err := range w.store.Follow(ctx, audit.Seq(first)) {
			if err != nil {
				yield(nil, err)
				return
			}
			if c = next; c.Seq > seq || !yield(&c, nil) {
				return
			}
		}
	}
}
