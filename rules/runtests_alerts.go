package rules

import (
	"time"

	"recourse/audit"
)

// A raised alert, and when it was.
type raised struct {
	alert audit.Alert
	at    time.Duration
}

// A collected is the alerts of one rule.
type collected struct {
	rule  *Rule
	all   []raised
	index map[string]int
}

// take adds what an engine returned. An alert of a rule that waits was raised
// when it fired, rather than when that was known for sure.
func (c *collected) take(alerts []audit.Alert, e *Engine, start time.Time, clock time.Duration) {
	for _, a := range alerts {
		if a.Rule != c.rule.ID {
			continue
		}
		if k, old := c.index[a.ID]; old {
			c.all[k].alert = a
			continue
		}
		at := clock
		if open := e.open(a.ID); open != nil && c.rule.waits() {
			at = open.fired.at.Go().Sub(start)
		}
		c.index[a.ID] = len(c.all)
		c.all = append(c.all, raised{a, at})
	}
}
