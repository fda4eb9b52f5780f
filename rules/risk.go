package rules

import (
	"math"
	"recourse/audit"
	"slices"
	"time"
)

// A Composite makes a rule of the alerts of others: what they put one entity
// under suspicion of, together, within Rule.Window.Size. An alert's risk halves
// with every half-life, and each further alert of the same rule counts half of
// the one before.
type Composite struct {
	Entity        string        // the field of the alerts, such as user
	Gte           float64       // fires when the sum reaches this
	HalfLife      time.Duration // 24 h, unless the rule says otherwise
	DistinctRules int           // … of so many different rules at least
	// Multipliers make an alert weigh more, or less, that fired on a table with the
	// label.
	Multipliers map[string]float64
}

// weight is what an alert adds that fired on a table.
func (e *Engine) weight(of *Composite, risk float64, table audit.Table) float64 {
	if len(of.Multipliers) > 0 {
		for _, label := range e.view.labels.table(table).labels {
			if by, known := of.Multipliers[label]; known {
				risk *= by
			}
		}
	}
	return risk
}

// burdens says that the rule's alerts put risk on an entity: a field of theirs.
func (r *Rule) burdens(entity string) bool {
	return r.Composite == nil && r.Risk > 0 && (r.RiskOn == nil || slices.Contains(r.RiskOn, entity))
}

// risk decides entry i: whether the alerts up to it, within the window, come to
// so much risk.
func (g *group) risk(i int, w *windowing) {
	of := w.rule.Composite
	end := &g.entries[i]
	low := after(g.entries, end.time-w.size)
	half := float64(millis(of.HalfLife))
	repeats := map[string]int{}
	sum := 0.0
	for k := low; k <= i; k++ {
		n := &g.entries[k]
		rule := w.held.ruleOf(n)
		share := math.Pow(0.5, float64(repeats[rule])+float64(end.time-n.time)/half)
		sum += g.weights[k] * share
		repeats[rule]++
	}
	if sum < of.Gte || len(repeats) < of.DistinctRules {
		return
	}
	g.alert(low, i, nil, end, w)
}
