package rules

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"recourse/audit"

	"github.com/expr-lang/expr/vm"
)

// Errors of Eval, which say that the engine was used wrongly.
var (
	ErrOrder = errors.New("the change has no number")
	ErrTime  = errors.New("the change has no time")
)

// maxCount is the largest window.count, so that a window holds that many.
const maxCount = 5000

// maxEach is how many elements of window.each one change may have.
const maxEach = 100

// An Engine applies the rules of a set to changes as they come. It is
// deterministic: the same changes in the same order give the same alerts, with
// or without a restart from State in between. It is for one goroutine.
type Engine struct {
	opts   Options
	rules  []*ruleState
	index  map[placement]*shelf
	last   *shelf        // of the change at hand
	recent [128]struct { // shelves of late, by a little of their placements
		placement placement
		shelf     *shelf
	}
	shelves  uint32       // that were made
	met      []*ruleState // the candidates of the change at hand; its memory is used again
	facts    *facts
	view     *view // loaded when the first condition is left to expr
	vm       vm.VM
	seq      audit.Seq
	changes  uint64
	repeated uint64 // that came again, since the engine was made
	heavy    bool   // an evaluation of the change at hand took more than heavySteps

	// The newest time that a change had, and the newest at which one was read.
	// A group is let go when both have left it behind: a hostile time in a
	// record cannot move the second, nor a pause in reading the first.
	eventClock, observedClock audit.Time

	watermark audit.Time // changes of before it come late
	newest    audit.Time // that a change had, or when it was read if that was earlier
	begun     bool       // there is a watermark
	late      bool       // the change at hand is of before it
	lateness  audit.Time
	due       deadlines
	tables    map[audit.Table]*tableRows
	fractions []*ruleState // the rules that want to know how many records tables have

	fields []fieldValue // that rules ask for, by which they group or count
	single [1][]byte    // what each is of a rule without one
	eachs  [][]byte     // its memory is used again

	pool   *pool
	room   room
	lists  listings // of alerts' evidence
	kept   kept
	raised []raisedAlert // that are to be told
	gone   []string      // saved state that is no longer used, to be removed
}

// NewEngine is an engine that has seen nothing.
func NewEngine(set *Set, opts Options) *Engine { return newEngine(set, opts, newPool()) }

func newEngine(set *Set, opts Options, pool *pool) *Engine {
	e := &Engine{opts: opts, pool: pool, index: map[placement]*shelf{}, tables: map[audit.Table]*tableRows{}}
	words, said := &vocabulary{}, newLabeller(nil)
	if len(set.rules) > 0 {
		words, said = set.rules[0].words, newLabeller(set.rules[0].labels)
	}
	e.facts, e.view = newFacts(words, said), newView(said)
	e.vm.MemoryBudget = maxMemory
	e.room.most = opts.Memory
	e.lists = listings{listed: opts.Listed, folded: opts.Folded, last: orDefault(opts.recent, lastListed)}
	e.lateness = millis(lateness)
	if opts.Lateness > 0 {
		e.lateness = millis(opts.Lateness)
	}
	for _, name := range fieldNames {
		e.fields = append(e.fields, fieldValue{name: name})
	}
	for i, r := range set.rules {
		s := newRuleState(r, i, opts, e.lateness, pool, &e.room)
		s.w.lists = &e.lists
		e.rules = append(e.rules, s)
		if s.w.form == fractionForm {
			e.fractions = append(e.fractions, s)
		}
	}
	e.connect()
	return e
}

// millis is a duration in the unit of audit.Time.
func millis(d time.Duration) audit.Time { return audit.Time(float64(d) / 1e6) }

func orDefault(n, def int) int {
	if n <= 0 {
		return def
	}
	return n
}

// Seq is the number of the last change that the engine has seen.
func (e *Engine) Seq() audit.Seq { return e.seq }

