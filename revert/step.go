package revert

import (
	"context"
	"fmt"
	"maps"
	"math"

	"recourse/audit"
)

// A step carries out one action.
type step struct {
	*Applier
	plan    *Plan
	action  *Action
	options *ApplyOptions
	result  *Result
	stand   stand
}

// A guard is what was seen of the record just before the write.
type guard struct {
	image   audit.Image
	version audit.Time              // of the newest change known
	floor   audit.Time              // changes up to here may be known or not: they do not count
	known   map[audit.ChangeID]bool // the changes in the log
	trail   Trail
}

// fresh says that the change was not there when the guard was taken.
func (g *guard) fresh(c *audit.Change) bool {
	return c.Op.Kind() != audit.KindMessage && c.Time > g.floor && !g.known[c.ID]
}

// A write whose answer was lost is sent again at most once, and only if sending
// it twice does what sending it once does.
const maxAttempts = 2

func (s *step) run(ctx context.Context) (Step, error) {
	last := s.stand.last
	if last.Phase.Done() && last.Phase != audit.PhaseUnknown && !s.stand.again(s.action) {
		return s.end(last), nil
	}
	attempt := last.Attempt
	if last.Phase.Done() && last.Phase != audit.PhaseUnknown {
		attempt = 0
	} else if last.Phase != "" && last.Phase != audit.PhaseIntent {
		v, err := s.recover(ctx)
		if err != nil || v.phase != "" {
			return s.finish(ctx, v, last.Attempt, err)
		}
		attempt = 0 // it is proven that the earlier attempts came to nothing
	}
	for attempt++; ; attempt++ {
		v, err := s.try(ctx, attempt)
		if err != nil || v.phase != "" || s.options.DryRun {
			return s.finish(ctx, v, attempt, err)
		}
		if attempt >= maxAttempts || len(s.action.Add) > 0 {
			return s.finish(ctx, verdict{phase: audit.PhaseUnknown, why: "the answer to the write was lost, and the log does not show it"}, attempt, nil)
		}
	}
}

// recover finds out what became of a write that an earlier apply had sent. The
// zero verdict says that it may be sent again.
func (s *step) recover(ctx context.Context) (verdict, error) {
	in := s.stand.intent
	g := &guard{image: in.Replaced, version: in.Guard, floor: in.Guard}
	v, err := s.prove(ctx, g, s.stand.last.Phase == audit.PhaseAcked, max(1, s.stand.last.Attempt))
	if err == nil && v.phase == "" && len(s.action.Add) > 0 {
		v = verdict{phase: audit.PhaseUnknown, why: "an increment was sent and the log does not show it; it is never sent twice"}
	}
	return v, err
}

// try looks, writes and proves. The zero verdict says that the answer was lost
// and the log shows no trace of the write.
func (s *step) try(ctx context.Context, attempt int) (verdict, error) {
	g, err := s.look(ctx)
	if err != nil {
		return verdict{}, err
	}
	if class, why := s.drift(g); class != "" {
		return verdict{phase: audit.PhaseSkipped, class: class, why: why}, nil
	}
	if s.options.DryRun {
		return verdict{}, nil
	}
	w := s.write(g)
	r := s.receipt(audit.PhaseIntent, attempt)
	r.Guard, r.Replaced, r.Wrote = g.version, g.image, s.wanted(g, w)
	if err := s.Journal.AddReceipt(ctx, r); err != nil {
		return verdict{}, err
	}
	if err := s.Journal.AddReceipt(ctx, s.receipt(audit.PhaseSent, attempt)); err != nil {
		return verdict{}, err
	}
	out, lost := s.Server.Write(ctx, w)
	switch {
	case lost != nil:
		if err := ctx.Err(); err != nil {
			return verdict{}, err
		}
		return s.prove(ctx, g, false, attempt)
	case out.Skipped:
		return verdict{phase: audit.PhaseSkipped, class: ClassDrift, why: "Harper left it out: somebody made or removed the record at the same moment"}, nil
	case !out.Acked:
		return verdict{phase: audit.PhaseFailed, why: "Harper refused it: " + short(out.Message)}, nil
	}
	s.result.Applied++
	if err := s.Journal.AddReceipt(ctx, s.receipt(audit.PhaseAcked, attempt)); err != nil {
		return verdict{}, err
	}
	return s.prove(ctx, g, true, attempt)
}

// look reads the record and its log. The log comes first: a change that falls
// between the two is then not known, and the proof will find it.
func (s *step) look(ctx context.Context) (*guard, error) {
	g := &guard{version: s.action.Expect.Version, known: map[audit.ChangeID]bool{}}
	trail, narrow, err := s.trail(ctx, g.version)
	if err != nil {
		return nil, err
	}
	g.trail = trail
	if narrow {
		g.floor = g.version
	}
	for i := range trail.Changes {
		c := &trail.Changes[i]
		g.known[c.ID] = true
		if c.Op.Kind() != audit.KindMessage {
			g.version = max(g.version, c.Time)
		}
	}
	g.image, err = s.read(ctx)
	return g, err
}

