package rules

import (
	"errors"

	"recourse/audit"

	"github.com/expr-lang/expr/file"
)

// holds runs a rule's condition on the change in the view; nil holds.
func (e *Engine) holds(r *ruleState, where *expression, c *audit.Change) bool {
	if where == nil {
		return true
	}
	if q := where.quick; q != nil && !e.opts.slow {
		if v := q.decide(e.facts); v != ask {
			return v == yes
		}
	}
	out, ok := e.evaluate(r, where, c)
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
