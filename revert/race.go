package revert

import (
	"fmt"
	"slices"
	"strings"

	"recourse/audit"
)

// raced lists what others wrote between the guard and our write that ours
// destroyed.
func (s *step) raced(g *guard, e events, live audit.Image) []string {
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
	if s.action.Do == DoPatch {
		out = append(out, s.trampled(g, e)...)
		out = append(out, s.twice(g, e, live)...)
	}
	return out
}

// trampled lists what others wrote to attributes that the plan leaves alone, and
// that is gone all the same: a write of the whole record, as a put is and an
// update of the operations API on the LMDB line, puts back what it had read.
func (s *step) trampled(g *guard, e events) []string {
	if len(e.before) == 0 || e.ours.After.State != audit.Present || e.ours.After.Trust <= audit.Provisional {
		return nil
	}
	last := &e.before[len(e.before)-1]
	if last.After.State != audit.Present {
		return nil
	}
	var out []string
	others, seen := s.others(g.image.Body, last.After.Body, e.ours.After.Body), false
	p := &s.plan.Header.Policy
	for _, name := range others {
		was, is, now := g.image.Body.Get(name), last.After.Body.Get(name), e.ours.After.Body.Get(name)
		seen = seen || !p.same(was, now)
		if last.After.Trust > audit.Provisional && !p.same(was, is) && !p.same(is, now) {
			out = append(out, fmt.Sprintf("%s: %s, just written by %s, was replaced with the whole record by %s", short(name), show(is), who(last), show(now)))
		}
	}
	// Under a whole record written later, Harper shows an earlier patch with that
	// record's values: what the patch was is lost.
	if e.ours.After.Trust == audit.Exact && last.After.Trust <= audit.Provisional && !seen {
		out = append(out, "what was written just before by "+who(last)+" may have been replaced with the whole record; the log no longer shows what it was")
	}
	return out
}

// others are the attributes that the action does not write and the server does
// not assign.
func (s *step) others(bodies ...audit.Value) []string {
	skip := s.managed()
	for _, name := range s.written() {
		skip[name] = true
	}
	var names []string
	for _, b := range bodies {
		for name := range b.Fields() {
			if !skip[name] {
				skip[name] = true
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// twice finds another write by our own user beside an increment of ours, and a
// sum that is not that of one increment: an apply from another data folder would
// have made it a second time.
func (s *step) twice(g *guard, e events, live audit.Image) []string {
	once := true
	for name, inc := range s.action.Add {
		sum, _ := added(g.image.Body.Get(name), inc)
		got := live.Body.Get(name)
		once = once && (s.plan.Header.Policy.same(got, sum) || sameSum(got, sum))
	}
	if once {
		return nil
	}
	for _, c := range slices.Concat(e.before, e.after) {
		if c.User == s.options.User && c.Op.Kind() == audit.KindWrite {
			return []string{"another write by " + who(&c) + ", the user of this apply: the increment may have been made twice"}
		}
	}
	return nil
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
