package revert

import (
	"context"
	"fmt"
	"iter"
	"time"

	"recourse/audit"
)

// An Applier carries plans out on one Harper. Every write goes through the same
// steps: look, note the intent, write once, prove from Harper's own log that it
// is there and what it met, read the record again. Harper has no
// compare-and-set, so a write of somebody else's can fall between the look and
// the write; the proof finds it, and what it took is written back.
type Applier struct {
	Server  Server
	Journal Journal
	Ledger  Ledger
	// Now is our clock; nil is the computer's.
	Now func() audit.Time
	// Sleep waits; nil waits as long as it is told to.
	Sleep func(context.Context, time.Duration) error
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
	// Concurrency is how many writes are on their way at once, each to another
	// record. Zero is 8.
	Concurrency int
	// Rate is how many writes are begun in a second at most. Zero: no limit.
	Rate float64
	// Canary is how many writes of each kind to each table are made one by one
	// and proven before the others follow; one that fails ends the apply. Zero is
	// 5, less than that none.
	Canary int
	// Batch is how many records are looked at, written and then proven together.
	// Zero is 200.
	Batch int
	// MaxConflicts ends the apply when more steps than that did not go as
	// planned. Zero: no limit.
	MaxConflicts int
	// HaltOn ends the apply when a step ends so; see [HaltWords]. Nil:
	// attacker-active and dropped.
	HaltOn []string
	// Progress, unless nil, is told of each step when it has ended.
	Progress func(Step)
	// Keep says which steps Result.Steps has. The Result has the numbers of all. Nil:
	// all of them; of a plan that stays in its file, those that a person wants to look
	// at, which are neither proven nor left untried by a halt.
	Keep func(Step) bool
}

func (o *ApplyOptions) overlap() audit.Time {
	if o.Overlap <= 0 {
		return 60_000
	}
	return audit.Time(o.Overlap.Seconds() * 1000)
}

func (o *ApplyOptions) canary() int {
	if o.Canary == 0 {
		return 5
	}
	return max(0, o.Canary)
}

func orDefault(n, otherwise int) int {
	if n <= 0 {
		return otherwise
	}
	return n
}

// Apply carries the plan out, or takes it up where an earlier apply of it ended.
// What is done is not done again, so applying a finished plan does nothing. Its
// error says that it had to stop, for the journal, the network or ctx, and can
// be called again; how the writes went is the Result, which is never nil. When
// ctx ends, what is on its way is still finished and proven.
func (a *Applier) Apply(ctx context.Context, p *Plan, o ApplyOptions) (*Result, error) {
	return a.applyLines(ctx, p.carried(), o)
}

// ApplyOpened is Apply of a plan that stays in its file. Of its lines it has some
// hundred in memory at a time, and of those that are proven it keeps nothing.
func (a *Applier) ApplyOpened(ctx context.Context, p *OpenedPlan, o ApplyOptions) (*Result, error) {
	return a.applyLines(ctx, p.carried(), o)
}

func (a *Applier) applyLines(ctx context.Context, p *carried, o ApplyOptions) (*Result, error) {
	start := time.Now()
	res := &Result{Plan: p.head.Header.Digest, ConflictsLeft: p.unresolved, DryRun: o.DryRun, keep: o.Keep}
	if res.keep == nil && p.brief {
		res.keep = res.telling
	}
	err := a.apply(ctx, p, &o, res)
	res.TookMS = time.Since(start).Milliseconds()
	if err != nil {
		return res, fmt.Errorf("apply plan %s: %w", p.head.Header.ID, err)
	}
	return res, nil
}

func (a *Applier) apply(ctx context.Context, p *carried, o *ApplyOptions, res *Result) error {
	if o.User == "" && !o.DryRun {
		return ErrNoUser
	}
	if err := p.check(); err != nil {
		return err
	}
	digest := p.head.Header.Digest
	stands, err := a.standing(ctx, digest)
	if err != nil {
		return err
	}
	if s, closed := stands[0]; closed && s.last.Phase == audit.PhaseAborted && !o.DryRun {
		return fmt.Errorf("%w at %s", ErrAborted, s.last.At.ISO())
	}
	if !o.DryRun {
		if err := a.begin(ctx, p, o.User); err != nil {
			return err
		}
	}
	r := &run{Applier: a, plan: p.head, total: p.actions, options: o, result: res, stands: stands, pen: &pen{journal: a.Journal}}
	if o.Rate > 0 {
		r.pace.every = time.Duration(float64(time.Second) / o.Rate)
	}
	for some, err := range lots(p.eachAction, orDefault(o.Batch, usualBatch)) {
		if err != nil {
			return err
		}
		if err := r.lot(ctx, some); err != nil {
			return err
		}
	}
	if o.DryRun || res.Unknown > 0 {
		return nil
	}
	return a.Ledger.EndApply(ctx, digest, a.now())
}

// A lot is some of the actions that follow each other and are of one kind and one
// table. They may be carried out in any order and at the same time; lots follow
// each other, as parents must be there before their children.
type lot struct {
	actions []*Action
	begins  bool // the one before was of another kind or table
}

// usualBatch is how many records are looked at, written and proven together.
const usualBatch = 200

// lots cuts the actions, in their order, into lots of at most so many.
func lots(actions iter.Seq2[*Action, error], most int) iter.Seq2[lot, error] {
	return func(yield func(lot, error) bool) {
		next := lot{begins: true}
		for a, err := range actions {
			if err != nil {
				yield(lot{}, err)
				return
			}
			if n := len(next.actions); n > 0 {
				other := !next.actions[0].alike(a)
				if (other || n == most) && !yield(next, nil) {
					return
				}
				if other || n == most {
					next = lot{begins: other}
				}
			}
			next.actions = append(next.actions, a)
		}
		if len(next.actions) > 0 {
			yield(next, nil)
		}
	}
}

// alike says that the two may be carried out at the same time.
func (a *Action) alike(b *Action) bool {
	return a.Phase == b.Phase && a.Do == b.Do && a.Level == b.Level && a.K.Table == b.K.Table
}

func (a *Applier) now() audit.Time {
	if a.Now != nil {
		return a.Now()
	}
	return audit.TimeOf(time.Now())
}

func (a *Applier) sleep(ctx context.Context, d time.Duration) error {
	if a.Sleep != nil {
		return a.Sleep(ctx, d)
	}
	return sleep(ctx, d)
}
