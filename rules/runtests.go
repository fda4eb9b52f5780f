package rules

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"recourse/audit"
)

// A TestResult is how one test of one rule went.
type TestResult struct {
	Rule    string `json:"rule"`
	Test    string `json:"test"` // empty: something about the rule's tests as a whole
	File    string `json:"file"`
	Line    int    `json:"line"`
	Pass    bool   `json:"pass"`
	Message string `json:"message,omitempty"` // what went otherwise
}

// RunTests runs the tests that the rules carry, each rule alone. A rule needs
// one test in which it fires and one in which it stays silent, and a set needs
// rules: whatever lacks is a result that did not pass.
func RunTests(set *Set) []TestResult {
	var out []TestResult
	for _, r := range set.rules {
		fires, silent := false, false
		for _, t := range r.tests {
			err := t.run(r, set)
			fires, silent = fires || len(t.expect) > 0, silent || t.given && len(t.expect) == 0
			out = append(out, result(r, t.name, t.at.line, err))
		}
		switch {
		case !fires:
			out = append(out, result(r, "", r.Line, fmt.Errorf("no test in which the rule fires")))
		case !silent:
			out = append(out, result(r, "", r.Line, fmt.Errorf("no test in which the rule stays silent")))
		}
	}
	if len(out) == 0 {
		out = append(out, TestResult{Message: "there are no rules and no tests"})
	}
	return out
}

func result(r *Rule, name string, line int, err error) TestResult {
	t := TestResult{Rule: r.ID, Test: name, File: r.File, Line: line, Pass: err == nil}
	if err != nil {
		t.Message = err.Error()
	}
	return t
}

func (t *test) run(r *Rule, of *Set) error {
	set := of.Around(r).alone(r.ownLabels.with(t.labels))
	engine := NewEngine(set, t.options())
	state := map[string][]byte{}
	got := collected{rule: r, index: map[string]int{}}
	clock, seq := time.Duration(-1), audit.Seq(0)
	for _, ev := range t.events {
		if ev.restart {
			var err error
			if engine, err = restarted(engine, set, state); err != nil {
				return err
			}
			continue
		}
		for i := range ev.repeat {
			switch {
			case ev.at != nil && i == 0:
				clock = *ev.at
			case clock < 0:
				clock = 0
			default:
				clock += ev.every
			}
			seq++
			c := ev.change(t.start, clock, int(seq)-1, i)
			c.Seq = seq
			alerts, err := engine.Eval(&c)
			if err != nil {
				return err
			}
			got.take(alerts, engine, t.start, clock)
		}
	}
	// Time goes on when the events are over, so what waits for it is decided.
	got.take(engine.Advance(audit.TimeOf(t.start.Add(max(clock, 0)+longestWindow))), engine, t.start, clock)
	for _, s := range engine.Stats().Rules {
		if s.Rule == r.ID && s.Errors > 0 {
			return fmt.Errorf("the condition failed on event %d: %s", s.LastErrorSeq, s.LastError)
		}
	}
	return t.check(got.all)
}

// options are those of the test's engine.
func (t *test) options() Options {
	if t.liveRows == nil {
		return Options{}
	}
	return Options{Baselines: func(audit.Table) []Rows { return []Rows{{Rows: *t.liveRows}} }}
}

// Around is the rule and those that it hears of.
func (s *Set) Around(r *Rule) *Set {
	need := map[*Rule]bool{r: true}
	for grown := true; grown; {
		grown = false
		for _, other := range s.rules {
			heard := func(by *Rule) bool {
				return by.Composite != nil && other.burdens(by.Composite.Entity) ||
					slices.ContainsFunc(by.inputs, func(in input) bool { return in.ref == other.ID })
			}
			if !need[other] && slices.ContainsFunc(slices.Collect(maps.Keys(need)), heard) {
				need[other], grown = true, true
			}
		}
	}
	out := &Set{}
	for _, other := range s.rules {
		if need[other] {
			out.rules = append(out.rules, other)
		}
	}
	return out
}

// alone is the set as its rules' own files have it: what other files say of its
// tables, and their exceptions, are no part of its tests.
func (s *Set) alone(said *labels) *Set {
	out := &Set{}
	for _, r := range s.rules {
		own := *r
		own.labels = said
		own.Exceptions = slices.DeleteFunc(slices.Clone(r.Exceptions), func(x *Exception) bool { return x.File != r.File })
		out.rules = append(out.rules, &own)
	}
	return out
}

