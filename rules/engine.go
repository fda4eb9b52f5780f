package rules

import (
	"container/list"
	"errors"
	"fmt"
	"maps"
	"math"
	"time"

	"recourse/audit"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

// Errors of Eval, which say that the engine was used wrongly.
var (
	ErrOrder = errors.New("changes come in the order of their numbers, each once")
	ErrTime  = errors.New("the change has no time")
)

// Options bound what an engine keeps. The zero value is right.
type Options struct {
	// Own says that a change is one of our own compensating writes, which no
	// rule alerts on. If nil, none is.
	Own func(audit.ChangeID) bool

	MaxGroups   int // groups kept of each rule; if 0, 10,000
	MaxChanges  int // changes kept of each group's window; if 0, 5,000; never below a rule's count
	MaxEvidence int // changes that one alert lists; if 0, 100,000. Its Count and Suppressed go on

	// Clock is a clock that only goes forward, by which the time that each rule takes
	// is measured (see Costs). If nil, none is. No alert depends on it.
	Clock func() time.Duration

	slow bool // expr decides every condition
}

// maxCount is the largest window.count, so that a window holds that many.
const maxCount = 5000

// maxEach is how many elements of window.each one change may have.
const maxEach = 100

// An Engine applies the rules of a set to changes as they come. It is
// deterministic: the same changes in the same order give the same alerts, with
// or without a restart from State in between. It is for one goroutine.
type Engine struct {
	opts    Options
	rules   []*ruleState
	index   map[placement][]*ruleState
	facts   *facts
	view    *view // loaded when the first condition is left to expr
	vm      vm.VM
	seq     audit.Seq
	changes uint64
	heavy   bool // an evaluation of the change at hand took more than heavySteps

	// The newest time that a change had, and the newest at which one was read.
	// A group is let go when both have left it behind: a hostile time in a
	// record cannot move the second, nor a pause in reading the first.
	eventClock, observedClock audit.Time

	tableText, keyText string // of the change at hand; empty: not asked for yet

	kept kept
	gone []string // saved state that is no longer used, to be removed
}

// A placement is what the cheap part of a rule's match depends on.
type placement struct {
	op    audit.Op
	table audit.Table
}

// A ruleState is a rule at work.
type ruleState struct {
	*Rule
	w       windowing
	stats   RuleStats
	groups  map[string]*list.Element // of *group, by name
	recent  *list.List               // the same, least recently touched first
	name    []byte                   // of the group at hand; its memory is used again
	touches uint64
	dirty   []*group        // altered since the last State, each once
	gone    map[string]bool // dropped since the last State, by name
	changed bool            // stats altered since the last State
	cost    Cost
}

// A windowing is a rule's window in the terms of the engine.
type windowing struct {
	rule        *Rule
	size        audit.Time // milliseconds
	count       int
	distinct    string
	maxEntries  int
	maxEvidence int
	stats       *RuleStats
	free        []*entry // to be used again
}

// NewEngine is an engine that has seen nothing.
func NewEngine(set *Set, opts Options) *Engine {
	e := &Engine{opts: opts, index: map[placement][]*ruleState{}}
	words, said := &vocabulary{}, newLabeller(nil)
	if len(set.rules) > 0 {
		words, said = set.rules[0].words, newLabeller(set.rules[0].labels)
	}
	e.facts, e.view = newFacts(words, said), newView(said)
	e.vm.MemoryBudget = maxMemory
	for _, r := range set.rules {
		s := &ruleState{Rule: r, groups: map[string]*list.Element{}, recent: list.New(), gone: map[string]bool{}}
		s.stats.Rule = r.ID
		s.w = windowing{
			rule: r, stats: &s.stats, count: r.Window.Count, distinct: r.Window.Distinct,
			size:        audit.Time(float64(r.Window.Size) / 1e6),
			maxEntries:  max(orDefault(opts.MaxChanges, 5000), r.Window.Count),
			maxEvidence: min(orDefault(opts.MaxEvidence, 100_000), orDefault(r.Alerting.Listed, math.MaxInt)),
		}
		e.rules = append(e.rules, s)
	}
	return e
}

func orDefault(n, def int) int {
	if n <= 0 {
		return def
	}
	return n
}

// Seq is the number of the last change that the engine has seen.
func (e *Engine) Seq() audit.Seq { return e.seq }

// Eval applies the rules to the next change and returns the alerts that began
// or grew, each as it now stands. The alerts may share memory with later
// returns; they are never altered.
//
// A condition that fails on a change is no error of Eval: the rule counts it
// in Stats and takes the change as not matching. After an error of Eval itself
// the engine is as it was.
func (e *Engine) Eval(c *audit.Change) ([]audit.Alert, error) {
	if c.Seq <= e.seq {
		return nil, fmt.Errorf("evaluate change %d after %d: %w", c.Seq, e.seq, ErrOrder)
	}
	if f := float64(c.Time); math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("evaluate change %d: %w", c.Seq, ErrTime)
	}
	e.seq = c.Seq
	e.changes++
	e.eventClock, e.observedClock = max(e.eventClock, c.Time), max(e.observedClock, c.Observed)
	candidates := e.candidates(c)
	if len(candidates) == 0 {
		return nil, nil
	}
	e.facts.load(c)
	e.view.c, e.tableText, e.keyText = nil, "", ""
	var alerts []audit.Alert
	own := ownership{change: c, ask: e.opts.Own}
	for _, r := range candidates {
		alerts = append(alerts, e.judge(r, c, &own)...)
	}
	return alerts, nil
}

