package rules

import (
	"slices"

	"recourse/audit"
)

// A listener is a rule that hears of the alerts of another.
type listener struct {
	r    *ruleState
	step uint16  // as which of its inputs
	risk float64 // what an alert adds, for a composite risk
}

// A heard is an alert of another rule that a rule is to hear of when the
// watermark passes the moment at which it fired. Until then a change may still
// come that moves that moment, or makes the alert part of another.
type heard struct {
	alert, rule string
	steps       uint16
	risk        float64
	unknown     bool
	fired       firing
	values      []string // of the group that it belongs into
	off         bool     // it is no longer to be heard
}

// connect finds which rules hear of which.
func (e *Engine) connect() {
	feeds := map[string][]listener{}
	byID := map[string]*ruleState{}
	for _, r := range e.rules {
		byID[r.ID] = r
	}
	for _, r := range e.rules {
		steps := map[string]uint16{}
		for i, in := range r.inputs {
			steps[in.ref] |= 1 << i
		}
		for ref, step := range steps {
			if ref != "" {
				feeds[ref] = append(feeds[ref], listener{r: r, step: step})
			}
		}
		if r.Composite == nil {
			continue
		}
		for _, of := range e.rules {
			if of.burdens(r.Composite.Entity) {
				feeds[of.ID] = append(feeds[of.ID], listener{r: r, risk: float64(of.Risk)})
			}
		}
	}
	for _, r := range e.rules {
		r.depth, r.feeds = depthOf(r.Rule, byID), feeds[r.ID]
	}
}

// hears says that the rule looks at alerts of others.
func (r *Rule) hears() bool {
	return r.Composite != nil || slices.ContainsFunc(r.inputs, func(in input) bool { return in.ref != "" })
}

// depthOf is how many rules stand behind one another in front of r. References
// do not go round in circles.
func depthOf(r *Rule, byID map[string]*ruleState) int {
	if r.Composite != nil {
		return len(byID)
	}
	depth := 0
	for _, in := range r.inputs {
		if of := byID[in.ref]; of != nil {
			depth = max(depth, 1+depthOf(of.Rule, byID))
		}
	}
	return depth
}

// tell has the rules that hear of r's alerts hear of one that began, fired
// earlier than was thought, or became part of another.
func (e *Engine) tell(r *ruleState, g *group, a *openAlert) {
	for _, f := range r.feeds {
		was := f.r.waiting[a.id]
		if was != nil && (a.into != "" || a.spoken || was.fired != a.fired) {
			was.off = true
			delete(f.r.waiting, a.id)
			f.r.changed = true
		}
		if a.into != "" || a.spoken || a.told && was == nil || was != nil && !was.off {
			continue
		}
		h := &heard{alert: a.id, rule: r.ID, steps: f.step, risk: f.risk, fired: a.fired, unknown: a.unknown}
		for _, name := range f.r.Window.By {
			h.values = append(h.values, alertField(r, g, a, name))
		}
		if f.r.Composite != nil && h.values[0] == "" {
			continue // nobody's risk
		}
		if of := f.r.Composite; of != nil {
			h.risk = e.weight(of, f.risk, audit.Table{Database: a.fired.on.Database, Name: a.fired.on.Table})
		}
		f.r.waiting[a.id] = h
		f.r.changed = true
		e.expect(f.r, h)
	}
	a.told = true
}

// expect has an alert heard in time.
func (e *Engine) expect(r *ruleState, h *heard) {
	e.due.push(deadline{at: h.fired.at, depth: r.depth, order: r.rank, seq: h.fired.on.Seq, r: r, heard: h})
}

// alertField is what an alert has in a field of by, or "".
func alertField(r *ruleState, g *group, a *openAlert, name string) string {
	values := r.held.values(g)
	for i, by := range r.Window.By {
		if by == name {
			return values[i]
		}
		if by == "table" && name == "db" {
			return bounded(a.fired.on.Database)
		}
		if by == "table" && name == "table_name" {
			return bounded(a.fired.on.Table)
		}
	}
	return ""
}

// hear takes an alert of another rule into its group.
func (e *Engine) hear(r *ruleState, h *heard, alerts []audit.Alert) []audit.Alert {
	if h.off {
		return alerts
	}
	delete(r.waiting, h.alert)
	r.changed = true
	r.stats.Heard++
	n := entry{time: h.fired.at, seq: h.fired.on.Seq, steps: h.steps, unknown: h.unknown,
		told: true, key: r.held.tell(hearsay{alert: h.alert, rule: h.rule, on: h.fired.on})}
	return e.enter(r, r.groupOf(e, h.values), n, h.risk, alerts)
}
