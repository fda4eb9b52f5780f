package revert

import (
	"cmp"
	"context"
	"slices"
	"time"

	"recourse/audit"
)

// A run is one apply under way.
type run struct {
	*Applier
	plan     *Plan // of one that stays in its file, the outline
	total    int   // how many actions it has
	options  *ApplyOptions
	result   *Result
	stands   map[int]stand
	pen      *pen
	pace     pacer
	glanced  audit.Time // when the records were last looked at, by our clock
	troubles int        // steps that did not end as planned
	canary   int        // how many more of the lot's writes are made one by one
}

// A write whose answer was lost is sent again at most once, and only if sending
// it twice does what sending it once does.
const maxAttempts = 2

// lot carries out actions of one kind on one table, the first few of them one by
// one. After a halt the rest is only counted.
func (r *run) lot(ctx context.Context, l lot) error {
	if l.begins {
		r.canary = r.options.canary()
	}
	for actions := l.actions; len(actions) > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, width := len(actions), orDefault(r.options.Concurrency, 8)
		if r.canary > 0 && !r.options.DryRun {
			n = 1
		}
		wrote, err := r.batch(ctx, actions[:n], width, r.canary > 0)
		if err != nil {
			return err
		}
		r.canary -= wrote
		actions = actions[n:]
	}
	return nil
}

// batch carries out some actions and says how many of them were written.
func (r *run) batch(ctx context.Context, actions []*Action, width int, canary bool) (wrote int, err error) {
	steps := make([]*step, len(actions))
	var open []*step
	for i, a := range actions {
		s := &step{run: r, action: a, stand: r.stands[a.N]}
		steps[i] = s
		switch {
		case s.stand.ended(a), r.result.Halted != "" && s.stand.last.Phase.Done():
			s.done = s.end(s.stand.last)
		case r.result.Halted != "":
			s.done = s.end(audit.Receipt{})
		default:
			open = append(open, s)
		}
	}
	err = r.carry(ctx, open, width)
	for _, s := range steps {
		if err != nil && s.done.Phase == "" {
			continue // it has not ended
		}
		if s.sent > 0 {
			wrote++
		}
		r.note(s.done, canary)
	}
	return wrote, err
}

// carry carries out steps, to their ends. When ctx ends it finishes those that
// were sent and returns its error.
func (r *run) carry(ctx context.Context, steps []*step, width int) error {
	if len(steps) == 0 {
		return nil
	}
	work, cancel := lingering(ctx)
	defer cancel()
	if err := r.takeUp(work, steps); err != nil {
		return err
	}
	var stopped error
	for attempt := 0; attempt < maxAttempts && stopped == nil; attempt++ {
		open := pick(steps, func(s *step) bool {
			return s.verdict.phase == "" && (attempt == 0 || s.sent > 0 && len(s.action.Add) == 0)
		})
		if len(open) == 0 {
			break
		}
		if err := r.look(ctx, open); err != nil {
			stopped = err
			break
		}
		if r.options.DryRun {
			break
		}
		open = pick(open, func(s *step) bool { return s.verdict.phase == "" })
		if err := r.intend(ctx, open); err != nil {
			return err
		}
		stopped = r.send(ctx, work, open, width)
		if err := r.prove(work, pick(open, func(s *step) bool { return s.asked })); err != nil {
			return err
		}
	}
	for _, s := range steps {
		if s.verdict.phase == "" && s.sent > 0 {
			s.verdict = verdict{phase: audit.PhaseUnknown, why: "the answer to the write was lost, and the log does not show it"}
		}
		if err := s.repair(work); err != nil {
			return err
		}
	}
	if err := r.finish(work, steps, stopped != nil); err != nil {
		return err
	}
	return stopped
}

func pick(steps []*step, which func(*step) bool) []*step {
	var out []*step
	for _, s := range steps {
		if which(s) {
			out = append(out, s)
		}
	}
	return out
}