// candidates are the rules that look at such operations on such tables.
func (e *Engine) candidates(c *audit.Change) []*ruleState {
	p := placement{c.Op, c.Key.Table}
	found, ok := e.index[p]
	if ok {
		return found
	}
	for _, r := range e.rules {
		if r.match.place(p.op, p.table) {
			found = append(found, r)
		}
	}
	const most = 10_000 // tables are few, unless somebody makes them up
	if len(e.index) >= most {
		clear(e.index)
	}
	e.index[p] = found
	return found
}

// An ownership asks once whether a change is ours, and only if a rule matches.
type ownership struct {
	change     *audit.Change
	ask        func(audit.ChangeID) bool
	known, own bool
}

func (o *ownership) is() bool {
	if !o.known && o.ask != nil {
		id := o.change.ID
		if id == (audit.ChangeID{}) {
			id = o.change.Identify()
		}
		o.own = o.ask(id)
	}
	o.known = true
	return o.own
}

func (e *Engine) apply(r *ruleState, c *audit.Change, own *ownership) []audit.Alert {
	if !r.match.user(c.User) {
		return nil
	}
	r.changed = true
	unknown := r.ReadsBefore && c.Before.State == audit.Unknown || r.ReadsAfter && c.After.State == audit.Unknown
	if unknown && r.OnUnknown == Skip {
		r.stats.SkippedUnknown++
		return nil
	}
	if !e.holds(r, c) {
		return nil
	}
	if own.is() {
		r.stats.Own++
		return nil
	}
	if x := e.excepted(r, c); x != nil {
		r.stats.except(x)
		return nil
	}
	if r.Alerting.Missing == MissingSkip && e.lacks(r, c) {
		r.stats.Missing++
		return nil
	}
	r.stats.Matched++
	each := []string{""}
	if r.each != nil {
		each = e.eachOf(r, c)
	}
	var alerts []audit.Alert
	for _, element := range each {
		g := r.group(e, c, element)
		n := r.w.entry()
		*n = entry{
			time: c.Time, unknown: unknown && r.OnUnknown == Flag, late: c.Late,
			evidence: audit.Evidence{
				Seq: c.Seq, Database: c.Key.Table.Database, Table: c.Key.Table.Name, Key: c.Key.ID, Time: c.Time,
			},
		}
		if r.w.distinct != "" {
			n.distinct = bounded(e.field(c, r.w.distinct))
		}
		if a := g.add(n, &r.w); a != nil {
			alerts = append(alerts, r.alert(g, a))
		}
	}
	return alerts
}

// holds runs a rule's condition on the change in the view.
func (e *Engine) holds(r *ruleState, c *audit.Change) bool {
	r.stats.Evaluated++
	if r.where == nil {
		return true
	}
	if q := r.where.quick; q != nil && !e.opts.slow {
		if v := q.decide(e.facts); v != ask {
			return v == yes
		}
	}
	out, ok := e.evaluate(r, r.where, c)
	holds, _ := out.(bool)
	return ok && holds
}

// evaluate is false when the expression could not be evaluated, which it counts.
func (e *Engine) evaluate(r *ruleState, x *expression, c *audit.Change) (any, bool) {
	if e.view.c != c {
		e.view.load(c)
	}
	e.view.provide(&x.demand)
	e.view.run.steps = 0
	out, err := e.vm.Run(x.program, e.view.env)
	e.heavy = e.heavy || e.view.run.steps > heavySteps
	switch {
	case err == nil:
		return out, true
	case errors.Is(err, errUndecided):
		r.stats.Undecided++
	default:
		message := err.Error()
		if at, ok := errors.AsType[*file.Error](err); ok {
			message = at.Message // without the rule's text
		}
		r.stats.Errors++
		r.stats.LastError, r.stats.LastErrorSeq = printable(message), uint64(c.Seq)
	}
	return nil, false
}

// Stats counts what the engine did so far.
func (e *Engine) Stats() Stats {
	s := Stats{Changes: e.changes}
	for _, r := range e.rules {
		r.expire(e)
		r.stats.Groups = len(r.groups)
		stats := r.stats
		stats.Exceptions = maps.Clone(stats.Exceptions)
		s.Rules = append(s.Rules, stats)
	}
	return s
}
