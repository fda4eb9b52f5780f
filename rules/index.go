package rules

import (
	"cmp"
	"slices"

	"recourse/audit"
)

// A shelf is the rules that look at changes of a placement, by what their conditions
// ask of a change besides: those that take any, those of a user, those of an attribute
// that changes, known or told by its name, and those that are told by what it holds.
type shelf struct {
	number  uint32
	said    *labelled // of the table
	counted bool      // a rule wants to know how many records the table has

	any  []*ruleState
	user map[string][]*ruleState
	attr map[string][]*ruleState

	named  []admission
	byName map[string][]admission // of attr and named, those that an attribute is for; as they were seen

	shaped []admission // of any attribute whose values are so
	texts  []admission // of a text in what was written

	inputs map[*ruleState]uint16 // of rules with inputs: which of them can be such changes, a bit for each
}

// An admission is a rule and what an element has to have for it.
type admission struct {
	r *ruleState
	gate
}

// gated says that what there is to a rule depends on the values of a change.
func (s *shelf) gated() bool { return s.byName != nil || len(s.shaped) > 0 || len(s.texts) > 0 }

// candidates are the rules that can have anything to do with a change, in the
// order of the set.
func (e *Engine) candidates(c *audit.Change, s *shelf) []*ruleState {
	if s.user == nil && !s.gated() {
		return s.any
	}
	e.met = append(e.met[:0], s.any...)
	e.met = append(e.met, s.user[c.User]...)
	switch {
	case !s.gated():
	case c.Before.State == audit.Unknown || c.After.State == audit.Unknown: // any may have changed
		e.meetAll(s)
	default:
		e.meet(s)
	}
	if len(e.met) > len(s.any) {
		slices.SortFunc(e.met, func(a, b *ruleState) int { return cmp.Compare(a.rank, b.rank) })
		e.met = slices.Compact(e.met)
	}
	return e.met
}

func (e *Engine) meetAll(s *shelf) {
	for _, rules := range s.attr {
		e.met = append(e.met, rules...)
	}
	for _, all := range [][]admission{s.named, s.shaped, s.texts} {
		for i := range all {
			e.met = append(e.met, all[i].r)
		}
	}
}

// meet adds the rules that what changed admits.
func (e *Engine) meet(s *shelf) {
	e.facts.ready()
	for i := range e.facts.changed {
		el := &e.facts.changed[i]
		var admits []admission
		if s.byName != nil {
			admits = s.of(e.facts, el)
		}
		if len(admits)+len(s.shaped) == 0 {
			continue
		}
		has := e.facts.words.features(el)
		e.admit(admits, has)
		e.admit(s.shaped, has)
	}
	if len(s.texts) == 0 {
		return
	}
	for may, i := e.facts.mayMatch(), 0; may != 0 && i < len(s.texts); i++ {
		if s.texts[i].texts&may != 0 {
			e.met = append(e.met, s.texts[i].r)
		}
	}
}

func (e *Engine) admit(all []admission, has features) {
	for i := range all {
		if a := &all[i]; a.needs&^has == 0 {
			e.met = append(e.met, a.r)
		}
	}
}

// of is the rules that an attribute is for.
func (s *shelf) of(f *facts, el *element) []admission {
	last := &el.name.shelves[s.number%uint32(len(el.name.shelves))]
	if last.shelf == s {
		return last.admits
	}
	found, seen := s.byName[string(el.text)]
	if !seen {
		found = s.findAdmitted(f, el)
	}
	last.shelf, last.admits = s, found
	return found
}

func (s *shelf) findAdmitted(f *facts, el *element) []admission {
	name := string(el.text)
	var found []admission
	for _, r := range s.attr[name] {
		found = append(found, admission{r: r})
	}
	for _, a := range s.named {
		if a.named(f, el) != no {
			found = append(found, a)
		}
	}
	if len(s.byName) >= mostRemembered {
		clear(s.byName)
	}
	s.byName[name] = found
	return found
}

// fill makes the shelf of a placement, which the change at hand has.
func (e *Engine) fill(p placement) *shelf {
	e.shelves++
	s := &shelf{number: e.shelves, said: e.facts.table(), inputs: map[*ruleState]uint16{},
		counted: slices.ContainsFunc(e.fractions, func(r *ruleState) bool { return r.match.table(p.table) })}
	for _, r := range e.rules {
		if !r.place(p.op, p.table) {
			continue
		}
		for i := range r.inputs {
			if in := &r.inputs[i]; in.ref == "" && in.match.place(p.op, p.table) && e.fits(in.where, p) {
				s.inputs[r] |= 1 << i
			}
		}
		switch {
		case e.opts.open:
			s.any = append(s.any, r)
		case e.fits(r.where, p):
			s.add(r)
		}
	}
	return s
}

// fits says that a condition can hold of changes of the placement, as far as that
// alone decides it.
func (e *Engine) fits(x *expression, p placement) bool {
	if x == nil || e.opts.open {
		return true
	}
	unknown := p.before == audit.Unknown || p.after == audit.Unknown
	return placed(x.needs, p) && (unknown || x.fixed == nil || x.fixed(e.facts, nil) != no)
}

// add puts a rule where it is met least: by what its condition asks for or, if that
// is nothing, by what one of its inputs does.
func (s *shelf) add(r *ruleState) {
	if r.inputs == nil || r.where != nil {
		s.put(r, r.where)
		return
	}
	for i := range r.inputs {
		if s.inputs[r]&(1<<i) != 0 {
			s.put(r, r.inputs[i].where)
		}
	}
}

func (s *shelf) put(r *ruleState, x *expression) {
	if x == nil {
		s.always(r)
		return
	}
	if users, ok := neededOf(x.needs, "user"); ok {
		for _, u := range users {
			put(&s.user, u, r)
		}
		return
	}
	if attrs, ok := neededOf(x.needs, "attr"); ok {
		for _, a := range attrs {
			put(&s.attr, a, r)
		}
		s.byName = map[string][]admission{}
		return
	}
	if x.gates == nil {
		s.always(r)
	}
	for _, g := range x.gates {
		switch {
		case g.named != nil:
			s.named, s.byName = append(s.named, admission{r, g}), map[string][]admission{}
		case g.needs != 0:
			s.shaped = append(s.shaped, admission{r, g})
		default:
			s.texts = append(s.texts, admission{r, g})
		}
	}
}

// always puts a rule where it is met with every change, once.
func (s *shelf) always(r *ruleState) {
	if n := len(s.any); n == 0 || s.any[n-1] != r {
		s.any = append(s.any, r)
	}
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
