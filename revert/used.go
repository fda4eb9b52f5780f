package revert

import "recourse/audit"

// used is memory of lines that are encoded, for lines to come: the maps of an action
// take more work to make than what stands in them. Nil, it makes all anew.
type used struct {
	done    chan []spoolItem // encoded
	actions []*Action
	keeps   []map[string]KeptValue
}

// take looks whether more was encoded.
func (u *used) take() {
	select {
	case batch := <-u.done:
		for i := range batch {
			switch item := &batch[i]; {
			case item.action != nil:
				u.actions, u.keeps = append(u.actions, item.action), append(u.keeps, item.action.Kept)
				item.action.Kept = nil
			case item.kept != nil:
				u.keeps = append(u.keeps, item.kept.Kept)
			}
		}
	default:
	}
}

// action is an action that says nothing. Its kept values are still to come.
func (u *used) action() *Action {
	if u != nil && len(u.actions) == 0 {
		u.take()
	}
	if u == nil || len(u.actions) == 0 {
		return &Action{Set: map[string]audit.Value{}, Unset: []string{}, Add: map[string]audit.Value{}, Attrs: map[string]Attribute{},
			Expect: Expect{Owned: map[string]audit.Value{}, Absent: []string{}},
			Kept:   map[string]KeptValue{}, Blind: []Window{}, Changes: []audit.ChangeID{}, Decided: []Class{}}
	}
	last := len(u.actions) - 1
	a := u.actions[last]
	u.actions = u.actions[:last]
	clear(a.Set)
	clear(a.Add)
	clear(a.Attrs)
	clear(a.Expect.Owned)
	*a = Action{Set: a.Set, Unset: a.Unset[:0], Add: a.Add, Attrs: a.Attrs, Expect: Expect{Owned: a.Expect.Owned, Absent: a.Expect.Absent[:0]},
		Kept: map[string]KeptValue{}, Blind: []Window{}, Changes: []audit.ChangeID{}, Decided: []Class{}}
	return a
}

// kept is a map for what stays of a record.
func (u *used) kept() map[string]KeptValue {
	if u != nil && len(u.keeps) == 0 {
		u.take()
	}
	if u == nil || len(u.keeps) == 0 {
		return map[string]KeptValue{}
	}
	last := len(u.keeps) - 1
	m := u.keeps[last]
	u.keeps = u.keeps[:last]
	clear(m)
	return m
}
