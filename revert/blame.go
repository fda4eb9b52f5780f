package revert

import (
	"slices"

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

// A LineFilter says which lines of a plan are asked for: those of one record, or
// of one class. Its zero value is all of them.
type LineFilter struct {
	Key   audit.Key
	Class Class // or what an action does, such as insert
}

// Fits says whether the line is asked for. The header always is.
func (f LineFilter) Fits(l PlanLine) bool {
	switch {
	case l.Action != nil:
		classes := append([]Class{Class(l.Action.Do)}, l.Action.Decided...)
		for _, at := range l.Action.Attrs {
			classes = append(classes, at.Class)
		}
		return f.is(l.Action.Key(), append(classes, classesOf(l.Action.Kept)...))
	case l.Conflict != nil:
		return f.is(l.Conflict.Key(), []Class{l.Conflict.Class})
	case l.Kept != nil:
		return f.is(l.Kept.Key(), append(classesOf(l.Kept.Kept), l.Kept.Class))
	case l.Containment != nil:
		return f.is(accountKey(l.Containment.User), []Class{Class(l.Containment.Do)})
	}
	return true
}

func classesOf(kept map[string]KeptValue) []Class {
	var classes []Class
	for _, k := range kept {
		classes = append(classes, k.Class)
	}
	return classes
}

func (f LineFilter) is(key audit.Key, classes []Class) bool {
	return (f.Key == audit.Key{} || f.Key == key) && (f.Class == "" || slices.Contains(classes, f.Class))
}
