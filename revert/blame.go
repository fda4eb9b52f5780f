package revert

import (
	"fmt"

	"recourse/audit"
)

// A Blame is one value that an attribute had, and the change that gave it.
type Blame struct {
	Evidence
	Value    audit.Value `json:"value,omitempty"` // absent: it was taken away
	Selected bool        `json:"selected"`        // it is one of the changes that are undone
	Plan     string      `json:"plan,omitempty"`  // it is our own write for this plan
	First    bool        `json:"first,omitempty"` // who gave it is not known: the history begins with it
}

// Blames is what wrote each attribute of a record, oldest first. Changes that left
// an attribute as it was, or of which no image is known, are not in it.
type Blames map[string][]Blame

// BlameOf follows a record's history. Selected says of a change whether it is one
// of those that are undone. Own are our own writes, by plan.
func BlameOf(rec *Record, selected func(audit.ChangeID) bool, own map[audit.ChangeID]string) Blames {
	all := Blames{}
	for i := range rec.Changes {
		c := &rec.Changes[i]
		if c.Op.Kind() == audit.KindMessage || c.After.State == audit.Unknown {
			continue
		}
		id := c.Identify()
		b := Blame{
			Evidence: Evidence{ID: id, Time: c.Time, User: c.User, Op: c.Op}, Selected: selected(id), Plan: own[id],
			First: c.Before.State == audit.Unknown,
		}
		for d := range audit.Differing(c.Before.Body, c.After.Body) {
			if b.First && len(all[string(d.Name)]) > 0 {
				if last := all[string(d.Name)]; last[len(last)-1].Value.Equal(d.New) {
					continue // seen before, and the same: nothing says that it was written
				}
			}
			b.Value = d.New
			all[string(d.Name)] = append(all[string(d.Name)], b)
		}
	}
	return all
}

// Filter is the plan with the lines alone that are of one record, or of one
// class; the empty key and the empty class are all. The header stays that of the
// whole plan. Without any line that fits it is an error.
func (p *Plan) Filter(key audit.Key, class Class) (*Plan, error) {
	q := &Plan{Header: p.Header}
	is := func(k audit.Key, classes ...Class) bool {
		if key != (audit.Key{}) && k != key {
			return false
		}
		for _, c := range classes {
			if class == "" || c == class {
				return true
			}
		}
		return false
	}
	for i := range p.Actions {
		a := &p.Actions[i]
		classes := append([]Class{Class(a.Do)}, a.Decided...)
		for _, at := range a.Attrs {
			classes = append(classes, at.Class)
		}
		for _, k := range a.Kept {
			classes = append(classes, k.Class)
		}
		if is(a.Key(), classes...) {
			q.Actions = append(q.Actions, *a)
		}
	}
	for i := range p.Conflicts {
		if c := &p.Conflicts[i]; is(c.Key(), c.Class) {
			q.Conflicts = append(q.Conflicts, *c)
		}
	}
	for i := range p.Kept {
		classes := []Class{p.Kept[i].Class}
		for _, k := range p.Kept[i].Kept {
			classes = append(classes, k.Class)
		}
		if k := &p.Kept[i]; is(k.Key(), classes...) {
			q.Kept = append(q.Kept, *k)
		}
	}
	if len(q.Actions)+len(q.Conflicts)+len(q.Kept) == 0 {
		return nil, fmt.Errorf("plan %s: %w", p.Header.ID, ErrNoLine)
	}
	return q, nil
}
