package revert

import (
	"maps"
	"slices"

	"recourse/audit"
)

// decide does with what is known of a record what the policy says: a write may
// become a conflict that holds it back, and a conflict what stays.
func (p *planner) decide(r *replay, o *outcome) {
	r.noteBirth(o)
	p.decideTampered(r, o)
	p.decideAttributes(r, o)
	p.decideKept(r, o)
	p.decideConflicts(r, o)
	p.decideRecord(r, o)
}

// handling is what is done about a class: what a person decided of this very
// record before what the policy says.
func (p *planner) handling(r *replay, c Class) Handling {
	switch r.decided[c] {
	case "":
		return p.req.Policy.handling(c)
	case OptionApply:
		return HandleApply
	}
	return HandleConflict
}

// attributeClass is the class of one attribute that an action writes, and why.
// An empty one leaves nothing to decide.
func (p *planner) attributeClass(r *replay, a *Action, name string) (Class, string) {
	if a.Do == DoDelete {
		return "", ""
	}
	v := a.Set[name]
	if inc, ok := a.Add[name]; ok {
		v = inc
	}
	if class, why := r.facts.refuses(name, v); class != "" {
		return class, why
	}
	if c := a.Attrs[name].Class; c != ClassRevert {
		return c, ""
	}
	return "", ""
}

func (p *planner) decideAttributes(r *replay, o *outcome) {
	a := o.action
	if a == nil {
		return
	}
	p.names = p.names[:0]
	for name := range a.Attrs {
		p.names = append(p.names, name)
	}
	slices.Sort(p.names)
	for _, name := range p.names {
		class, why := p.attributeClass(r, a, name)
		if class == "" {
			continue
		}
		how := p.handling(r, class)
		if how == HandleApply {
			if why != "" {
				a.Notes = put(a.Notes, class, why)
			}
			continue
		}
		if a.Do == DoInsert { // it is made anew whole or not at all
			p.holdBack(r, o, class, why, how)
			return
		}
		at := a.Attrs[name]
		part := a.split(name)
		if how == HandleConflict {
			c := r.conflict(o, class, r.indices(at.By)...)
			at.Class, c.Why = class, why
			c.Attrs[name] = at
			c.Withheld = part.with(c.Withheld)
		} else {
			o.kept[name] = KeptValue{Current: at.Current, By: r.lastOf(at.By), Class: class}
		}
	}
	if len(a.Set)+len(a.Unset)+len(a.Add) == 0 && a.Do == DoPatch {
		o.action = nil
	}
}

// holdBack makes an action the withheld write of a conflict of the whole record,
// or drops it.
func (p *planner) holdBack(r *replay, o *outcome, class Class, why string, how Handling) {
	a := o.action
	o.action = nil
	if how != HandleConflict {
		o.stays, o.skipped = class, how == HandleSkip
		return
	}
	c := r.conflict(o, class, r.hostile...)
	c.Record, c.Why, c.Withheld = true, why, a
	if a != nil {
		c.Attrs = maps.Clone(a.Attrs)
	}
}

// decideTampered lists the server's own times that the attacker has set.
func (p *planner) decideTampered(r *replay, o *outcome) {
	for _, name := range sortedKeys(r.tampered) {
		i := r.tampered[name]
		current := r.record.Changes[i].After.Body.Get(name)
		if p.handling(r, ClassServerManaged) == HandleConflict {
			c := r.conflict(o, ClassServerManaged, i)
			c.Attrs[name] = Attribute{Theirs: current, By: r.ids([]int{i}), Class: ClassServerManaged, Unknown: []string{"base", "current", "target"}}
		} else {
			o.kept[name] = KeptValue{Current: current, By: r.evidence(i), Class: ClassServerManaged}
		}
	}
}

