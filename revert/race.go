package revert

import (
	"fmt"
	"slices"
	"strings"

	"recourse/audit"
)

// raced lists what others wrote between the guard and our write that ours
// destroyed.
func (s *step) raced(g *guard, e events) []string {
	var out []string
	body := g.image.Body
	for i := range e.before {
		c := &e.before[i]
		switch {
		case c.Op.Kind() == audit.KindDelete:
			if s.action.Do == DoPatch {
				out = append(out, "deleted just before by "+who(c)+": the patch has brought a part of the record back")
			}
			body = nil
			continue
		case s.action.Do == DoDelete:
			out = append(out, "the delete has destroyed what was written by "+who(c)+": "+show(c.After.Body))
		case c.After.State != audit.Present:
			out = append(out, "what was written just before by "+who(c)+" cannot be read; it may have been overwritten")
		default:
			out = append(out, s.overwritten(body, c)...)
		}
		body = c.After.Body
	}
	return out
}

// overwritten compares a change of somebody's with the attributes we wrote.
func (s *step) overwritten(body audit.Value, c *audit.Change) []string {
	var out []string
	p, table := &s.plan.Header.Policy, s.action.K.Table
	for _, name := range s.written() {
		was, is := body.Get(name), c.After.Body.Get(name)
		if p.same(was, is) {
			continue
		}
		_, inc := s.action.Add[name]
		switch {
		case inc && p.number(table, name) == NumberCounter && isNumber(is):
			continue // increments commute
		case !inc && p.same(is, s.wrote(name)):
			continue // the two wrote the same
		}
		out = append(out, fmt.Sprintf("%s: %s, just written by %s, was overwritten by %s", short(name), show(is), who(c), show(s.wrote(name))))
	}
	return out
}

// written are the attributes that the action writes, sorted.
func (s *step) written() []string {
	var names []string
	for name := range s.action.targets() {
		names = append(names, name)
	}
	for name := range s.action.Add {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (s *step) wrote(name string) audit.Value {
	if v, ok := s.action.Add[name]; ok {
		return v
	}
	return s.action.targets()[name]
}

// compare reads off the record that our change is in it, but for what others
// wrote afterwards.
func (s *step) compare(g *guard, e events, live audit.Image) (audit.Phase, string) {
	later := ""
	if n := len(e.after); n > 0 {
		later = "changed since by " + who(&e.after[n-1])
	}
	switch {
	case live.State == audit.Unknown:
		return audit.PhaseUnknown, "the log shows the write, but the record could not be read"
	case (live.State == audit.Absent) != (s.action.Do == DoDelete):
		if later == "" {
			return audit.PhaseFailed, "the log shows the write, but the record is " + live.State.String()
		}
		return audit.PhaseVerified, later
	case s.action.Do == DoDelete:
		return audit.PhaseVerified, ""
	}
	var wrong []string
	for _, name := range s.written() {
		got, ok := live.Body.Get(name), false
		if inc, add := s.action.Add[name]; add {
			sum, _ := added(g.image.Body.Get(name), inc)
			ok = s.plan.Header.Policy.same(got, sum) || len(e.before) > 0
		} else {
			ok = s.plan.Header.Policy.same(got, s.action.targets()[name])
		}
		// What is this transaction's own time, the server has assigned.
		if !ok && !stamps(got, e.ours.Time) && !s.changedSince(e, name) {
			wrong = append(wrong, fmt.Sprintf("%s is %s", short(name), show(got)))
		}
	}
	if len(wrong) > 0 {
		return audit.PhaseFailed, "the log shows the write, but in the record " + strings.Join(wrong, ", ")
	}
	return audit.PhaseVerified, later
}

// changedSince says that somebody's later change accounts for the attribute.
func (s *step) changedSince(e events, name string) bool {
	for i := range e.after {
		c := &e.after[i]
		if c.After.State != audit.Present || !s.plan.Header.Policy.same(c.After.Body.Get(name), s.wrote(name)) {
			return true
		}
	}
	return false
}
