package revert

import (
	"context"

	"recourse/audit"
)

// A stand is what the journal says of one step.
type stand struct {
	last    audit.Receipt
	intent  audit.Receipt   // the newest of the step's own write
	sent    bool            // that one may have been sent
	acked   bool            // Harper said yes to it
	repairs []audit.Receipt // intents of writes that were to make a lost race good
}

// ended says that the step needs nothing more.
func (s *stand) ended(a *Action) bool {
	return s.last.Phase.Done() && s.last.Phase != audit.PhaseUnknown && !s.again(a)
}

// again says that a step which has ended may be tried once more: nothing was
// written, because the record was not as expected or because Harper refused it
// or, as the log proves, ignored it. Planning anew gives the same plan when no
// change was logged since, so without it such a step could never be made. An
// increment that Harper once said yes to is never sent again.
func (s *stand) again(a *Action) bool {
	switch s.last.Phase {
	case audit.PhaseSkipped:
		return !s.already()
	case audit.PhaseFailed:
		return s.last.Version == 0 && (!s.acked || len(a.Add) == 0)
	}
	return false
}

// already says that the step found nothing left to do. Receipts of earlier
// versions of this program have no class.
func (s *stand) already() bool {
	return s.last.Class == string(ClassAlready) || s.last.Class == "" && s.last.Why == alreadyDone
}

// open says that a write may have been made of which the journal does not know
// what became.
func (s *stand) open() bool {
	return s.sent && (!s.last.Phase.Done() || s.last.Phase == audit.PhaseUnknown)
}

// standing reads how the steps of the plan with a digest stand. Step 0 is the apply
// as a whole.
func (a *Applier) standing(ctx context.Context, digest string) (map[int]stand, error) {
	receipts, err := a.Journal.Receipts(ctx, digest)
	if err != nil {
		return nil, err
	}
	stands := map[int]stand{}
	for _, r := range receipts {
		s := stands[r.Step]
		s.take(r)
		stands[r.Step] = s
	}
	return stands, nil
}

func (s *stand) take(r audit.Receipt) {
	s.last = r
	repair := r.Class == string(ClassRepair)
	switch r.Phase {
	case audit.PhaseIntent:
		if repair {
			s.repairs = append(s.repairs, r)
			return
		}
		s.intent, s.acked, s.sent = r, false, false
	case audit.PhaseSent:
		s.sent = true
	case audit.PhaseAcked:
		s.acked = s.acked || !repair
	}
}