// decideKept makes conflicts of what legitimate users wrote last, if the policy
// wants that.
func (p *planner) decideKept(r *replay, o *outcome) {
	if len(o.kept) == 0 || p.handling(r, ClassSuperseded) != HandleConflict {
		return
	}
	for _, name := range sortedKeys(o.kept) {
		k := o.kept[name]
		if k.Class != ClassSuperseded {
			continue
		}
		c := r.conflict(o, ClassSuperseded)
		c.Evidence = append(c.Evidence, k.By)
		at := Attribute{Current: k.Current, By: []audit.ChangeID{}, Class: ClassSuperseded, Unknown: []string{"base", "target"}}
		if cell := r.cells.get(name); cell != nil && cell.hit {
			at = r.attribute(cell, ClassSuperseded)
		}
		c.Attrs[name] = at
		delete(o.kept, name)
	}
}

// decideConflicts drops the conflicts of which the policy says that all stays as
// it is.
func (p *planner) decideConflicts(r *replay, o *outcome) {
	for _, class := range sortedKeys(o.conflicts) {
		how := p.handling(r, class)
		if how != HandleKeep && how != HandleSkip {
			continue
		}
		c := o.conflicts[class]
		delete(o.conflicts, class)
		o.stays, o.skipped = class, o.skipped || how == HandleSkip
		for name, at := range c.Attrs {
			o.kept[name] = KeptValue{Current: at.Current, By: c.Evidence[len(c.Evidence)-1], Class: class}
		}
	}
	if o.stays != "" && o.action != nil && o.skipped {
		o.action.Notes = put(o.action.Notes, o.stays, "a part of the record is left as it is, as the policy says")
	}
}

// A remark is a class of the record as a whole.
type remark struct {
	class    Class
	why      string
	evidence []int
}

func (p *planner) decideRecord(r *replay, o *outcome) {
	var held []*Conflict
	for _, n := range p.remarks(r, o) {
		switch how := p.handling(r, n.class); how {
		case HandleApply:
			if o.action != nil {
				o.action.Notes = put(o.action.Notes, n.class, n.why)
			}
		case HandleConflict:
			c := r.conflict(o, n.class, n.evidence...)
			c.Record, c.Why = true, n.why
			held = append(held, c)
		default:
			o.stays, o.skipped = n.class, o.skipped || how == HandleSkip
			o.action = nil
		}
	}
	for _, c := range held {
		if c.Withheld = o.action; o.action != nil {
			c.Attrs = maps.Clone(o.action.Attrs)
		}
	}
	if len(held) > 0 {
		o.action, o.stays, o.skipped = nil, "", false
	}
}

func (p *planner) remarks(r *replay, o *outcome) []remark {
	var all []remark
	t := r.record.Key.Table
	if o.action != nil {
		switch {
		case p.req.Schema != nil && r.facts == nil:
			all = append(all, remark{ClassSchema, "the table is not there any more, or this user may not see it", r.hostile})
		case r.facts != nil && r.facts.Sourced:
			all = append(all, remark{ClassSourcedTable, "what is written to " + t.String() + " is sent to its source first", r.hostile})
		}
		if r.facts != nil && r.facts.Expires && o.action.Do == DoInsert {
			all = append(all, remark{ClassExpired, "records of " + t.String() + " end by themselves, and this one may have", r.hostile})
		}
	}
	if p.req.Policy.Strict != StrictAttribute && (o.action != nil || len(o.conflicts) == 0 && len(o.kept) > 0) {
		if later := r.laterLegit(); len(later) > 0 {
			all = append(all, remark{ClassLaterWrite, "", later})
		}
	}
	return all
}

// laterLegit are the legitimate changes since the first hostile one.
func (r *replay) laterLegit() []int {
	var later []int
	for _, i := range r.past {
		if len(r.hostile) > 0 && i > r.hostile[0] && r.actors[i].side == legit {
			later = append(later, i)
		}
	}
	return later
}

// indices are the places in the history of some of its changes.
func (r *replay) indices(ids []audit.ChangeID) []int {
	var out []int
	for _, i := range r.past {
		if slices.Contains(ids, r.known[i]) {
			out = append(out, i)
		}
	}
	return out
}

// lastOf is the newest of some of the history's changes.
func (r *replay) lastOf(ids []audit.ChangeID) Evidence {
	if at := r.indices(ids); len(at) > 0 {
		return r.evidence(at[len(at)-1])
	}
	return Evidence{}
}
