package revert

import (
	"fmt"
	"slices"
	"strings"

	"recourse/audit"
)

// A loss is what our write took from somebody who wrote at the same moment.
type loss struct {
	class Class
	name  string      // the attribute; empty: it is about the record as a whole
	value audit.Value // what it was, or the record
	known bool        // value can be relied on, so it can be written back
	left  audit.Value // what our write has put in its place
	why   string
}

func whyLost(losses []loss) string {
	var out []string
	for _, l := range losses {
		out = append(out, l.why)
	}
	return strings.Join(out, "; ")
}

// raced lists what others wrote between the guard and our write that ours took.
func (s *step) raced(g *guard, e events, live audit.Image) []loss {
	var out []loss
	body := g.image.Body
	for i := range e.before {
		c := &e.before[i]
		switch {
		case c.Op.Kind() == audit.KindDelete:
			out = nil // what was taken from others, they have lost anyway
			if s.action.Do != DoDelete {
				out = []loss{{class: ClassHalfBack, known: true, why: "deleted just before by " + who(c) + s.revived()}}
			}
			body = nil
			continue
		case s.action.Do == DoDelete:
			whole := c.After.State == audit.Present && c.After.Trust > audit.Provisional
			out = []loss{{class: ClassLostRace, value: c.After.Body, known: whole,
				why: "the delete has destroyed what was written by " + who(c) + ": " + show(c.After.Body)}}
		case c.After.State != audit.Present:
			out = append(out, loss{class: ClassLostRace,
				why: "what was written just before by " + who(c) + " cannot be read; it may have been overwritten"})
		default:
			anew := body == nil && c.Op != audit.OpPatch
			if anew {
				out = nil
			}
			out = s.overwritten(g, e, body, anew, c, out)
		}
		body = c.After.Body
	}
	if s.action.Do == DoPatch {
		out = append(out, s.hidden(e)...)
		out = append(out, s.trampled(g, e)...)
		out = append(out, s.twice(g, e, live)...)
	}
	return out
}

// revived says what became of a record that was deleted just before.
func (s *step) revived() string {
	if s.action.Do == DoPatch {
		return ": the patch has brought a part of the record back"
	}
	return ": the insert has brought the record back"
}

// trampled lists what others wrote to attributes that the plan leaves alone, and
// that is gone all the same: a write of the whole record, as a put is and an
// update of the operations API on the LMDB line, puts back what it had read.
func (s *step) trampled(g *guard, e events) []loss {
	if len(e.before) == 0 || e.ours.After.State != audit.Present || e.ours.After.Trust <= audit.Provisional {
		return nil
	}
	last := &e.before[len(e.before)-1]
	if last.After.State != audit.Present {
		return nil
	}
	var out []loss
	p := &s.plan.Header.Policy
	for _, name := range s.others(g.image.Body, last.After.Body, e.ours.After.Body) {
		was, is, now := g.image.Body.Get(name), last.After.Body.Get(name), e.ours.After.Body.Get(name)
		if last.After.Trust > audit.Provisional && !p.same(was, is) && !p.same(is, now) {
			out = append(out, loss{class: ClassClobbered, name: name, value: is, known: !is.RawOp(), left: now,
				why: fmt.Sprintf("%s: %s, just written by %s, was replaced with the whole record by %s", short(name), show(is), who(last), show(now))})
		}
	}
	return out
}

// hidden finds a patch of the same moment that the log no longer shows as it was.
func (s *step) hidden(e events) []loss {
	c := veiled(slices.Concat(e.before, []audit.Change{*e.ours}, e.after))
	if c == nil || c.Time >= e.ours.Time {
		return nil
	}
	return []loss{{class: ClassClobbered,
		why: "what was written just before by " + who(c) + " may have been overwritten; the log no longer shows what it was"}}
}

// veiled is the first patch under a whole record that was written later: Harper
// shows it with that record's values. Nil: there is none.
func veiled(changes []audit.Change) *audit.Change {
	for i := range changes {
		c := &changes[i]
		if c.After.State == audit.Present && c.After.Trust <= audit.Provisional &&
			slices.ContainsFunc(changes[i+1:], func(l audit.Change) bool { return l.After.State == audit.Present && l.After.Trust == audit.Exact }) {
			return c
		}
	}
	return nil
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
func (s *step) twice(g *guard, e events, live audit.Image) []loss {
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
			return []loss{{class: ClassDuplicate, why: "another write by " + who(&c) + ", the user of this apply: the increment may have been made twice"}}
		}
	}
	return nil
}

