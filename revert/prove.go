package revert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"recourse/audit"
)

var errNoAnswer = errors.New("the answer does not have the record")

// A verdict is how a step ended; the zero verdict is none.
type verdict struct {
	phase   audit.Phase
	class   Class
	why     string
	version audit.Time
	own     []audit.ChangeID // our own changes, found in the log
}

// drift compares the record with what the plan expects. An empty class says
// that it is so; ClassAlready that it is already what the plan wants.
func (s *step) drift(g *guard) (Class, string) {
	a := s.action
	switch {
	case g.image.State == audit.Unknown:
		return ClassDrift, "the record could not be read"
	case a.Do == DoDelete && g.image.State == audit.Absent:
		return ClassAlready, ""
	case a.Do == DoPatch && g.image.State == audit.Absent:
		return ClassDrift, "the record is gone" + s.since(g, "")
	case a.Do == DoInsert && g.image.State == audit.Absent:
		return "", ""
	}
	moved := s.moved(g)
	if len(moved) == 0 {
		return "", ""
	}
	if a.Do != DoDelete && len(a.Add) == 0 && len(s.differ(g.image.Body)) == 0 {
		return ClassAlready, ""
	}
	if a.Do == DoInsert {
		return ClassDrift, "the record is there again" + s.since(g, "")
	}
	return ClassDrift, strings.Join(moved, "; ")
}

// moved lists the attributes that are not as expected, and since whose change.
func (s *step) moved(g *guard) []string {
	a, p := s.action, &s.plan.Header.Policy
	if a.Do == DoInsert {
		return []string{"the record is there"}
	}
	var out []string
	say := func(name string, want, got audit.Value) {
		out = append(out, fmt.Sprintf("%s is %s, expected %s%s", short(name), show(got), show(want), s.since(g, name)))
	}
	managed := s.managed()
	for _, name := range g.image.Body.Names() {
		want, owned := a.Expect.Owned[name]
		got := g.image.Body.Get(name)
		// A delete takes all of the record, so all of it must be known.
		if (owned || a.Do == DoDelete && !managed[name] || slices.Contains(a.Expect.Absent, name)) && !p.same(got, want) {
			say(name, want, got)
		}
	}
	for name, want := range a.Expect.Owned {
		if g.image.Body.Get(name) == nil && !p.same(nil, want) {
			say(name, want, nil)
		}
	}
	slices.Sort(out)
	return out
}

// since names the newest change that the plan does not know, of one attribute if
// it can be told.
func (s *step) since(g *guard, name string) string {
	for _, c := range slices.Backward(g.trail.Changes) {
		if c.Time <= s.action.Expect.Version || c.Op.Kind() == audit.KindMessage {
			continue
		}
		if name == "" || c.After.State != audit.Present || s.plan.Header.Policy.same(c.After.Body.Get(name), g.image.Body.Get(name)) {
			return ", since " + who(&c)
		}
	}
	return ""
}

