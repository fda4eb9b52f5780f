package rules

import "recourse/audit"

// raise adds the group's alerts that began or grew, and tells the rules that
// hear of them.
func (e *Engine) raise(r *ruleState, g *group, alerts []audit.Alert) []audit.Alert {
	for _, a := range r.w.touched {
		if e.opts.Gather {
			e.gather(r, g, a)
		} else {
			alerts = append(alerts, r.alert(r.fields(g), a))
		}
		e.tell(r, g, a)
	}
	return alerts
}

// A raisedAlert is an alert that began or grew, and what the values of its group are:
// the group may go before the alert is told.
type raisedAlert struct {
	r      *ruleState
	a      *openAlert
	fields map[string]string
	seq    audit.Seq // with which it first did
}

// gather keeps an alert that began or grew.
func (e *Engine) gather(r *ruleState, g *group, a *openAlert) {
	if !a.gathered {
		a.gathered = true
		e.raised = append(e.raised, raisedAlert{r, a, r.fields(g), e.seq})
	}
}

// Gathered says that Raised has something.
func (e *Engine) Gathered() bool { return len(e.raised) > 0 }

// Raised is the alerts of rules that began or grew since it was asked last, each as it now
// stands, with the change with which it first did so since then (RaisedSeq). With
// Options.Gather it is to be asked before each State.
func (e *Engine) Raised() []audit.Alert {
	alerts := make([]audit.Alert, 0, len(e.raised))
	for _, x := range e.raised {
		x.a.gathered = false
		a := x.r.alert(x.fields, x.a)
		a.RaisedSeq = x.seq
		alerts = append(alerts, a)
	}
	clear(e.raised)
	e.raised = e.raised[:0]
	return alerts
}
