package rules

import (
	"cmp"
	"slices"

	"recourse/audit"
)

// A placement is what the cheap part of a rule's match depends on.
type placement struct {
	op    audit.Op
	table audit.Table
}

// A shelf is the rules that look at such operations on such tables, by what their
// conditions ask of a change besides: those that take any, those of a user, and
// those of an attribute that changes, known or told by its name.
type shelf struct {
	counted bool // a rule wants to know how many records the table has

	any  []*ruleState
	user map[string][]*ruleState
	attr map[string][]*ruleState

	named  []*ruleState
	byName map[string][]*ruleState // of attr and named, those that an attribute is for; as they were seen
}

// candidates are the rules that can have anything to do with a change, in the
// order of the set.
func (e *Engine) candidates(c *audit.Change) []*ruleState {
	s := e.shelf(placement{c.Op, c.Key.Table})
	if s.user == nil && s.byName == nil {
		return s.any
	}
	e.met = append(e.met[:0], s.any...)
	e.met = append(e.met, s.user[c.User]...)
	switch {
	case s.byName == nil:
	case c.Before.State == audit.Unknown || c.After.State == audit.Unknown: // any may have changed
		for _, rules := range s.attr {
			e.met = append(e.met, rules...)
		}
		e.met = append(e.met, s.named...)
	default:
		e.facts.ready()
		for i := range e.facts.changed {
			e.met = append(e.met, s.of(e.facts, &e.facts.changed[i])...)
		}
	}
	if len(e.met) > len(s.any) {
		slices.SortFunc(e.met, func(a, b *ruleState) int { return cmp.Compare(a.rank, b.rank) })
		e.met = slices.Compact(e.met)
	}
	return e.met
}

// of is the rules that an attribute is for.
func (s *shelf) of(f *facts, el *element) []*ruleState {
	if found, seen := s.byName[string(el.text)]; seen {
		return found
	}
	name := string(el.text)
	found := slices.Clone(s.attr[name])
	for _, r := range s.named {
		if r.where.named(f, el) != no {
			found = append(found, r)
		}
	}
	if len(s.byName) >= mostRemembered {
		clear(s.byName)
	}
	s.byName[name] = found
	return found
}

// shelf is that of a placement, made when it is first asked for.
func (e *Engine) shelf(p placement) *shelf {
	if s := e.index[p]; s != nil {
		return s
	}
	s := &shelf{counted: slices.ContainsFunc(e.fractions, func(r *ruleState) bool { return r.match.table(p.table) })}
	for _, r := range e.rules {
		if r.place(p.op, p.table) && placed(r.needs(), p) {
			s.add(r)
		}
	}
	if len(e.index) >= mostRemembered { // tables are few, unless somebody makes them up
		clear(e.index)
	}
	e.index[p] = s
	return s
}

// add puts a rule where it is met least.
func (s *shelf) add(r *ruleState) {
	if users, ok := neededOf(r.needs(), "user"); ok {
		for _, u := range users {
			put(&s.user, u, r)
		}
		return
	}
	if attrs, ok := neededOf(r.needs(), "attr"); ok {
		for _, a := range attrs {
			put(&s.attr, a, r)
		}
		s.byName = map[string][]*ruleState{}
		return
	}
	if r.where != nil && r.where.named != nil {
		s.named, s.byName = append(s.named, r), map[string][]*ruleState{}
		return
	}
	s.any = append(s.any, r)
}

func put(to *map[string][]*ruleState, key string, r *ruleState) {
	if *to == nil {
		*to = map[string][]*ruleState{}
	}
	if !slices.Contains((*to)[key], r) {
		(*to)[key] = append((*to)[key], r)
	}
}

// neededOf are the values that a change must have one of in a field.
func neededOf(needs []Need, field string) ([]string, bool) {
	i := slices.IndexFunc(needs, func(n Need) bool { return n.Field == field })
	if i < 0 {
		return nil, false
	}
	return needs[i].Values, true
}

// placed says that changes of the placement can be what a condition needs.
func placed(needs []Need, p placement) bool {
	for _, n := range needs {
		value := ""
		switch n.Field {
		case "op":
			value = string(p.op)
		case "kind":
			value = string(p.op.Kind())
		case "db":
			value = p.table.Database
		case "table":
			value = p.table.String()
		default:
			continue
		}
		if !slices.Contains(n.Values, value) {
			return false
		}
	}
	return true
}

// needs are what the rule's condition asks of every change of which it holds.
func (r *Rule) needs() []Need {
	if r.where == nil {
		return nil
	}
	return r.where.needs
}