// trail is the record's log from a while before a version on; if that cannot be
// read, from the version on.
func (s *step) trail(ctx context.Context, version audit.Time) (t Trail, narrow bool, err error) {
	t, err = s.ask(ctx, max(0, version-s.options.overlap()))
	if err == nil && t.Err != nil {
		narrow = true
		t, err = s.ask(ctx, audit.Time(math.Nextafter(float64(version), math.Inf(1))))
	}
	return t, narrow, err
}

func (s *step) ask(ctx context.Context, since audit.Time) (Trail, error) {
	k := s.action.Key()
	trails, err := s.Server.History(ctx, []audit.Key{k}, since)
	if err != nil {
		return Trail{}, fmt.Errorf("read history: %w", err)
	}
	t, ok := trails[k]
	if !ok {
		t.Err = errNoAnswer
	}
	for i := range t.Changes {
		t.Changes[i].ID = t.Changes[i].Identify()
	}
	return t, nil
}

func (s *step) read(ctx context.Context) (audit.Image, error) {
	k := s.action.Key()
	images, err := s.Server.Read(ctx, []audit.Key{k})
	if err != nil {
		return audit.Image{}, fmt.Errorf("read record: %w", err)
	}
	return images[k], nil
}

// write is the one request that the action makes.
func (s *step) write(g *guard) Write {
	a := s.action
	w := Write{Key: a.Key(), Do: a.Do}
	switch a.Do {
	case DoInsert:
		w.Record = audit.Object(a.Set)
	case DoPatch:
		w.Set, w.Unset, w.Add = a.Set, a.Unset, a.Add
		w.Put = len(a.Unset) > 0 && s.plan.Header.Policy.Unset == UnsetPut
		w.Record = g.image.Body
		for name, v := range a.Set {
			w.Record = w.Record.With(name, v)
		}
		for _, name := range a.Unset {
			w.Record = w.Record.With(name, nil)
		}
		for name, inc := range a.Add {
			sum, _ := added(g.image.Body.Get(name), inc)
			w.Record = w.Record.With(name, sum)
		}
	}
	return w
}

func (s *step) wanted(g *guard, w Write) audit.Image {
	if w.Do == DoDelete {
		return audit.AbsentImage(audit.Folded, audit.Exact)
	}
	return audit.PresentImage(w.Record, audit.Folded, g.image.Trust)
}

func (s *step) receipt(phase audit.Phase, attempt int) audit.Receipt {
	return audit.Receipt{Plan: s.plan.Header.Digest, Step: s.action.N, Phase: phase, Key: s.action.Key(),
		At: s.now(), By: s.options.User, Attempt: attempt}
}

// finish writes the verdict down. The ledger is told first: if we end between
// the two, the proof is simply made again.
func (s *step) finish(ctx context.Context, v verdict, attempt int, err error) (Step, error) {
	if err != nil {
		return Step{}, err
	}
	r := s.receipt(v.phase, attempt)
	r.Why, r.Version = v.why, v.version
	if v.class == ClassAlready {
		r.Why = alreadyDone
	}
	if s.options.DryRun {
		return s.end(r), nil
	}
	if len(v.own) > 0 || v.class == ClassAlready {
		if err := s.Ledger.Enter(ctx, s.plan.Header.Digest, s.plan.entered(s.action, v.own)); err != nil {
			return Step{}, err
		}
	}
	if err := s.Journal.AddReceipt(ctx, r); err != nil {
		return Step{}, err
	}
	return s.end(r), nil
}

// alreadyDone is the reason of a step that found nothing left to do.
const alreadyDone = "the record is already as the plan wants it"

func (s *step) end(r audit.Receipt) Step {
	st := Step{N: s.action.N, Of: len(s.plan.Actions), Key: s.action.Key(), Do: s.action.Do, Phase: r.Phase, Why: r.Why, Version: r.Version}
	if r.Phase == audit.PhaseSkipped {
		st.Class = ClassDrift
		if r.Why == alreadyDone {
			st.Class = ClassAlready
		}
	}
	return st
}

// managed are the attributes of the action's table that the server assigns.
func (s *step) managed() map[string]bool {
	names := map[string]bool{updatedTime: true, createdTime: true}
	for _, n := range s.plan.Header.Managed[s.action.K.Table.String()] {
		names[n] = true
	}
	return names
}

// targets are the attributes that the action writes and what they are to be; nil
// is absent. Increments are not among them.
func (a *Action) targets() map[string]audit.Value {
	t := maps.Clone(a.Set)
	if t == nil {
		t = map[string]audit.Value{}
	}
	for _, name := range a.Unset {
		t[name] = nil
	}
	return t
}
