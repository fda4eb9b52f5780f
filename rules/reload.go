package rules

import (
	"iter"
	"slices"
	"time"

	"recourse/audit"
)

// Reload is an engine of another set of rules that goes on where e stands, which
// is not to be used any more. A rule whose Hash is the same keeps all that it
// knows. The others know nothing: Fresh says which they are, and Warm teaches
// them.
func (e *Engine) Reload(set *Set) *Engine {
	n := newEngine(set, e.opts, e.pool)
	n.seq, n.changes, n.repeated = e.seq, e.changes, e.repeated
	n.eventClock, n.observedClock = e.eventClock, e.observedClock
	n.watermark, n.newest, n.begun = e.watermark, e.newest, e.begun
	n.tables = e.tables
	n.kept, n.gone = e.kept, e.gone
	n.kept.stale = true
	for _, r := range n.rules {
		if old := e.rule(r.ID, r.Hash); old != nil {
			n.adopt(r, old)
		}
	}
	for _, x := range e.raised { // they are to be told, also of a rule that is gone
		if r := n.rule(x.r.ID, x.r.Hash); r != nil {
			x.r = r
		}
		n.raised = append(n.raised, x)
	}
	e.leave(n)
	return n
}

// adopt gives a rule all that the same rule of another engine knows.
func (e *Engine) adopt(r, from *ruleState) {
	r.stats, r.held, r.w.held, r.touches = from.stats, from.held, from.held, from.touches
	r.waiting, r.learning, r.gone = from.waiting, from.learning, from.gone
	r.fresh, r.changed, r.w.kept = false, true, from.w.kept
	r.held.room = &e.room
	e.room.taken += r.held.bytes
	r.held.unawaited()
	for g := range r.held.all() {
		g.dirtyAt = 0
		g.mark(r)
	}
	e.expectAll(r)
}

// leave lets go what no other engine has taken over.
func (e *Engine) leave(to *Engine) {
	for _, r := range e.rules {
		if !slices.ContainsFunc(to.rules, func(n *ruleState) bool { return n.held == r.held }) {
			r.held.clear()
		}
	}
}

// Fresh is the rules that have not seen the changes that the engine has, by their
// ids, and how far back before the newest they would look. It is nobody when the
// engine has seen none.
func (e *Engine) Fresh() (ids []string, back time.Duration) {
	if e.seq == 0 {
		return nil, 0
	}
	for _, r := range e.rules {
		if r.fresh {
			ids = append(ids, r.ID)
			back = max(back, time.Duration(float64(r.w.keep)*1e6))
		}
	}
	return ids, back
}

// Warm gives the rules that are fresh the changes that the engine has seen, or
// the last of them, in the order of their numbers. It returns their alerts, which
// are to be saved with the engine's state. Given all changes, a rule is as if it
// had always been there.
func (e *Engine) Warm(past iter.Seq2[*audit.Change, error]) ([]audit.Alert, error) {
	ids, _ := e.Fresh()
	set := &Set{}
	for _, r := range e.rules {
		set.rules = append(set.rules, r.Rule)
	}
	need := &Set{}
	for _, r := range set.rules {
		if slices.ContainsFunc(ids, func(id string) bool { return set.Around(set.Rule(id)).Rule(r.ID) != nil }) {
			need.rules = append(need.rules, r)
		}
	}
	opts := e.opts
	opts.Gather = false
	w := newEngine(need, opts, e.pool)
	var all []audit.Alert
	for c, err := range past {
		if err != nil {
			return nil, err
		}
		if c.Seq > e.seq {
			break
		}
		alerts, err := w.Eval(c)
		if err != nil {
			return nil, err
		}
		all = append(all, alerts...)
	}
	all = append(all, w.Advance(e.watermark)...)
	for _, r := range e.rules {
		if r.fresh {
			e.adopt(r, w.rule(r.ID, r.Hash))
		}
	}
	w.leave(e)
	all = slices.DeleteFunc(all, func(a audit.Alert) bool {
		of := a.Rule
		if of == QuarantineRule {
			of = a.Group["rule"]
		}
		return !slices.Contains(ids, of)
	})
	return latest(all), nil
}
