package revert

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"recourse/audit"
)

// How a step ended, more exactly than its phase tells. ClassDrift and
// ClassAlready are such, too.
const (
	// ClassRebased: others had written the record since the plan was made, but
	// nothing that the step writes.
	ClassRebased Class = "rebased"
	// ClassSupersededAfter: somebody has changed the record since our write.
	ClassSupersededAfter Class = "superseded-after"
	// ClassLostRace: the write went over what somebody wrote at the same moment.
	ClassLostRace Class = "lost-race"
	// ClassClobbered: a write of the whole record put back what somebody had just
	// replaced, in attributes that the plan leaves alone.
	ClassClobbered Class = "clobbered"
	// ClassHalfBack: somebody deleted the record at the same moment, and the patch
	// has brought a part of it back.
	ClassHalfBack Class = "half-back"
	// ClassDuplicate: the log shows the write twice.
	ClassDuplicate Class = "duplicate"
	// ClassDropped: Harper said yes and did nothing, as it does with a write to a
	// record whose version lies in the future.
	ClassDropped Class = "dropped"
	// ClassAttackerActive: a user of the selection has written the record after the
	// plan was made.
	ClassAttackerActive Class = "attacker-active"
	// ClassRepair is of receipts alone: of a write that makes a lost race good.
	ClassRepair Class = "repair"
)

// HaltWords are what [ApplyOptions.HaltOn] may name: phases, and classes of steps.
func HaltWords() []string {
	return []string{
		string(audit.PhaseSkipped), string(audit.PhaseRaced), string(audit.PhaseRepaired), string(audit.PhaseFailed), string(audit.PhaseUnknown),
		string(ClassDropped), string(ClassAttackerActive), string(ClassClobbered), string(ClassHalfBack), string(ClassDuplicate),
	}
}

// haltOn is what ends an apply at once if nothing else is asked for.
func (o *ApplyOptions) haltOn() []string {
	if o.HaltOn == nil {
		return []string{string(ClassAttackerActive), string(ClassDropped)}
	}
	return o.HaltOn
}

// note counts a step that has ended and sees whether the apply is to go on.
func (r *run) note(s Step, canary bool) {
	r.result.add(s)
	if r.options.Progress != nil {
		r.options.Progress(s)
	}
	words := r.options.haltOn()
	trouble := s.Phase == audit.PhaseSkipped && s.Class != ClassAlready || s.Phase == audit.PhaseRaced ||
		s.Phase == audit.PhaseFailed || s.Phase == audit.PhaseUnknown
	if trouble {
		r.troubles++
	}
	most := r.options.MaxConflicts
	switch {
	case r.result.Halted != "" || r.options.DryRun:
	case slices.Contains(words, string(s.Class)):
		r.halt(s, string(s.Class))
	case slices.Contains(words, string(s.Phase)) && (trouble || s.Phase == audit.PhaseRepaired):
		r.halt(s, string(s.Phase))
	case s.attacker != "" && slices.Contains(words, string(ClassAttackerActive)):
		r.halt(s, string(ClassAttackerActive)+": "+s.attacker)
	case canary && s.Phase == audit.PhaseFailed:
		r.halt(s, "one of the first writes to "+s.Key.Table.String()+" failed")
	case most > 0 && r.troubles > most:
		r.halt(s, fmt.Sprintf("%d steps did not go as planned, and %d was the most", r.troubles, most))
	}
}

func (r *run) halt(s Step, why string) {
	r.result.Halted = fmt.Sprintf("step %d, %s %s: %s", s.N, s.Do, s.Key, why)
	if s.Why != "" && !strings.Contains(why, s.Why) {
		r.result.Halted += ": " + s.Why
	}
}

// finish writes down how the steps ended. The ledger is told first: if we end
// between the two, the proofs are simply made again. After a stop, steps that
// were not sent have no end; no other may lack one, as a receipt without one would
// say that nothing is left to do.
func (r *run) finish(ctx context.Context, steps []*step, stopped bool) error {
	var ends []audit.Receipt
	var entered []audit.Entered
	var none error
	for _, s := range steps {
		if s.verdict.phase == "" && (stopped || r.options.DryRun) {
			s.done = s.end(audit.Receipt{})
			continue
		}
		v := &s.verdict
		if !v.phase.Done() {
			none = fmt.Errorf("step %d on %s: it has come to no end", s.action.N, s.action.Key())
			continue
		}
		end := s.receipt(v.phase)
		end.Why, end.Version, end.Class = v.why, v.version, string(v.class)
		s.done = s.end(end)
		ends = append(ends, end)
		if len(v.own) > 0 || v.class == ClassAlready {
			entered = append(entered, r.plan.entered(s.action, v.own))
		}
	}
	if r.options.DryRun || len(ends) == 0 {
		return none
	}
	if err := r.Ledger.Enter(ctx, r.plan.Header.Digest, entered...); err != nil {
		return err
	}
	return cmp.Or(r.pen.add(ctx, ends...), none)
}