// restarted is an engine that goes on where e stood.
func restarted(e *Engine, set *Set, state map[string][]byte) (*Engine, error) {
	delta, err := e.State()
	if err != nil {
		return nil, err
	}
	for name, data := range delta {
		if data == nil {
			delete(state, name)
		} else {
			state[name] = data
		}
	}
	opts := e.opts
	opts.Folded = e.folded
	fresh := NewEngine(set, opts)
	return fresh, fresh.Restore(state, e.evidence)
}

// folded is what an open alert has beside its evidence.
func (e *Engine) folded(alert string) (audit.Seqs, error) {
	if a := e.open(alert); a != nil {
		return a.folded, nil
	}
	return audit.Seqs{}, ErrState
}

// evidence is that of an open alert.
func (e *Engine) evidence(alert string) ([]audit.Evidence, error) {
	if a := e.open(alert); a != nil {
		return slices.Clone(a.evidence), nil
	}
	return nil, ErrState
}

// open is the alert of that id that may still grow, or nil.
func (e *Engine) open(alert string) *openAlert {
	for _, r := range e.rules {
		for g := range r.held.all() {
			for _, a := range g.alerts {
				if a.id == alert {
					return a
				}
			}
		}
	}
	return nil
}

// change is one of the event's changes: n counts within the test, i within the
// event. {{n}} and {{i}} in texts stand for them.
func (e *event) change(start time.Time, at time.Duration, n, i int) audit.Change {
	c := e.c
	number := strings.NewReplacer("{{i}}", strconv.Itoa(i), "{{n}}", strconv.Itoa(n))
	c.Time = audit.TimeOf(start.Add(at))
	c.User, c.Node = number.Replace(c.User), number.Replace(c.Node)
	c.Reported = c.Op
	if c.Observed != 0 {
		c.Observed += c.Time
	}
	if id, err := audit.IDOf(numbered(e.id, number)); err == nil {
		c.Key.ID = id
	}
	c.Before = image(numbered(e.before, number))
	switch e.state {
	case "absent":
		c.Before = audit.AbsentImage(audit.Folded, audit.Exact)
	case "unknown":
		c.Before = audit.Image{}
	case "":
		if e.before == nil && c.Op == audit.OpInsert {
			c.Before = audit.AbsentImage(audit.Logged, audit.Exact)
		}
	}
	c.After = image(numbered(e.after, number))
	if e.after == nil && c.Op.Kind() == audit.KindDelete {
		c.After = audit.AbsentImage(audit.Logged, audit.Exact)
	}
	return c
}

func image(v audit.Value) audit.Image {
	switch v.Kind() {
	case audit.KindObject:
		return audit.PresentImage(v, audit.Logged, audit.Exact)
	case audit.KindNull:
		return audit.AbsentImage(audit.Logged, audit.Exact)
	}
	return audit.Image{}
}

// numbered puts the numbers into the texts of v.
func numbered(v audit.Value, number *strings.Replacer) audit.Value {
	switch v.Kind() {
	case audit.KindText:
		return audit.Text(number.Replace(v.Text()))
	case audit.KindArray:
		var elems []audit.Value
		for e := range v.Elems() {
			elems = append(elems, numbered(e, number))
		}
		return audit.Array(elems...)
	case audit.KindObject:
		fields := map[string]audit.Value{}
		for k, e := range v.Fields() {
			fields[k] = numbered(e, number)
		}
		return audit.Object(fields)
	}
	return v
}

// check compares what was raised with what was expected.
func (t *test) check(got []raised) error {
	taken := make([]bool, len(got))
	for _, x := range t.expect {
		matching := 0
		for i, g := range got {
			if !taken[i] && x.fits(g, t.start) {
				taken[i] = true
				matching++
			}
		}
		if matching != x.alerts {
			return fmt.Errorf("line %d expects %d such alerts; %d were raised. All alerts: %s",
				x.place.line, x.alerts, matching, describe(got))
		}
	}
	for i, g := range got {
		if !taken[i] {
			return fmt.Errorf("an alert was raised that is not expected: %s", describe([]raised{g}))
		}
	}
	return nil
}

func describe(got []raised) string {
	if len(got) == 0 {
		return "none"
	}
	var parts []string
	for _, g := range got {
		parts = append(parts, fmt.Sprintf("{count: %d, at: %s, group: %v, unknown: %t, severity: %s, title: %q}",
			g.alert.Count, g.at, g.alert.Group, g.alert.Unknown, g.alert.Severity, g.alert.Title))
	}
	return strings.Join(parts, ", ")
}
