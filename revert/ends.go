package revert

import (
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