// Eval applies the rules to the next change, in the order of their numbers; one
// whose number is not above those before has been seen, and has no effect. It returns the alerts that began
// or grew, each as it now stands. The alerts may share memory with later
// returns; they are never altered.
//
// A condition that fails on a change is no error of Eval: the rule counts it
// in Stats and takes the change as not matching. After ErrOrder and ErrTime the engine
// is as it was. Another error is that evidence which is stored could not be read: then
// make a new engine and restore it.
func (e *Engine) Eval(c *audit.Change) ([]audit.Alert, error) {
	if c.Seq == 0 {
		return nil, fmt.Errorf("evaluate change: %w", ErrOrder)
	}
	if c.Seq <= e.seq {
		e.repeated++
		return nil, nil
	}
	if f := float64(c.Time); math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("evaluate change %d: %w", c.Seq, ErrTime)
	}
	e.seq = c.Seq
	e.changes++
	e.clock(c)
	alerts := e.decide(nil) // before anything that is decided is let go
	e.facts.load(c)
	s := e.shelf(c)
	if s.counted {
		e.countRows(c)
	}
	if candidates := e.candidates(c, s); len(candidates) > 0 {
		e.view.c = nil
		own := ownership{change: c, ask: e.opts.Own}
		for _, r := range candidates {
			alerts = e.judge(r, c, &own, alerts)
		}
	}
	alerts = e.decide(alerts)
	if e.lists.err != nil {
		return nil, e.lists.err
	}
	return latest(alerts), nil
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

// apply adds the rule's alerts that began or grew to alerts.
func (e *Engine) apply(r *ruleState, c *audit.Change, own *ownership, alerts []audit.Alert) []audit.Alert {
	if !r.match.user(c.User) {
		return alerts
	}
	r.changed = true
	s, ok := e.see(r, c)
	if !ok {
		return alerts
	}
	if own.is() {
		r.stats.Own++
		return alerts
	}
	if x := e.excepted(r, c); x != nil {
		r.stats.except(x)
		return alerts
	}
	if r.Alerting.Missing == MissingSkip && e.lacks(r, c) {
		r.stats.Missing++
		return alerts
	}
	r.stats.Matched++
	each := e.single[:]
	if r.each != nil {
		each = e.eachOf(r, c)
	}
	for _, element := range each {
		g := r.group(e, c, element)
		if r.w.form == termsForm && e.knows(r, g, c.Time) {
			continue
		}
		n := entry{
			time: c.Time, seq: c.Seq, key: e.pool.key(c.Key), unknown: s.unknown && r.OnUnknown == Flag, late: c.Late, steps: s.steps,
		}
		switch r.w.distinct {
		case "":
		case "key":
			n.counted = e.pool.keyText(c.Key)
		default:
			n.counted = e.pool.text(e.field(c, r.w.distinct))
		}
		alerts = e.enter(r, g, n, s.weight, alerts)
	}
	return alerts
}

// enter takes an entry into a group, with what it weighs.
func (e *Engine) enter(r *ruleState, g *group, n entry, weight float64, alerts []audit.Alert) []audit.Alert {
	r.w.behind, r.w.watermark = e.late, e.watermark
	if r.w.decides(&n) {
		e.await(r, g, &n)
	}
	g.add(n, weight, &r.w)
	if r.w.waits && e.late {
		e.reopen(r, g, &n)
	}
	if r.w.kept > r.w.maxKept {
		r.expire(e) // saving may have let these go already
	}
	for r.w.kept > r.w.maxKept && r.held.n > 1 {
		r.evict(e)
	}
	if e.room.most > 0 && e.room.taken > e.room.most {
		e.giveUp()
	}
	alerts = e.raise(r, g, alerts)
	r.held.tidy()
	e.pool.tidy()
	return alerts
}

// latest leaves of each alert the last that is said of it.
func latest(alerts []audit.Alert) []audit.Alert {
	if len(alerts) < 2 {
		return alerts
	}
	out := alerts[:0]
	for i := range alerts {
		if !slices.ContainsFunc(alerts[i+1:], func(a audit.Alert) bool { return a.ID == alerts[i].ID }) {
			out = append(out, alerts[i])
		}
	}
	return out
}