// differ lists the attributes of a record that are not what the action wants.
func (s *step) differ(body audit.Value) []string {
	var names []string
	for name, want := range s.action.targets() {
		if !s.plan.Header.Policy.same(body.Get(name), want) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// prove finds our change in Harper's log, looks at what else happened since the
// guard, and reads the record again. The zero verdict says that there is no
// trace of a write that was not acknowledged.
func (s *step) prove(ctx context.Context, g *guard, acked bool, sent int) (verdict, error) {
	live, err := s.read(ctx)
	if err != nil {
		return verdict{}, err
	}
	trail, _, err := s.trail(ctx, g.version)
	if err != nil {
		return verdict{}, err
	}
	if trail.Err != nil {
		return verdict{phase: audit.PhaseUnknown, why: "unproven: the record's log cannot be read: " + short(trail.Err.Error()) + s.seems(live)}, nil
	}
	e := s.sort(g, trail, acked, sent)
	if e.ours == nil {
		return s.absent(g, live, acked), nil
	}
	v := verdict{phase: audit.PhaseVerified, version: e.ours.Time, own: e.own}
	if raced := s.raced(g, e, live); len(raced) > 0 {
		v.phase, v.why = audit.PhaseRaced, strings.Join(raced, "; ")
		return v, nil
	}
	v.phase, v.why = s.compare(g, e, live)
	return v, nil
}

// seems says what the record shows when its log cannot.
func (s *step) seems(live audit.Image) string {
	want := audit.Present
	if s.action.Do == DoDelete {
		want = audit.Absent
	}
	if live.State == want && len(s.action.Add) == 0 && (want == audit.Absent || len(s.differ(live.Body)) == 0) {
		return "; the record is as the plan wants it"
	}
	return ""
}

// absent is the verdict on a write of which the log has no trace.
func (s *step) absent(g *guard, live audit.Image, acked bool) verdict {
	switch {
	case !acked:
		return verdict{}
	case s.seems(live) != "":
		return verdict{phase: audit.PhaseUnknown, why: "Harper acknowledged it and the record is as the plan wants it, but the log does not show it"}
	case g.version > s.now():
		return verdict{phase: audit.PhaseFailed, why: fmt.Sprintf("write ignored: Harper acknowledged it, but the record's version lies in the future (%s)", g.version.ISO())}
	}
	return verdict{phase: audit.PhaseFailed, why: "write ignored: Harper acknowledged it, but neither the log nor the record shows it"}
}

// events are the changes since the guard.
type events struct {
	ours          *audit.Change
	own           []audit.ChangeID // ours, and those of our earlier attempts
	before, after []audit.Change   // others', before and after ours
}

// sort tells our change from those of others: by user, by kind, and by what it
// left. Somebody may use our account besides us; of the changes that could be
// ours, so many are as we have sent writes.
func (s *step) sort(g *guard, trail Trail, acked bool, sent int) events {
	var e events
	kind := audit.KindWrite
	if s.action.Do == DoDelete {
		kind = audit.KindDelete
	}
	var fresh []audit.Change
	for _, c := range trail.Changes {
		if g.fresh(&c) {
			fresh = append(fresh, c)
		}
	}
	mine := make([]bool, len(fresh))
	claim := func(accept func(i int) bool) {
		for i := len(fresh) - 1; i >= 0 && len(e.own) < sent; i-- {
			c := &fresh[i]
			if !mine[i] && c.User == s.options.User && c.Op.Kind() == kind && c.Time > g.version && accept(i) {
				mine[i], e.own = true, append(e.own, c.ID)
				if e.ours == nil {
					e.ours = c
				}
			}
		}
	}
	claim(func(i int) bool { return s.left(&fresh[i]) })
	if e.ours == nil {
		// The image of the newest change is right; that of an earlier one need not
		// be.
		claim(func(i int) bool { return acked || i < len(fresh)-1 })
	}
	for i := range fresh {
		switch {
		case mine[i]:
		case e.ours != nil && fresh[i].Time <= e.ours.Time:
			e.before = append(e.before, fresh[i])
		default:
			e.after = append(e.after, fresh[i])
		}
	}
	return e
}

// left says that the change left what the action wants, as far as it is known.
func (s *step) left(c *audit.Change) bool {
	return s.action.Do == DoDelete || c.After.State != audit.Present || len(s.differ(c.After.Body)) == 0
}

func who(c *audit.Change) string {
	user := short(c.User)
	if user == "" {
		user = "nobody the log names"
	}
	return user + " at " + c.Time.ISO()
}

// How much of a value, a name or a message goes into a reason.
const shown = 120

func show(v audit.Value) string {
	if v == nil {
		return "absent"
	}
	return short(v.JSON())
}

func short(s string) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(clean) > shown {
		return strings.ToValidUTF8(clean[:shown], "") + "…"
	}
	return clean
}
