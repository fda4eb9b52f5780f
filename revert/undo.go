package revert

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"recourse/audit"
)

// ErrNothingToUndo says that of an apply nothing is left to take back, or for a
// redo that nothing of it was taken back.
var ErrNothingToUndo = errors.New("there is nothing to take back")

// ErrBehind says that the stored history lacks writes of our own, so that a plan
// would take a record for what it no longer is.
var ErrBehind = errors.New("the history is behind")

// UndoOf is what it means to take an apply back: its part in the ledger no longer
// counts, as far as it still did. The apply may itself be an undo.
func UndoOf(l *audit.Ledger, plan string) (Undo, error) {
	u, stands := Undo{Purpose: audit.PurposeUndo, Plans: []string{plan}}, l.Standing()
	for _, id := range l.Of(plan) {
		if stands(plan, id) {
			u.Changes = append(u.Changes, id)
		}
	}
	if len(u.Changes) == 0 && len(l.OwnOf(plan)) == 0 {
		return u, u.Nothing()
	}
	return u, nil
}

// Nothing is the error for an undo that has nothing to take back. That of an apply
// which has none but writes that it could not enter is known only when a plan
// was made.
func (u *Undo) Nothing() error {
	return fmt.Errorf("undo apply %s: %w: it has undone no change, or has been taken back", ShortPlan(u.Plans[0]), ErrNothingToUndo)
}

// RedoOf is what it means to do an apply again that was taken back, in whole or
// for some records: that is taken back.
func RedoOf(l *audit.Ledger, plan string) (Undo, error) {
	u, stands := Undo{Purpose: audit.PurposeRedo}, l.Standing()
	plans := map[string]bool{}
	for _, id := range l.Of(plan) {
		if stands(plan, id) {
			continue
		}
		u.Changes = append(u.Changes, id)
		for _, p := range l.Redoes(plan, id) {
			plans[p] = true
		}
	}
	u.Plans = slices.Sorted(maps.Keys(plans))
	if len(u.Changes) == 0 {
		return u, fmt.Errorf("redo apply %s: %w: nothing of it was taken back", ShortPlan(plan), ErrNothingToUndo)
	}
	return u, nil
}

// check refuses what no planner makes: something is taken back, and nothing of
// which.
func (u Undo) check() error {
	switch {
	case !slices.Contains([]string{"", audit.PurposeUndo, audit.PurposeRedo, audit.PurposeRestore}, u.Purpose):
		return fmt.Errorf("purpose %.20q is not known", u.Purpose)
	case u.Since != 0 && u.Purpose != audit.PurposeRestore, len(u.Plans) > 0 && u.Purpose == "":
		return errors.New("it takes something back, and does not say so")
	case len(u.Changes) > 0 && len(u.Plans) == 0:
		return errNamesNoApply
	}
	return nil
}

// Suspects are the users of the selection, with how many of its changes are
// theirs. Of a restore, which undoes whatever was done, nobody is one.
func (p *Plan) Suspects() map[string]int {
	if p.Header.Purpose == audit.PurposeRestore {
		return nil
	}
	return p.Header.Selection.Users
}

// TakesBack is what the plan takes back of earlier applies.
func (p *Plan) TakesBack() Undo {
	h := &p.Header
	u := Undo{Purpose: h.Purpose, Plans: h.Undoes, Since: h.Since}
	for i := range p.Actions {
		u.Changes = append(u.Changes, p.Actions[i].Undone...)
	}
	for i := range p.Conflicts {
		u.Changes = append(u.Changes, p.Conflicts[i].Undone...)
	}
	for i := range p.Kept {
		u.Changes = append(u.Changes, p.Kept[i].Undone...)
	}
	u.sort()
	return u
}

func (u *Undo) sort() {
	slices.SortFunc(u.Changes, compareIDs)
	u.Changes = slices.Compact(u.Changes)
}

// Involved are the changes whose records a plan that takes applies back has to
// look at: those that they are about, and the writes that they made. A write of
// theirs that is not stored yet is ErrBehind.
func (u *Undo) Involved(ctx context.Context, src Source, l *audit.Ledger) ([]audit.ChangeID, error) {
	ids := slices.Clone(u.Changes)
	for _, plan := range u.Plans {
		ids = append(ids, l.OwnOf(plan)...)
	}
	return ids, CheckRead(ctx, src, l, u.Plans...)
}

// CheckRead makes sure that what the applies of some plans have written has been
// read from Harper's log; else it fails with ErrBehind. Without plans it is about
// all applies.
func CheckRead(ctx context.Context, src Source, l *audit.Ledger, plans ...string) error {
	var writes []audit.ChangeID
	for id, plan := range l.Own {
		if len(plans) == 0 || slices.Contains(plans, plan) {
			writes = append(writes, id)
		}
	}
	keys, err := src.KeysOf(ctx, writes)
	if err != nil {
		return fmt.Errorf("look up writes of applies: %w", err)
	}
	unread, of := 0, ""
	for i, k := range keys {
		if k == (audit.Key{}) {
			unread, of = unread+1, max(of, l.Own[writes[i]])
		}
	}
	if unread > 0 {
		return fmt.Errorf("plan from the ledger: %w: %d writes of earlier applies, such as %s, have not been read from Harper's log yet", ErrBehind, unread, ShortPlan(of))
	}
	return nil
}
