package rules

import (
	"slices"
	"time"

	"recourse/audit"
)

// A Sequence is what a rule looks for when the order matters: its steps one
// after the other, by the changes' own times, all within Rule.Window.Size of
// the first, and nothing of Not between the first and the last.
type Sequence struct {
	Steps []string // the rules that steps refer to; empty for a step that is a change
	Not   bool     // something must not come in between
}

// An Absence is what a rule looks for when something should follow: after one
// change nothing that was expected within Rule.Window.Size.
type Absence struct {
	After, Expect string // the rules referred to; empty for a change
}

// NewTerms makes a rule of what has not been seen: values of the fields of
// Rule.Window.By, together, that no change had for Rule.Window.Size.
type NewTerms struct {
	Learn time.Duration // nothing is new until so much has been seen
	Per   []string      // … of each value of these fields; nil: of the rule in all
}

// A formKind is how a rule's groups decide.
type formKind int8

const (
	countForm formKind = iota // so many changes, or different values, in a window
	sumForm
	fractionForm
	spikeForm
	sequenceForm
	absenceForm
	termsForm
	riskForm
)

// form is the rule's.
func (r *Rule) form() formKind {
	switch {
	case r.Sequence != nil:
		return sequenceForm
	case r.Absence != nil:
		return absenceForm
	case r.NewTerms != nil:
		return termsForm
	case r.Composite != nil:
		return riskForm
	case r.Window.Fraction != nil:
		return fractionForm
	case r.Window.Spike:
		return spikeForm
	case r.Window.Sum != "":
		return sumForm
	}
	return countForm
}

// waits says that the rule decides on the watermark, because what has not come
// yet can turn an alert into none. The others decide on the change that makes
// the difference.
func (r *Rule) waits() bool {
	switch r.form() {
	case countForm, sumForm:
		return false
	case sequenceForm:
		return r.Sequence.Not || slices.ContainsFunc(r.Sequence.Steps, func(ref string) bool { return ref != "" })
	}
	return true
}

// An input is one of the things that a sequence or an absence looks for: a
// change, or an alert of another rule.
type input struct {
	ref   string // the other rule's id; empty: a change
	not   bool   // it speaks against an alert
	match match
	where *expression // nil: every change that match lets through
}

// place says that one of the rule's inputs may take such operations on such
// tables. A rule without inputs takes what its match does.
func (r *Rule) place(op audit.Op, t audit.Table) bool {
	if !r.match.place(op, t) || r.Composite != nil {
		return false
	}
	return r.inputs == nil || slices.ContainsFunc(r.inputs, func(in input) bool {
		return in.ref == "" && in.match.place(op, t)
	})
}

// A sighting is what a rule sees in a change.
type sighting struct {
	steps   uint16 // of the rule's inputs, a bit for each
	weight  float64
	unknown bool // it rests on an image that is not known
}

// see holds the change against the rule's conditions. It is false when the rule
// has nothing to do with the change.
func (e *Engine) see(r *ruleState, c *audit.Change) (s sighting, ok bool) {
	if s.unknown = r.reads.unknown(c); s.unknown && r.OnUnknown == Skip {
		r.stats.SkippedUnknown++
		return s, false
	}
	r.stats.Evaluated++
	if !e.holds(r, r.where, c) {
		return s, false
	}
	if r.sum != nil {
		out, ok := e.evaluate(r, r.sum, c)
		n, isNumber := numberOf(out)
		s.weight = n.float64()
		return s, ok && isNumber && s.weight > 0
	}
	if r.inputs == nil {
		return s, true
	}
	skipped, can := false, e.last.inputs[r]
	for i := range r.inputs {
		in := &r.inputs[i]
		if can&(1<<i) == 0 || !in.match.user(c.User) {
			continue
		}
		unknown := in.where != nil && in.where.demand.unknown(c)
		switch {
		case unknown && r.OnUnknown == Skip:
			skipped = true
			if in.not { // it may have been, so nothing is said
				s.steps |= 1 << i
			}
		case e.holds(r, in.where, c):
			s.steps |= 1 << i
			s.unknown = s.unknown || unknown
		}
	}
	if skipped {
		r.stats.SkippedUnknown++
	}
	return s, s.steps != 0
}

// unknown says that an image that is read is not known of the change.
func (d *demand) unknown(c *audit.Change) bool {
	return d.before && c.Before.State == audit.Unknown || d.after && c.After.State == audit.Unknown
}