// takeUp finds out what became of writes that an earlier apply had sent.
func (r *run) takeUp(ctx context.Context, steps []*step) error {
	open := pick(steps, func(s *step) bool { return s.stand.open() })
	if len(open) == 0 {
		return nil
	}
	for _, s := range open {
		in := &s.stand.intent
		s.guard = &guard{image: in.Replaced, version: in.Guard, floor: in.Guard}
		s.acked, s.tried = s.stand.acked, max(1, in.Attempt)
	}
	if err := r.prove(ctx, open); err != nil {
		return err
	}
	for _, s := range open {
		s.acked = false
		switch {
		case s.verdict.phase != "":
		case len(s.action.Add) > 0:
			s.verdict = verdict{phase: audit.PhaseUnknown, why: "an increment was sent and the log does not show it; it is never sent twice"}
		default:
			s.tried = 0 // it is proven that the earlier attempts came to nothing
		}
	}
	return nil
}

// intend notes what is about to be sent.
func (r *run) intend(ctx context.Context, steps []*step) error {
	var intents []audit.Receipt
	for _, s := range steps {
		s.tried++
		s.request = s.write(s.guard)
		intent := s.receipt(audit.PhaseIntent)
		intent.Guard, intent.Replaced, intent.Wrote = s.guard.version, s.guard.image, s.wanted(s.guard, s.request)
		intents = append(intents, intent)
	}
	return r.pen.add(ctx, intents...)
}

// aboutToSend is how many writes are noted as sent before the first of them is:
// one sync of the disk serves them all. What is noted is then sent, whatever comes.
const aboutToSend = 32

// announce notes that steps are about to be sent. An increment does that by itself
// at the last moment: once it is noted as sent, it is never sent again.
func (r *run) announce(ctx context.Context, steps []*step) error {
	var sent []audit.Receipt
	for _, s := range steps {
		if len(s.action.Add) == 0 {
			sent = append(sent, s.receipt(audit.PhaseSent))
		}
	}
	return r.pen.add(ctx, sent...)
}

// send makes the writes, each once. What ctx's end finds on its way is finished
// with work.
func (r *run) send(ctx, work context.Context, steps []*step, width int) error {
	var err error
	w := newWorkers(width, func(s *step) error { return s.send(work) })
	for some := range slices.Chunk(steps, aboutToSend) {
		if err = cmp.Or(ctx.Err(), w.failed()); err != nil {
			break
		}
		if err = r.announce(work, some); err != nil {
			break
		}
		for _, s := range some {
			if stop := r.pace.wait(ctx, r.sleep); stop != nil && len(s.action.Add) > 0 {
				err = stop
				continue // it was not announced
			}
			w.do(s)
		}
	}
	err = cmp.Or(w.end(), err)
	for _, s := range steps {
		if s.acked {
			r.result.Applied++
		}
		if s.laid != nil {
			if bad := s.laid(); bad != nil && err == nil {
				err = bad
			}
		}
	}
	return err
}

// How often a proof is looked for, the first pause between, each of which is
// twice the one before: Harper may answer for a moment with what was before a
// write, and a write whose answer was lost may still be on its way.
const (
	maxLooks  = 6
	firstLook = 20 * time.Millisecond
)

// prove settles what became of writes: from Harper's log, and from the records.
func (r *run) prove(ctx context.Context, steps []*step) error {
	steps, err := r.survey(ctx, steps)
	if err != nil {
		return err
	}
	for look := 0; len(steps) > 0; look++ {
		lives, err := r.read(ctx, steps)
		if err != nil {
			return err
		}
		trails, err := r.trails(ctx, steps, func(s *step) audit.Time { return s.guard.version })
		if err != nil {
			return err
		}
		for i, s := range steps {
			s.verdict = s.judge(lives[i], trails[i].Trail)
		}
		steps = pick(steps, func(s *step) bool { return s.verdict.unsettled })
		if look+1 == maxLooks || len(steps) == 0 {
			return nil
		}
		if err := r.sleep(ctx, firstLook<<look); err != nil {
			return err
		}
	}
	return nil
}
