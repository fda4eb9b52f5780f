package revert

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"recourse/audit"
)

// Abort closes the apply of a plan for good, and tells how its steps stand. It
// writes to the journal alone. A write that was sent and whose end nobody knows
// is unknown. Without the plan, which may be lost, steps that were not reached are
// not told.
func (a *Applier) Abort(ctx context.Context, digest string, p *Plan, reason string) (*Result, error) {
	stands, err := a.standing(ctx, digest)
	if err != nil {
		return nil, fmt.Errorf("abort apply: %w", err)
	}
	if s, closed := stands[0]; !closed || s.last.Phase != audit.PhaseAborted {
		if err := a.Journal.AddReceipt(ctx, audit.Receipt{Plan: digest, Phase: audit.PhaseAborted, At: a.now(), Why: reason}); err != nil {
			return nil, fmt.Errorf("abort apply: %w", err)
		}
	}
	delete(stands, 0)
	return aborted(digest, p, stands), nil
}

// aborted counts the steps as they stand.
func aborted(digest string, p *Plan, stands map[int]stand) *Result {
	res := &Result{Plan: digest}
	if p == nil {
		for _, n := range slices.Sorted(maps.Keys(stands)) {
			s := stands[n]
			res.add(closedStep(Step{N: n, Of: len(stands), Key: s.last.Key}, &s))
		}
		return res
	}
	res.ConflictsLeft = p.Unresolved()
	for i := range p.Actions {
		act := &p.Actions[i]
		s := stands[act.N]
		res.add(closedStep(Step{N: act.N, Of: len(p.Actions), Key: act.Key(), Do: act.Do}, &s))
	}
	return res
}

func closedStep(st Step, s *stand) Step {
	switch {
	case s.last.Phase.Done():
		st.Phase, st.Why, st.Class, st.Version = s.last.Phase, s.last.Why, Class(s.last.Class), s.last.Version
		if s.already() {
			st.Class = ClassAlready
		}
	case s.sent:
		st.Phase, st.Why = audit.PhaseUnknown, "it was sent, and the apply ended before it was known what became of it"
	default:
		st.Why = "not done"
	}
	return st
}
