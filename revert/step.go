package revert

import (
	"context"
	"fmt"
	"maps"
	"math"

	"recourse/audit"
)

// A step carries out one action, or a write that makes good what an action's took.
type step struct {
	*run
	action  *Action
	stand   stand
	guard   *guard
	request Write
	verdict verdict
	done    Step

	repairs bool         // the action is no plan's
	tried   int          // how many writes may have been sent since the guard
	sent    int          // how many were, by this apply
	asked   bool         // the last one was
	acked   bool         // Harper said yes to the last one
	maybe   bool         // ... if the record was still as the request demands
	laid    func() error // waits for the receipt of that
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

// look reads records and their logs and compares them with what is expected. The
// logs come first: a change that falls between the two is then not known, and the
// proof will find it.
func (r *run) look(ctx context.Context, steps []*step) error {
	steps, err := r.glance(ctx, steps)
	if err != nil || len(steps) == 0 {
		return err
	}
	trails, err := r.trails(ctx, steps, func(s *step) audit.Time { return s.action.Expect.Version })
	if err != nil {
		return err
	}
	lives, err := r.read(ctx, steps)
	if err != nil {
		return err
	}
	for i, s := range steps {
		g := &guard{image: lives[i], version: s.action.Expect.Version, known: map[audit.ChangeID]bool{}, trail: trails[i].Trail}
		if trails[i].narrow {
			g.floor = g.version
		}
		for j := range g.trail.Changes {
			c := &g.trail.Changes[j]
			g.known[c.ID] = true
			if c.Op.Kind() != audit.KindMessage {
				g.version = max(g.version, c.Time)
			}
		}
		s.take(g)
	}
	return nil
}

// take takes the guard, from which the next write starts, or leaves the record
// alone.
func (s *step) take(g *guard) {
	s.guard, s.asked, s.acked, s.maybe, s.laid = g, false, false, false, nil
	if class, why := s.drift(g); class != "" {
		s.verdict = verdict{phase: audit.PhaseSkipped, class: class, why: why}
	}
}

// A trace is a record's log as it was read for a step.
type trace struct {
	Trail
	narrow bool // only what is newer than the version could be read
}

// trails are the logs of the steps' records from a while before a version on; of
// those that cannot be read, from the version on.
func (r *run) trails(ctx context.Context, steps []*step, version func(*step) audit.Time) ([]trace, error) {
	from := func(s *step) audit.Time { return max(0, version(s)-r.options.overlap()) }
	since := from(steps[0])
	keys := make([]audit.Key, len(steps))
	for i, s := range steps {
		keys[i], since = s.action.Key(), min(since, from(s))
	}
	all, err := r.Server.History(ctx, keys, since)
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	out := make([]trace, len(steps))
	for i, s := range steps {
		t, ok := all[keys[i]]
		if !ok {
			t.Err = errNoAnswer
		}
		out[i].Trail = t.since(from(s))
		if t.Err == nil {
			continue
		}
		after := audit.Time(math.Nextafter(float64(version(s)), math.Inf(1)))
		again, err := r.Server.History(ctx, keys[i:i+1], after)
		if err != nil {
			return nil, fmt.Errorf("read history: %w", err)
		}
		if t, ok := again[keys[i]]; ok {
			out[i] = trace{Trail: t.since(after), narrow: true}
		}
	}
	return out, nil
}

// since is the trail from a time on, its changes named.
func (t Trail) since(from audit.Time) Trail {
	out := Trail{Err: t.Err}
	for _, c := range t.Changes {
		if c.Time >= from {
			c.ID = c.Identify()
			out.Changes = append(out.Changes, c)
		}
	}
	return out
}

func (r *run) read(ctx context.Context, steps []*step) ([]audit.Image, error) {
	keys := make([]audit.Key, len(steps))
	for i, s := range steps {
		keys[i] = s.action.Key()
	}
	images, err := r.Server.Read(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read records: %w", err)
	}
	out := make([]audit.Image, len(steps))
	for i, k := range keys {
		out[i] = images[k]
	}
	return out, nil
}

// send makes the step's write, once, which has been announced. An error is one of
// the journal.
func (s *step) send(ctx context.Context) error {
	if len(s.action.Add) > 0 {
		if err := s.pen.add(ctx, s.receipt(audit.PhaseSent)); err != nil {
			return err
		}
	}
	s.asked = true
	s.sent++
	out, lost := s.Server.Write(ctx, s.request)
	switch {
	case lost != nil:
	case out.Skipped:
		s.asked = false
		s.verdict = verdict{phase: audit.PhaseSkipped, class: ClassDrift, why: "Harper left it out: somebody made or removed the record at the same moment"}
	case !out.Acked:
		s.asked = false
		s.verdict = verdict{phase: audit.PhaseFailed, why: "Harper refused it: " + short(out.Message)}
	default:
		s.acked, s.maybe = true, out.Conditional
		s.laid = s.pen.lay(ctx, s.receipt(audit.PhaseAcked))
	}
	return nil
}

// write is the one request that the action makes.
func (s *step) write(g *guard) Write {
	a := s.action
	w := Write{Key: a.Key(), Do: a.Do}
	switch a.Do {
	case DoInsert:
		w.Record = audit.Object(a.Set)
	case DoDelete:
		w.Only = a.Expect.Owned
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

func (s *step) receipt(phase audit.Phase) audit.Receipt {
	r := audit.Receipt{Plan: s.plan.Header.Digest, Step: s.action.N, Phase: phase, Key: s.action.Key(),
		At: s.now(), By: s.options.User, Attempt: s.tried}
	if s.repairs {
		r.Class = string(ClassRepair)
	}
	return r
}

// alreadyDone is the reason of a step that found nothing left to do.
const alreadyDone = "the record is already as the plan wants it"

// end is how a step stands after its last receipt; the zero receipt is none.
func (s *step) end(r audit.Receipt) Step {
	st := Step{N: s.action.N, Of: s.total, Key: s.action.Key(), Do: s.action.Do,
		Phase: r.Phase, Why: r.Why, Class: Class(r.Class), Version: r.Version, attacker: s.verdict.attacker}
	if r.Phase == audit.PhaseSkipped && st.Class == "" {
		st.Class = ClassDrift
		if r.Why == alreadyDone {
			st.Class = ClassAlready
		}
	}
	return st
}

// managed are the attributes of the action's table that the server assigns.
func (s *step) managed() map[string]bool {
	names := map[string]bool{audit.UpdatedTime: true, audit.CreatedTime: true}
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
