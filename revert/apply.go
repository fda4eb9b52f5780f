package revert

import (
	"context"
	"fmt"
	"time"

	"recourse/audit"
)

// An Applier carries plans out on one Harper. Every write goes through the same
// steps: look, note the intent, write once, prove from Harper's own log that it
// is there and what it met, read the record again. Harper has no
// compare-and-set, so a write of somebody else's can fall between the look and
// the write; the proof finds it.
type Applier struct {
	Server  Server
	Journal Journal
	Ledger  Ledger
	// Now is our clock; nil is the computer's.
	Now func() audit.Time
}

// ApplyOptions are the choices of one apply.
type ApplyOptions struct {
	// User is the Harper user as whom the Server writes. The log says nothing
	// else of who wrote, so it should be used for this alone. It must be set,
	// unless DryRun is.
	User string
	// DryRun looks at every record and writes nothing, neither to Harper nor to
	// the journal.
	DryRun bool
	// Overlap is how far before the version of a record its log is read again:
	// a transaction has the time of its start and shows when it ends. Zero is a
	// minute.
	Overlap time.Duration
	// Progress, unless nil, is told of each step when it has ended.
	Progress func(Step)
}

func (o *ApplyOptions) overlap() audit.Time {
	if o.Overlap <= 0 {
		return 60_000
	}
	return audit.Time(o.Overlap.Seconds() * 1000)
}

// A Step is how one action of a plan stands.
type Step struct {
	N       int
	Of      int // how many there are
	Key     audit.Key
	Do      string
	Phase   audit.Phase // empty: planned; a dry run ends with it
	Why     string      // may hold values of the record
	Class   Class       // of a skipped step: drift, or already when nothing was left to do
	Version audit.Time  // the time of our own change in Harper's log, once proven
}

// A Result counts how the actions of a plan stand after an apply.
type Result struct {
	Plan          string `json:"plan"`
	Applied       int    `json:"applied"`  // writes that Harper acknowledged during this apply
	Verified      int    `json:"verified"` // steps proven, during this apply or an earlier one
	Repaired      int    `json:"repaired"` // lost races that were written back; none yet
	Skipped       int    `json:"skipped"`  // the record was not what the plan expects
	Already       int    `json:"already"`  // the record was already as the plan wants it
	Raced         int    `json:"raced"`    // written, but over somebody's write of the same moment
	Failed        int    `json:"failed"`   // refused or ignored by Harper
	Unknown       int    `json:"unknown"`  // made or not, nobody knows
	Pending       int    `json:"pending"`  // not yet tried, as in a dry run
	ConflictsLeft int    `json:"conflicts_left"`
	TookMS        int64  `json:"took_ms"`
	DryRun        bool   `json:"dry_run,omitempty"`

	Steps []Step `json:"-"` // in the plan's order, as far as the apply came
}

func (r *Result) add(s Step) {
	r.Steps = append(r.Steps, s)
	switch s.Phase {
	case audit.PhaseVerified:
		r.Verified++
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
	detail := fmt.Sprintf("%d verified, %d skipped, %d raced, %d failed, %d unknown, %d conflicts left",
		r.Verified, r.Skipped, r.Raced, r.Failed, r.Unknown, r.ConflictsLeft)
	fail := func(err error, hint string) error { return &ResultError{Err: err, Detail: detail, hint: hint} }
	switch {
	case r.Unknown > 0:
		return fail(ErrUnknownOutcome, "look at the records named, then resume: what can be proven by then will be")
	case r.Skipped > 0 && r.Skipped == len(r.Steps):
		return fail(ErrPlanStale, "fetch the log anew and plan again")
	case r.Skipped+r.Raced+r.Failed > 0:
		return fail(ErrPartial, "fetch the log anew and plan again from the same selection: what is done stays done")
	case r.ConflictsLeft > 0:
		return fail(ErrConflicts, "decide the conflicts, which the plan lists with what speaks for each choice")
	}
	return nil
}

// Apply carries the plan out, or takes it up where an earlier apply of it ended.
// What is done is not done again, so applying a finished plan does nothing. Its
// error says that it had to stop, for the journal, the network or ctx, and can
// be called again; how the writes went is the Result, which is never nil.
func (a *Applier) Apply(ctx context.Context, p *Plan, o ApplyOptions) (*Result, error) {
	start := time.Now()
	res := &Result{Plan: p.Header.Digest, ConflictsLeft: p.Unresolved(), DryRun: o.DryRun}
	err := a.apply(ctx, p, &o, res)
	res.TookMS = time.Since(start).Milliseconds()
	if err != nil {
		return res, fmt.Errorf("apply plan %s: %w", p.Header.ID, err)
	}
	return res, nil
}

func (a *Applier) apply(ctx context.Context, p *Plan, o *ApplyOptions, res *Result) error {
	if o.User == "" && !o.DryRun {
		return ErrNoUser
	}
	if err := p.check(); err != nil {
		return err
	}
	stands, err := a.standing(ctx, p)
	if err != nil {
		return err
	}
	if !o.DryRun {
		if err := a.begin(ctx, p, o.User); err != nil {
			return err
		}
	}
	for i := range p.Actions {
		if err := ctx.Err(); err != nil {
			return err
		}
		s := &step{Applier: a, plan: p, action: &p.Actions[i], options: o, result: res, stand: stands[p.Actions[i].N]}
		done, err := s.run(ctx)
		if err != nil {
			return fmt.Errorf("%s %s: %w", s.action.Do, s.action.Key(), err)
		}
		res.add(done)
		if o.Progress != nil {
			o.Progress(done)
		}
	}
	if o.DryRun || res.Unknown > 0 {
		return nil
	}
	return a.Ledger.EndApply(ctx, p.Header.Digest)
}

// A stand is what the journal says of one step.
type stand struct {
	last   audit.Receipt
	intent audit.Receipt // the newest
	acked  bool          // Harper said yes to that one
}

// again says that a step which has ended may be tried once more: nothing was
// written, because the record was not as expected or because Harper refused it
// or, as the log proves, ignored it. Planning anew gives the same plan when no
// change was logged since, so without it such a step could never be made. An
// increment that Harper once said yes to is never sent again.
func (s *stand) again(a *Action) bool {
	switch s.last.Phase {
	case audit.PhaseSkipped:
		return s.last.Why != alreadyDone
	case audit.PhaseFailed:
		return s.last.Version == 0 && (!s.acked || len(a.Add) == 0)
	}
	return false
}

func (a *Applier) standing(ctx context.Context, p *Plan) (map[int]stand, error) {
	receipts, err := a.Journal.Receipts(ctx, p.Header.Digest)
	if err != nil {
		return nil, err
	}
	stands := map[int]stand{}
	for _, r := range receipts {
		s := stands[r.Step]
		s.last = r
		switch r.Phase {
		case audit.PhaseIntent:
			s.intent, s.acked = r, false
		case audit.PhaseAcked:
			s.acked = true
		}
		stands[r.Step] = s
	}
	return stands, nil
}

func (a *Applier) now() audit.Time {
	if a.Now != nil {
		return a.Now()
	}
	return audit.TimeOf(time.Now())
}
