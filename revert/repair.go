package revert

import (
	"context"
	"maps"
	"slices"

	"recourse/audit"
)

// How often what a write took is written back. Each time, another write of
// somebody's may come between.
const maxRepairs = 3

// repair writes back what the step's write took from others, as far as it is
// known and nobody has written it anew since. It goes through the same steps as
// any write and ends with the step repaired, or raced as before. Everything it
// does can be done twice: after a crash it is worked out again from the log.
func (s *step) repair(ctx context.Context) error {
	v := &s.verdict
	if v.phase != audit.PhaseRaced {
		return nil
	}
	at, lost := s, v.why
	for range maxRepairs {
		fix := at.fix()
		if fix == nil {
			return nil
		}
		next := &step{run: s.run, action: fix, repairs: true}
		if err := s.look(ctx, []*step{next}); err != nil {
			return err
		}
		if fix.Do == DoPatch && veiled(next.since(next.guard)) != nil {
			return nil // somebody may have written it anew since
		}
		if next.guard.image.State == audit.Unknown {
			v.why = lost + "; the record could not be read, so nothing was written back"
			return nil
		}
		if next.shrink(); next.verdict.phase == audit.PhaseSkipped {
			// A record that is back, or in use again, may still lack what was taken.
			if fix.Do == DoPatch || next.verdict.class == ClassAlready {
				v.phase, v.why = audit.PhaseRepaired, lost+"; changed once more since, so it is left as it is"
			}
			return nil
		}
		if err := next.once(ctx); err != nil {
			return err
		}
		v.own = append(v.own, next.verdict.own...)
		switch next.verdict.phase {
		case audit.PhaseVerified:
			v.phase, v.why = audit.PhaseRepaired, lost+"; written back"
			return nil
		case audit.PhaseRaced:
			at, lost = next, lost+"; "+next.verdict.why
			v.why = lost
		default:
			v.why = lost + "; writing it back: " + next.verdict.why
			return nil
		}
	}
	return nil
}

// fix is the write that gives back what the step's took; nil if that is not known.
func (s *step) fix() *Action {
	fix := &Action{Kind: "action", N: s.action.N, K: s.action.K, Do: DoPatch, Set: map[string]audit.Value{},
		Expect: Expect{Exists: true, Owned: map[string]audit.Value{}, Version: s.verdict.version}}
	for _, l := range s.verdict.losses {
		switch {
		case !l.known:
			return nil
		case l.class == ClassHalfBack:
			fix.Do, fix.Set, fix.Unset, fix.Expect.Owned = DoDelete, nil, nil, s.action.targets()
		case l.name == "":
			fix.Do, fix.Expect.Exists, fix.Unset, fix.Expect.Owned = DoInsert, false, nil, nil
			fix.Set = maps.Collect(l.value.Fields())
			maps.DeleteFunc(fix.Set, func(name string, _ audit.Value) bool { return s.managed()[name] })
		case fix.Do != DoPatch:
		default:
			fix.give(l)
		}
	}
	return fix
}

// give makes the fix write one attribute back; the last word on it counts.
func (a *Action) give(l loss) {
	delete(a.Set, l.name)
	a.Unset = slices.DeleteFunc(a.Unset, func(name string) bool { return name == l.name })
	if l.value == nil {
		a.Unset = append(a.Unset, l.name)
	} else {
		a.Set[l.name] = l.value
	}
	a.Expect.Owned[l.name] = l.left
}

// shrink takes out of a fix what somebody has meanwhile written anew: then it is
// theirs. If nothing is left, the step is skipped.
func (s *step) shrink() {
	a, p := s.action, &s.plan.Header.Policy
	if a.Do != DoPatch || s.guard.image.State != audit.Present {
		return
	}
	for name, left := range a.Expect.Owned {
		anew := !p.same(s.guard.image.Body.Get(name), left)
		for _, c := range s.since(s.guard) {
			anew = anew || c.After.State != audit.Present || !p.same(c.After.Body.Get(name), left)
		}
		if anew {
			delete(a.Expect.Owned, name)
			delete(a.Set, name)
			a.Unset = slices.DeleteFunc(a.Unset, func(other string) bool { return other == name })
		}
	}
	s.verdict = verdict{}
	if len(a.Expect.Owned) == 0 {
		s.verdict = verdict{phase: audit.PhaseSkipped, class: ClassAlready}
	}
}

// once makes the write and proves it.
func (s *step) once(ctx context.Context) error {
	only := []*step{s}
	if err := s.intend(ctx, only); err != nil {
		return err
	}
	if err := s.announce(ctx, only); err != nil {
		return err
	}
	if err := s.send(ctx); err != nil {
		return err
	}
	if s.laid != nil {
		if err := s.laid(); err != nil {
			return err
		}
	}
	if !s.asked {
		return nil
	}
	if err := s.prove(ctx, only); err != nil {
		return err
	}
	if s.verdict.phase == "" {
		s.verdict = verdict{phase: audit.PhaseUnknown, why: "the answer was lost, and the log does not show it"}
	}
	return nil
}
