package rules

import (
	"time"

	"recourse/audit"
)

// Options bound what an engine keeps. The zero value is right.
type Options struct {
	// Own says that a change is one of our own compensating writes, which no
	// rule alerts on. If nil, none is.
	Own func(audit.ChangeID) bool
	// Listed is what a stored alert lists. If it is not nil, what an alert has listed at
	// a State is left to that which it is saved with but for the last few, Eval returns
	// alerts with what is new (see [audit.Alert.Stored]), and Restore needs no evidence.
	Listed func(id string) ([]audit.Evidence, error)
	// Folded is what a stored alert has beside the changes that it lists: those are
	// not in the state. If nil, they are not known after a restart.
	Folded func(id string) (audit.Seqs, error)

	// Gather has alerts of rules that began or grew not returned by Eval and Advance, each
	// again with every change, but kept until Raised is asked for them.
	Gather bool

	MaxGroups   int // groups kept of each rule; if 0, 10,000
	MaxChanges  int // changes kept of each group's window, at most 65,535; if 0, 5,000; never below a rule's count
	MaxKept     int // changes kept of all groups of a rule; if 0, 1,000,000
	MaxEvidence int // changes that one alert lists; if 0, 100,000. Its Count and Suppressed go on

	// Memory is about how many bytes the windows of all rules may take together; if 0,
	// there is no bound. What is too much is given up as that above is: of the rule that
	// keeps the most, the groups that were touched the longest ago.
	Memory int

	// Clock is a clock that only goes forward, by which the time that each rule takes
	// is measured (see Costs). If nil, none is. No alert depends on it.
	Clock func() time.Duration
	// Timed is how many changes there are to one that is measured; if 0, all are.
	Timed int
	// Baselines are how many records a table had when they were counted, by time, for
	// rules on a share of them. What is older than what the engine has decided does
	// not count any more. If nil, nobody knows.
	Baselines func(audit.Table) []Rows

	// Lateness is how much older than the newest change another may be and still be
	// in time, in that what waits for it has not been decided; if 0, 30 s.
	Lateness time.Duration

	recent int  // changes of an alert's list kept though it is stored; if 0, lastListed
	slow   bool // expr decides every condition
	open   bool // … of every change that match lets through
}
