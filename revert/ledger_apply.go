package revert

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"recourse/audit"
)

// begin enters the apply into the ledger, and what it does with records that need
// no write: of these nothing is left to undo. The ledger must know them all the
// same, or a later plan could bring the attacker's values back as somebody's base.
func (a *Applier) begin(ctx context.Context, p *carried, user string) error {
	h := &p.head.Header
	policy, err := canonical(h.Policy)
	if err != nil {
		return err
	}
	err = a.Ledger.BeginApply(ctx, audit.Apply{Plan: h.Digest, At: a.now(), By: user, Author: h.Author, Purpose: cmp.Or(h.Purpose, audit.PurposeRevert),
		Undoes: h.Undoes, Since: h.Since, Selection: h.Selection.Digest, Events: h.Selection.Events, Records: p.records(),
		Policy: strings.TrimSpace(string(policy))})
	if err != nil {
		return err
	}
	const most = 1000
	var kept []audit.Entered
	for k, err := range p.eachKept {
		if err != nil {
			return err
		}
		if len(k.Changes)+len(k.Undone) == 0 {
			continue
		}
		kept = append(kept, audit.Entered{Reverted: k.Changes, Undone: k.Undone})
		if len(kept) == most {
			if err := a.Ledger.Enter(ctx, h.Digest, kept...); err != nil {
				return err
			}
			kept = nil
		}
	}
	return a.Ledger.Enter(ctx, h.Digest, kept...)
}

// entered is what the ledger is told of an action that is done, with our writes.
func (p *Plan) entered(a *Action, own []audit.ChangeID) audit.Entered {
	return audit.Entered{Own: own, Reverted: a.Changes, Undone: a.Undone, Chosen: p.chosenOf(a)}
}

// chosenOf is what of an action people decided: a deletion as a whole, or the
// attributes that its decided conflicts are about.
func (p *Plan) chosenOf(a *Action) audit.Choice {
	var c audit.Choice
	if len(a.Decided) == 0 {
		return c
	}
	if a.Do == DoDelete {
		return audit.Choice{Whole: true}
	}
	attrs := map[string]bool{}
	for i := range p.Conflicts {
		q := &p.Conflicts[i]
		if q.K != a.K || q.Resolution == nil || !slices.Contains(a.Decided, q.Class) {
			continue
		}
		for name := range q.Attrs {
			attrs[name] = true
		}
	}
	for name := range a.targets() {
		if attrs[name] {
			c.Attrs = append(c.Attrs, name)
		}
	}
	slices.Sort(c.Attrs)
	return c
}
