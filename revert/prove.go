package revert

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"recourse/audit"
)

var errNoAnswer = errors.New("the answer does not have the record")

// A verdict is how a step ended; one without a phase is none.
type verdict struct {
	phase     audit.Phase
	class     Class
	why       string
	version   audit.Time
	own       []audit.ChangeID // our own changes, found in the log
	losses    []loss           // of a lost race
	attacker  string           // who of the selection's users has written the record meanwhile
	unsettled bool             // another look may find more
}

// judge finds our change in Harper's log, looks at what else happened since the
// guard, and compares the record. A verdict without a phase says that there is no
// trace of a write that was not acknowledged.
func (s *step) judge(live audit.Image, trail Trail) verdict {
	if trail.Err != nil {
		return verdict{phase: audit.PhaseUnknown, why: "unproven: the record's log cannot be read: " + short(trail.Err.Error()) + s.seems(live)}
	}
	e := s.sort(s.guard, trail)
	if e.ours == nil {
		v := s.absent(live, e)
		v.attacker, v.unsettled = s.attacker(e.after), true
		return v
	}
	v := verdict{phase: audit.PhaseVerified, version: e.ours.Time, own: e.own, attacker: s.attacker(slices.Concat(e.before, e.after))}
	if v.losses = s.raced(s.guard, e, live); len(v.losses) > 0 {
		v.phase, v.class, v.why = audit.PhaseRaced, v.losses[0].class, whyLost(v.losses)
		return v
	}
	s.compare(&v, e, live)
	return v
}

// attacker names the newest change by a user of the selection.
func (s *step) attacker(changes []audit.Change) string {
	for _, c := range slices.Backward(changes) {
		if s.plan.Suspects()[c.User] > 0 && c.User != "" && c.User != s.options.User {
			return who(&c)
		}
	}
	return ""
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
func (s *step) absent(live audit.Image, e events) verdict {
	version := s.guard.version
	switch {
	case !s.acked:
		return verdict{}
	case s.maybe && live.State == audit.Present:
		return verdict{phase: audit.PhaseSkipped, class: ClassDrift, why: "the record was written at the same moment, and so left alone" + after(e)}
	case s.seems(live) != "":
		return verdict{phase: audit.PhaseUnknown, why: "Harper acknowledged it and the record is as the plan wants it, but the log does not show it"}
	case version > s.now():
		return verdict{phase: audit.PhaseFailed, class: ClassDropped, why: fmt.Sprintf("write ignored: Harper acknowledged it, but the record's version lies in the future (%s)", version.ISO())}
	}
	return verdict{phase: audit.PhaseFailed, class: ClassDropped, why: "write ignored: Harper acknowledged it, but neither the log nor the record shows it"}
}

// after names the newest of the changes that came after ours.
func after(e events) string {
	if n := len(e.after); n > 0 {
		return ", by " + who(&e.after[n-1])
	}
	return ""
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
func (s *step) sort(g *guard, trail Trail) events {
	var e events
	var fresh []audit.Change
	for _, c := range trail.Changes {
		if g.fresh(&c) {
			fresh = append(fresh, c)
		}
	}
	mine := s.claim(&e, g, fresh)
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

// claim finds among fresh changes which are ours.
func (s *step) claim(e *events, g *guard, fresh []audit.Change) []bool {
	kind := audit.KindWrite
	if s.action.Do == DoDelete {
		kind = audit.KindDelete
	}
	mine := make([]bool, len(fresh))
	claim := func(accept func(i int) bool) {
		for i := len(fresh) - 1; i >= 0 && len(e.own) < s.tried; i-- {
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
		claim(func(i int) bool { return s.acked || i < len(fresh)-1 })
	}
	for i := range fresh {
		// What a repair wrote that an earlier apply had begun.
		if c := &fresh[i]; e.ours != nil && !mine[i] && c.User == s.options.User && c.Time > e.ours.Time && len(e.own) < s.tried+len(s.stand.repairs) {
			mine[i], e.own = true, append(e.own, c.ID)
		}
	}
	return mine
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
