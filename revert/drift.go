package revert

import (
	"fmt"
	"slices"
	"strings"

	"recourse/audit"
)

// drift compares the record with what the plan expects. An empty class says
// that it is so; ClassAlready that it is already what the plan wants.
func (s *step) drift(g *guard) (Class, string) {
	a := s.action
	switch {
	case !s.repairs && s.recent(g) != "" && slices.Contains(s.options.haltOn(), string(ClassAttackerActive)):
		return ClassAttackerActive, "written since the plan was made, by " + s.recent(g)
	case g.image.State == audit.Unknown:
		return ClassDrift, "the record could not be read"
	case a.Do == DoDelete && g.image.State == audit.Absent:
		return ClassAlready, alreadyDone
	case a.Do == DoPatch && g.image.State == audit.Absent:
		return ClassDrift, "the record is gone" + s.sinceWhen(g, "")
	case a.Do == DoInsert && g.image.State == audit.Absent:
		for _, c := range s.since(g) {
			if c.Op.Kind() == audit.KindDelete {
				return ClassDrift, "the record was deleted once more since, by " + who(&c)
			}
		}
		return "", ""
	}
	moved := s.moved(g)
	if len(moved) == 0 {
		return "", ""
	}
	if a.Do != DoDelete && len(a.Add) == 0 && len(s.differ(g.image.Body)) == 0 {
		return ClassAlready, alreadyDone
	}
	if a.Do == DoInsert {
		return ClassDrift, "the record is there again" + s.sinceWhen(g, "")
	}
	return ClassDrift, strings.Join(moved, "; ")
}

// recent names a change by a user of the selection that the plan does not know.
func (s *step) recent(g *guard) string {
	return s.attacker(s.since(g))
}

// since are the changes that the action does not know, oldest first.
func (s *step) since(g *guard) []audit.Change {
	var late []audit.Change
	for _, c := range g.trail.Changes {
		if c.Time > s.action.Expect.Version && c.Op.Kind() != audit.KindMessage {
			late = append(late, c)
		}
	}
	return late
}

// moved lists the attributes that are not as expected, and since whose change.
func (s *step) moved(g *guard) []string {
	a, p := s.action, &s.plan.Header.Policy
	if a.Do == DoInsert {
		return []string{"the record is there"}
	}
	var out []string
	say := func(name string, want, got audit.Value) {
		out = append(out, fmt.Sprintf("%s is %s, expected %s%s", short(name), show(got), show(want), s.sinceWhen(g, name)))
	}
	managed := s.managed()
	for _, name := range g.image.Body.Names() {
		want, owned := a.Expect.Owned[name]
		got := g.image.Body.Get(name)
		if s.commutes(name) && isNumber(got) && s.stayed(g, name) {
			continue
		}
		// A delete takes all of the record, so all of it must be known.
		if (owned || a.Do == DoDelete && !managed[name] || slices.Contains(a.Expect.Absent, name)) && !p.same(got, want) {
			say(name, want, got)
		}
	}
	for name, want := range a.Expect.Owned {
		if g.image.Body.Get(name) == nil && !p.same(nil, want) {
			say(name, want, nil)
		}
	}
	slices.Sort(out)
	return out
}

// commutes says that the step increments the attribute and that all others do too:
// then it does not matter what it is.
func (s *step) commutes(name string) bool {
	_, inc := s.action.Add[name]
	return inc && s.plan.Header.Policy.number(s.action.K.Table, name) == NumberCounter
}

// stayed says that the attribute was a number all the time since the plan was made.
func (s *step) stayed(g *guard, name string) bool {
	for _, c := range s.since(g) {
		if c.After.State != audit.Present || !isNumber(c.After.Body.Get(name)) {
			return false
		}
	}
	return true
}

// sinceWhen names the newest change that the plan does not know, of one attribute
// if it can be told.
func (s *step) sinceWhen(g *guard, name string) string {
	for _, c := range slices.Backward(s.since(g)) {
		if name == "" || c.After.State != audit.Present || s.plan.Header.Policy.same(c.After.Body.Get(name), g.image.Body.Get(name)) {
			return ", since " + who(&c)
		}
	}
	return ""
}

// differ lists the attributes of a record that are not what the action wants.
func (s *step) differ(body audit.Value) []string {
	var names []string
	for name, want := range s.action.targets() {
		if !s.plan.Header.Policy.same(body.Get(name), want) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
