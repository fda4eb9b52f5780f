package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"recourse/audit"
	"recourse/rules"
)

// rulesProgress is the name under which the store keeps how far the rules are.
const rulesProgress = "rules"

// rulesBatch is how many changes are judged before the outcome is saved. Saving
// writes every window that has changed, which after many changes are hardly more
// than after few; a crash costs judging them again, some seconds of work.
const rulesBatch = 1 << 18

// runRules judges the changes that the rules have not seen, and saves the
// alerts, the windows' state and the progress together, so that a crash neither
// loses nor doubles an alert. It returns the alerts that began or grew, without the
// changes that they rest on.
func (w *workspace) runRules(ctx context.Context, set *rules.Set, r follower) ([]audit.Alert, error) {
	defer r.leave()
	seq, err := w.store.Progress(ctx, rulesProgress)
	if err != nil || seq >= w.store.Last() && w.judge != nil && !w.judge.Waits() {
		return nil, err
	}
	if w.own, err = w.store.Own(ctx); err != nil {
		return nil, err
	}
	if w.counted, err = w.countedRows(ctx); err != nil {
		return nil, err
	}
	engine, err := w.engineAt(ctx, set, seq)
	if err != nil {
		return nil, err
	}
	w.judge = nil // until all is saved
	touched, unsaved := touchedAlerts{at: map[string]int{}}, map[string]audit.Alert{}
	take := func(alerts []audit.Alert) {
		touched.note(alerts, seq)
		for _, a := range alerts {
			unsaved[a.ID] = a
		}
	}
	save := func(at audit.Seq) error {
		alerts := engine.Raised()
		touched.note(alerts, at)
		state, err := engine.State()
		if err != nil {
			return err
		}
		alerts = slices.AppendSeq(alerts, maps.Values(unsaved))
		clear(unsaved)
		return w.store.SaveAlerts(ctx, alerts, state, at)
	}
	n := 0
	var c audit.Change // one for all, as the engine keeps none
	for next, err := range r.Follow(ctx, seq) {
		if err != nil {
			return nil, err
		}
		c = next
		alerts, err := engine.Eval(&c)
		if err != nil {
			return nil, fmt.Errorf("judge change %d: %w", c.Seq, err)
		}
		seq = c.Seq
		take(alerts)
		if n++; n%rulesBatch == 0 {
			if err := save(seq); err != nil {
				return nil, err
			}
		}
	}
	late, err := w.advance(ctx, engine)
	if err != nil {
		return nil, err
	}
	if take(late); n > 0 || len(late) > 0 || engine.Gathered() {
		if err := save(seq); err != nil {
			return nil, err
		}
	}
	w.judge = engine
	err = w.noteQuarantine(ctx, engine.Quarantined())
	if err == nil {
		err = w.noteEvicted(ctx, engine.Evicted(), time.Now())
	}
	if err != nil {
		return nil, err
	}
	return touched.all, nil
}

// touchedAlerts are the alerts that began or grew, without the changes that they rest
// on, of which there may be a great many.
type touchedAlerts struct {
	all []audit.Alert
	at  map[string]int // where each is, by its id
}

// note takes alerts over as they now stand, and tells them with which change they were
// raised: the given one, unless that is known. Of one that is stored already what that
// says stands.
func (t *touchedAlerts) note(alerts []audit.Alert, seq audit.Seq) {
	for i := range alerts {
		a := &alerts[i]
		at, seen := t.at[a.ID]
		if !seen {
			at = len(t.all)
			t.at[a.ID] = at
			t.all = append(t.all, audit.Alert{RaisedSeq: cmp.Or(a.RaisedSeq, seq)})
		}
		a.RaisedSeq = t.all[at].RaisedSeq
		t.all[at] = *a
		t.all[at].Changes, t.all[at].Folded = nil, audit.Seqs{}
	}
}

// engineAt is a rules engine that has seen the changes up to seq: the one of the
// last time, or a new one with the stored state.
func (w *workspace) engineAt(ctx context.Context, set *rules.Set, seq audit.Seq) (*rules.Engine, error) {
	if w.judge != nil && w.judge.Seq() == seq {
		return w.judge, nil
	}
	state, err := w.store.RuleState(ctx)
	if err != nil {
		return nil, err
	}
	opts := w.rulesOptions()
	opts.Gather = true
	// The engine outlives this call.
	ctx = context.WithoutCancel(ctx)
	opts.Folded = func(id string) (audit.Seqs, error) {
		a, err := w.store.Alert(ctx, id)
		return a.Folded, err
	}
	opts.Listed = func(id string) ([]audit.Evidence, error) {
		a, err := w.store.Alert(ctx, id)
		return a.Changes, err
	}
	engine := rules.NewEngine(set, opts)
	return engine, engine.Restore(state, nil)
}

// rulesOptions are what an engine asks of the workspace.
func (w *workspace) rulesOptions() rules.Options {
	return rules.Options{
		Own:       func(id audit.ChangeID) bool { return w.own[id] != "" },
		Memory:    w.cfg.Memory.rules(),
		Baselines: func(t audit.Table) []rules.Rows { return w.counted[t] },
	}
}
