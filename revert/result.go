package revert

import (
	"fmt"

	"recourse/audit"
)

// A Step is how one action of a plan stands.
type Step struct {
	N       int
	Of      int // how many there are
	Key     audit.Key
	Do      string
	Phase   audit.Phase // empty: planned; a dry run ends with it
	Why     string      // may hold values of the record
	Class   Class       // how it ended, more exactly: drift or already of a skipped step, and others
	Version audit.Time  // the time of our own change in Harper's log, once proven

	attacker string // who of the selection's users has written the record since
}

// A Result counts how the actions of a plan stand after an apply.
type Result struct {
	Plan          string        `json:"plan"`
	Applied       int           `json:"applied"`  // writes that Harper acknowledged during this apply, repairs not counted
	Verified      int           `json:"verified"` // steps proven, during this apply or an earlier one
	Repaired      int           `json:"repaired"` // proven, and what they went over was written back
	Skipped       int           `json:"skipped"`  // the record was not what the plan expects
	Already       int           `json:"already"`  // the record was already as the plan wants it
	Raced         int           `json:"raced"`    // written, but over somebody's write of the same moment
	Failed        int           `json:"failed"`   // refused or ignored by Harper
	Unknown       int           `json:"unknown"`  // made or not, nobody knows
	Pending       int           `json:"pending"`  // not yet tried, as in a dry run
	Classes       map[Class]int `json:"classes"`  // of the steps that have one
	ConflictsLeft int           `json:"conflicts_left"`
	Halted        string        `json:"halted,omitempty"` // why it stopped before the end; may hold values
	TookMS        int64         `json:"took_ms"`
	DryRun        bool          `json:"dry_run,omitempty"`

	Steps []Step `json:"-"` // in the order in which they ended; those that were not tried at the end

	ended int // steps
	keep  func(Step) bool
}

// telling says that a person wants to look at the step.
func (r *Result) telling(s Step) bool {
	return s.Phase != audit.PhaseVerified && (s.Phase != "" || r.Halted == "")
}

func (r *Result) add(s Step) {
	r.ended++
	if r.keep == nil || r.keep(s) {
		r.Steps = append(r.Steps, s)
	}
	if s.Class != "" {
		if r.Classes == nil {
			r.Classes = map[Class]int{}
		}
		r.Classes[s.Class]++
	}
	switch s.Phase {
	case audit.PhaseVerified:
		r.Verified++
	case audit.PhaseRepaired:
		r.Repaired++
	case audit.PhaseSkipped:
		if s.Class == ClassAlready {
			r.Already++
		} else {
			r.Skipped++
		}
	case audit.PhaseRaced:
		r.Raced++
	case audit.PhaseFailed:
		r.Failed++
	case audit.PhaseUnknown:
		r.Unknown++
	default:
		r.Pending++
	}
}

// Err is what a caller must be told of the result: ErrUnknownOutcome,
// ErrPlanStale when no action met the record that it expects, ErrPartial,
// ErrConflicts, or nil. A plan whose conflicts are left has still been carried
// out otherwise.
func (r *Result) Err() error {
	detail := fmt.Sprintf("%d verified, %d repaired, %d skipped, %d raced, %d failed, %d unknown, %d conflicts left",
		r.Verified, r.Repaired, r.Skipped, r.Raced, r.Failed, r.Unknown, r.ConflictsLeft)
	if r.Halted != "" {
		detail = fmt.Sprintf("halted with %d not tried, %s; %s", r.Pending, r.Halted, detail)
	}
	fail := func(err error, hint string) error { return &ResultError{Err: err, Detail: detail, hint: hint} }
	switch {
	case r.Unknown > 0:
		return fail(ErrUnknownOutcome, "look at the records named, then resume: what can be proven by then will be")
	case r.Halted != "":
		return fail(ErrPartial, "look at what stopped it, then resume, or fetch the log anew and plan again; --halt-on and --max-conflicts say what stops an apply")
	case r.Skipped > 0 && r.Skipped == r.ended:
		return fail(ErrPlanStale, "fetch the log anew and plan again")
	case r.Skipped+r.Raced+r.Failed > 0:
		return fail(ErrPartial, "fetch the log anew and plan again from the same selection: what is done stays done")
	case r.ConflictsLeft > 0:
		return fail(ErrConflicts, "decide the conflicts, which the plan lists with what speaks for each choice")
	}
	return nil
}
