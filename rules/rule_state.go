package rules

import (
	"math"

	"recourse/audit"
)

// A ruleState is a rule at work.
type ruleState struct {
	*Rule
	w        windowing
	stats    RuleStats
	held     *held
	name     []byte // of the group at hand; its memory is used again
	touches  uint64
	rank     int // in the set
	depth    int // 0, or one more than the deepest of the rules that it hears of
	reads    demand
	feeds    []listener        // the rules that hear of its alerts
	waiting  map[string]*heard // alerts of others that are to be heard, by id
	learning learning
	dirty    []*group // altered since the last State, each once, and not dropped
	gone     []byte   // names of those dropped since the last State, which has them, each after its length
	changed  bool     // stats altered since the last State
	fresh    bool     // it has not seen what the engine had when it came
	cost     Cost
}

// A windowing is a rule's window in the terms of the engine.
type windowing struct {
	rule        *Rule
	held        *held      // of the rule
	lists       *listings  // of the engine
	size        audit.Time // milliseconds
	reach       audit.Time // how far back changes are kept
	keep        audit.Time // how long a group is kept that has no new ones
	form        formKind
	waits       bool
	watermark   audit.Time
	behind      bool    // the change at hand is of before the watermark
	last        uint16  // of a sequence: its last step
	not         uint16  // of a sequence: what must not be in between
	inputs      int     // of a sequence: its steps
	gte         float64 // of a sum
	maxGroups   int
	kept        int // changes kept of all groups
	maxKept     int
	count       int
	distinct    string
	tallies     bool // distinct values are tallied
	weighs      bool // entries have weights
	maxEntries  int
	maxEvidence int
	stats       *RuleStats
	touched     []*openAlert // that began or grew with what was done last
}

func newRuleState(r *Rule, rank int, opts Options, lateness audit.Time, pool *pool, room *room) *ruleState {
	s := &ruleState{Rule: r, rank: rank, fresh: true, held: newHeld(pool, room), waiting: map[string]*heard{}}
	for _, x := range []*expression{r.where, r.each, r.sum} {
		if x != nil {
			s.reads.add(x.demand)
		}
	}
	s.stats.Rule = r.ID
	size := millis(r.Window.Size)
	s.w = windowing{
		rule: r, held: s.held, stats: &s.stats, count: r.Window.Count, distinct: r.Window.Distinct,
		size: size, reach: size + max(size, lateness), form: r.form(), waits: r.waits(), gte: r.Window.Gte,
		maxEntries:  max(min(orDefault(opts.MaxChanges, 5000), mostEntries), r.Window.Count),
		maxEvidence: min(orDefault(opts.MaxEvidence, 100_000), orDefault(r.Alerting.Listed, math.MaxInt)),
		maxGroups:   orDefault(opts.MaxGroups, 10_000),
		maxKept:     orDefault(opts.MaxKept, 1_000_000),
	}
	s.w.keep = s.w.reach
	s.w.tallies = s.w.form == countForm && s.w.distinct != ""
	s.w.weighs = s.w.form == sumForm || s.w.form == fractionForm || s.w.form == riskForm
	switch s.w.form {
	case spikeForm:
		s.w.keep += millis(r.Baseline.Train)
	case fractionForm:
		s.w.maxEntries = max(s.w.maxEntries, mostFraction)
	case termsForm:
		s.w.maxGroups *= 5
	}
	for i, in := range r.inputs {
		if in.not {
			s.w.not |= 1 << i
			continue
		}
		s.w.last = 1 << i
		s.w.inputs++
	}
	return s
}
