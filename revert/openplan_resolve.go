package revert

import "recourse/audit"

// Conflicts are the outline with all of the plan's conflicts, to decide them.
func (p *OpenedPlan) Conflicts() (*Plan, error) {
	const conflicts = 1 // of stages
	all := &Plan{Header: p.Outline.Header, Containment: p.Outline.Containment}
	for l, err := range p.linesOf(conflicts, conflicts) {
		if err != nil {
			return nil, err
		}
		all.Take(l)
	}
	return all, nil
}

// ids are, of the changes that a line is about, those that it undoes, and those for
// which it takes earlier applies back.
func (l *PlanLine) ids() (changes, undone []audit.ChangeID) {
	switch {
	case l.Action != nil:
		return l.Action.Changes, l.Action.Undone
	case l.Conflict != nil:
		return l.Conflict.Changes, l.Conflict.Undone
	case l.Kept != nil:
		return l.Kept.Changes, l.Kept.Undone
	}
	return nil, nil
}

// Selected is the selection that the plan was made of, as Plan.Selected has it.
func (p *OpenedPlan) Selected() (*Selection, error) {
	var ids []audit.ChangeID
	for l, err := range p.Lines() {
		if err != nil {
			return nil, err
		}
		changes, _ := l.ids()
		ids = append(ids, changes...)
	}
	return p.Outline.Header.selectedOf(ids)
}

// TakesBack is what the plan takes back of earlier applies.
func (p *OpenedPlan) TakesBack() (Undo, error) {
	u := (&Plan{Header: p.Outline.Header}).TakesBack()
	if !p.takesBack {
		return u, nil
	}
	for l, err := range p.Lines() {
		if err != nil {
			return u, err
		}
		_, undone := l.ids()
		u.Changes = append(u.Changes, undone...)
	}
	u.sort()
	return u, nil
}
