package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"recourse/audit"
)

// QuarantineRule is the rule id of the alert that says that a rule has been put
// into quarantine. No file can have a rule of that id.
const QuarantineRule = "rule-quarantined"

// A rule is put into quarantine when its condition fails too often or takes too
// much work, by counts of changes and steps and not by a clock: so the same
// changes always give the same alerts, however busy the machine is.
const (
	trialLength      = 1_000        // changes that the rule evaluated; the counts then begin anew
	trialHeavy       = 100          // so many of them may fail or be heavy, less one
	heavySteps       = maxSteps / 2 // what a heavy change takes more than; one of a kilobyte takes some hundred
	quarantineLength = 10_000       // changes that the rule would look at and does not
)

// A Quarantine is how a rule stands with what it may cost.
type Quarantine struct {
	Left    int    `json:"left"`            // changes until the rule is tried again; 0: it is at work
	Times   int    `json:"times"`           // how often it was put there
	Skipped uint64 `json:"skipped"`         // changes that it did not judge there
	Why     string `json:"why,omitempty"`   // why it was put there last
	Since   uint64 `json:"since,omitempty"` // the number of the change at which
	Tried   int    `json:"tried,omitempty"` // changes of the trial under way
	Heavy   int    `json:"heavy,omitempty"` // of them, that failed or took too much work
}

// judge applies a rule to a change, unless the rule is in quarantine, and takes
// its time if somebody asks for that.
func (e *Engine) judge(r *ruleState, c *audit.Change, own *ownership, alerts []audit.Alert) []audit.Alert {
	q := &r.stats.Quarantine
	if q.Left > 0 {
		if r.match.user(c.User) {
			q.Left--
			q.Skipped++
			r.changed = true
		}
		return alerts
	}
	if e.opts.Clock == nil || e.opts.Timed > 1 && e.changes%uint64(e.opts.Timed) != 0 {
		return e.tried(r, c, own, alerts)
	}
	begin := e.opts.Clock()
	alerts = e.tried(r, c, own, alerts)
	r.cost.add(e.opts.Clock() - begin)
	return alerts
}

// tried is apply, with the end of a trial that went badly.
func (e *Engine) tried(r *ruleState, c *audit.Change, own *ownership, alerts []audit.Alert) []audit.Alert {
	q := &r.stats.Quarantine
	errs, evaluated := r.stats.Errors, r.stats.Evaluated
	e.heavy = false
	alerts = e.apply(r, c, own, alerts)
	if r.stats.Evaluated == evaluated {
		return alerts
	}
	if q.Tried++; q.Tried > trialLength {
		q.Tried, q.Heavy = 1, 0
	}
	failed := r.stats.Errors > errs
	if !failed && !e.heavy {
		return alerts
	}
	if q.Heavy++; q.Heavy < trialHeavy {
		return alerts
	}
	q.Why = fmt.Sprintf("its condition fails or takes too much work on %d of %d changes", q.Heavy, q.Tried)
	if failed {
		q.Why += ": " + r.stats.LastError
	}
	q.Times++
	q.Left, q.Since = quarantineLength, uint64(c.Seq)
	q.Tried, q.Heavy = 0, 0
	return append(alerts, r.quarantined(c))
}

// quarantined is the alert that the rule sees nothing for a while, which may be
// what somebody wants who writes such changes.
func (r *ruleState) quarantined(c *audit.Change) audit.Alert {
	h := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %d", QuarantineRule, r.ID, r.Hash, c.Seq))
	return audit.Alert{
		ID: hex.EncodeToString(h[:16]), Rule: QuarantineRule, RuleName: "A rule is in quarantine", Severity: string(High),
		Risk: 50, Attack: []string{"T1562"}, State: audit.AlertOpen,
		Title: fmt.Sprintf("rule %s does not judge the next %d changes that it would look at: %s", r.ID, quarantineLength, r.stats.Quarantine.Why),
		Group: map[string]string{"rule": r.ID}, FirstSeq: c.Seq, LastSeq: c.Seq, FirstTime: c.Time, LastTime: c.Time, Count: 1,
		Changes: []audit.Evidence{{Seq: c.Seq, Database: c.Key.Table.Database, Table: c.Key.Table.Name, Key: c.Key.ID, Time: c.Time}},
	}
}

// Quarantined is the rules that are in quarantine now, in the order of the set.
func (e *Engine) Quarantined() []string {
	var ids []string
	for _, r := range e.rules {
		if r.stats.Quarantine.Left > 0 {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// A Cost is the time that an engine with a clock took for a rule. It is no part
// of the engine's state.
type Cost struct {
	Rule    string
	Changes uint64 // that the rule looked at and that were measured
	Spent   time.Duration
	Worst   time.Duration // of one change
}

func (c *Cost) add(d time.Duration) {
	c.Changes++
	c.Spent += d
	c.Worst = max(c.Worst, d)
}

// Costs are the times of all rules, in their order, since the engine was made.
// Without Options.Clock there are none.
func (e *Engine) Costs() []Cost {
	if e.opts.Clock == nil {
		return nil
	}
	var out []Cost
	for _, r := range e.rules {
		r.cost.Rule = r.ID
		out = append(out, r.cost)
	}
	return out
}