// overwritten compares a change of somebody's with the attributes we wrote, and
// adds what it lost to the losses of the changes before. A record that was made
// anew has all of its attributes from that change.
func (s *step) overwritten(g *guard, e events, body audit.Value, anew bool, c *audit.Change, out []loss) []loss {
	p := &s.plan.Header.Policy
	for _, name := range s.written() {
		was, is := body.Get(name), c.After.Body.Get(name)
		if p.same(was, is) && !anew {
			continue
		}
		_, inc := s.action.Add[name]
		switch {
		case s.commutes(name) && isNumber(is) && isNumber(was):
			continue
		case !inc && p.same(is, s.wrote(name)):
			// The two wrote the same: what was lost before is not wanted any more.
			out = slices.DeleteFunc(out, func(l loss) bool { return l.name == name })
			continue
		}
		known := !inc && !is.RawOp() && (c.After.Trust > audit.Provisional || s.new(g, e, name, c))
		out = append(out, loss{class: ClassLostRace, name: name, value: is, known: known, left: s.wrote(name),
			why: fmt.Sprintf("%s: %s, just written by %s, was overwritten by %s", short(name), show(is), who(c), show(s.wrote(name)))})
	}
	return out
}

// new says that the value which a change shows was never seen in the attribute but
// there. The image of a patch that was read late may have null, an earlier or a
// later value for what the patch did not write.
func (s *step) new(g *guard, e events, name string, c *audit.Change) bool {
	p, v, story := &s.plan.Header.Policy, c.After.Body.Get(name), s.action.Attrs[name]
	seen := []audit.Value{nil, g.image.Body.Get(name), story.Base, story.Theirs, story.Current, story.Target}
	for _, other := range slices.Concat(g.trail.Changes, e.before, e.after) {
		if other.ID != c.ID {
			seen = append(seen, other.After.Body.Get(name))
		}
	}
	return !slices.ContainsFunc(seen, func(old audit.Value) bool { return p.same(old, v) })
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
func (s *step) compare(v *verdict, e events, live audit.Image) {
	if n := len(e.after); n > 0 {
		v.class, v.why = ClassSupersededAfter, "changed since by "+who(&e.after[n-1])
	} else if len(e.before) > 0 || s.guard.version > s.action.Expect.Version {
		v.class = ClassRebased
	}
	fail := func(phase audit.Phase, why string) {
		v.phase, v.class, v.why, v.unsettled = phase, "", "the log shows the write, but "+why, true
	}
	switch {
	case live.State == audit.Unknown:
		fail(audit.PhaseUnknown, "the record could not be read")
		return
	case (live.State == audit.Absent) != (s.action.Do == DoDelete):
		if len(e.after) == 0 {
			fail(audit.PhaseFailed, "the record is "+live.State.String())
		}
		return
	case s.action.Do == DoDelete:
		return
	}
	if wrong := s.wrong(e, live.Body); len(wrong) > 0 {
		fail(audit.PhaseFailed, "in the record "+strings.Join(wrong, ", "))
	}
}

// wrong lists attributes that are not as we wrote them, and which nobody else
// accounts for.
func (s *step) wrong(e events, live audit.Value) []string {
	var out []string
	p := &s.plan.Header.Policy
	for _, name := range s.written() {
		got, ok := live.Get(name), false
		if inc, add := s.action.Add[name]; add {
			sum, _ := added(s.guard.image.Body.Get(name), inc)
			ok = p.same(got, sum) || sameSum(got, sum) || len(e.before) > 0
		} else {
			ok = p.same(got, s.action.targets()[name])
		}
		// What is this transaction's own time, the server has assigned.
		if !ok && !audit.Stamps(got, e.ours.Time) && !s.changedSince(e, name) {
			out = append(out, fmt.Sprintf("%s is %s", short(name), show(got)))
		}
	}
	return out
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
