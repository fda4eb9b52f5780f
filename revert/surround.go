package revert

import (
	"context"
	"maps"
	"slices"

	"recourse/audit"
)

// surroundings settles what is known only when all records are: what holds one
// write back may be a reason to hold another back.
func (p *planner) surroundings(ctx context.Context) error {
	d := newDangling(p)
	if err := d.look(ctx); err != nil {
		return err
	}
	gone := map[int]bool{}   // actions that are held back
	others := map[int]bool{} // ... for another reason than what they refer to
	for {
		before := len(gone) + d.found()
		if err := d.decide(ctx, gone); err != nil {
			return err
		}
		found := maps.Clone(gone)
		if err := p.txns.decide(p, gone, d.blocks); err != nil {
			return err
		}
		for i := range gone {
			if !found[i] {
				others[i] = true
			}
		}
		if len(gone)+d.found() == before {
			break
		}
	}
	if err := d.settle(others, gone); err != nil {
		return err
	}
	p.notes = append(p.notes, d.warnings()...)
	kept := p.plan.Actions[:0]
	for i := range p.plan.Actions {
		if !gone[i] {
			kept = append(kept, p.plan.Actions[i])
		}
	}
	p.plan.Actions = kept
	if circle := d.refs.order(p.plan.Actions); circle > 0 {
		p.notes = append(p.notes, circular(circle))
	}
	return nil
}

// A writtenBy is an attribute that an action writes.
type writtenBy struct {
	action int
	attr   string
}

// surround does with an action what is said of a class that surrounds it.
func (p *planner) surround(i int, class Class, why string, evidence []Evidence, gone map[int]bool) error {
	a := &p.plan.Actions[i]
	switch p.req.Policy.handling(class) {
	case HandleApply:
		a.Notes = put(a.Notes, class, why)
		return nil
	case HandleConflict:
		c := a.heldBack(class, why, evidence)
		applied, err := p.decided(c)
		p.plan.Conflicts = append(p.plan.Conflicts, *c)
		if err != nil || applied {
			a.Decided = append(a.Decided, class)
			return err
		}
	default:
		p.keepInstead(a, class)
	}
	gone[i] = true
	return nil
}

// surroundPart is surround for some attributes of a patch that writes others too.
func (p *planner) surroundPart(i int, attrs []string, class Class, why string, evidence []Evidence) error {
	a := &p.plan.Actions[i]
	how := p.req.Policy.handling(class)
	if how == HandleApply {
		a.Notes = put(a.Notes, class, why)
		return nil
	}
	rest := a.copied()
	var part *Action
	for _, attr := range attrs {
		if how != HandleConflict {
			rest.Kept[attr] = KeptValue{Current: a.Attrs[attr].Current, By: p.by[writtenBy{i, attr}], Class: class}
			p.plan.Header.Counts.Kept++
		}
		part = rest.split(attr).with(part)
	}
	if how == HandleConflict {
		part.Blind, part.Changes, part.Undone, part.History = a.Blind, a.Changes, a.Undone, a.History
		c := part.heldBack(class, why, evidence)
		c.Record, c.Withheld.Undone = false, nil
		applied, err := p.decided(c)
		p.plan.Conflicts = append(p.plan.Conflicts, *c)
		if err != nil || applied {
			a.Decided = append(a.Decided, class)
			return err
		}
	}
	*a = *rest
	return nil
}

// copied is the action with maps of its own for what split takes from.
func (a *Action) copied() *Action {
	b := *a
	b.Set, b.Add, b.Attrs, b.Kept = maps.Clone(a.Set), maps.Clone(a.Add), maps.Clone(a.Attrs), maps.Clone(a.Kept)
	b.Unset = slices.Clone(a.Unset)
	b.Expect.Owned, b.Expect.Absent = maps.Clone(a.Expect.Owned), slices.Clone(a.Expect.Absent)
	if b.Kept == nil {
		b.Kept = map[string]KeptValue{}
	}
	return &b
}

// heldBack is a conflict that holds an action back.
func (a *Action) heldBack(class Class, why string, evidence []Evidence) *Conflict {
	held := *a
	held.Kept, held.Blind, held.Changes, held.History = map[string]KeptValue{}, []Window{}, []audit.ChangeID{}, ""
	options := class.options()
	evidence = slices.Clone(evidence)
	slices.SortFunc(evidence, compareEvidence)
	if evidence == nil {
		evidence = []Evidence{}
	}
	return &Conflict{Kind: "conflict", K: a.K, Class: class, Record: true, Why: why, Attrs: maps.Clone(a.Attrs),
		Options: options, Default: options[0], Evidence: evidence, Withheld: &held,
		Blind: a.Blind, Changes: a.Changes, Undone: a.Undone, Version: a.Expect.Version, History: a.History}
}

// keepInstead lists the record of an action that is not carried out because the
// policy says so of a class.
func (p *planner) keepInstead(a *Action, class Class) {
	k := Kept{Kind: "kept", K: a.K, Class: class, Kept: a.Kept, Blind: a.Blind, Changes: a.Changes, Undone: a.Undone, Version: a.Expect.Version, History: a.History}
	if p.req.Policy.handling(class) == HandleSkip {
		k.Changes, k.Undone = []audit.ChangeID{}, nil
	}
	p.plan.Kept = append(p.plan.Kept, k)
}

// decided takes the decision on a conflict, if there is one, and says whether it
// is that the write is made.
func (p *planner) decided(c *Conflict) (bool, error) {
	d := p.decisions[c.Key()][c.Class]
	if d == nil {
		return false, nil
	}
	if err := d.fits(c); err != nil {
		return false, err
	}
	resolution := d.Resolution
	c.Resolution = &resolution
	delete(p.decisions[c.Key()], c.Class)
	return d.Option == OptionApply, nil
}

// refer remembers of a record what is needed to look at references later.
func (p *planner) refer(r *replay, o *outcome) {
	if len(p.refs) == 0 {
		return
	}
	if o.action != nil {
		p.clusters = append(p.clusters, r.record.Changes[0].Cluster)
		for _, ref := range p.refs[r.record.Key.Table] {
			if at, writes := o.action.Attrs[ref.attr]; writes {
				p.by = put(p.by, writtenBy{len(p.plan.Actions), ref.attr}, r.lastOf(at.By))
			}
		}
	} else if r.actual == audit.Absent && len(p.refs.into(r.record.Key.Table)) > 0 {
		p.absent = put(p.absent, r.record.Key, r.record.Changes[0].Cluster)
	}
}
