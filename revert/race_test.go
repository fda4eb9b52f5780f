package revert

import (
	"fmt"
	"strings"
	"testing"

	"recourse/audit"
)

// rivals are what another user may do to a record at any moment.
func rivals(k audit.Key) []op {
	text := func(s string) map[string]audit.Value { return map[string]audit.Value{"a": audit.Text(s)} }
	return []op{
		{user: "bob", kind: "patch", key: k, set: text("rival")},
		{user: "bob", kind: "patch", key: k, set: map[string]audit.Value{"b": audit.Text("rival")}},
		{user: "bob", kind: "patch", key: k, set: map[string]audit.Value{"n": audit.Int(7)}},
		{user: "bob", kind: "update", key: k, set: text("rival")},
		{user: "bob", kind: "put", key: k, set: text("rival")},
		{user: "bob", kind: "put", key: k, set: text("old")},
		{user: "bob", kind: "insert", key: k, set: text("rival")},
		{user: "bob", kind: "delete", key: k},
		{user: me, kind: "patch", key: k, set: text("by hand")}, // somebody else with our account
	}
}

// P16: a rival's write at each point of the protocol survives, or the step says
// that it does not; a step that claims to be verified has not destroyed it.
func TestRaceAtEachPoint(t *testing.T) {
	raced, verified, skipped := 0, 0, 0
	for n := 1; n <= 4; n++ {
		for i := range rivals(dog(n)) {
			for point := 1; ; point++ {
				st, ran, lost := race(t, dog(n), rivals(dog(n))[i], point)
				if !ran {
					break
				}
				switch st.Phase {
				case audit.PhaseRaced:
					raced++
				case audit.PhaseVerified:
					verified++
				case audit.PhaseSkipped:
					skipped++
				}
				said := st.Phase == audit.PhaseRaced || st.Phase == audit.PhaseFailed || st.Phase == audit.PhaseUnknown
				if lost != "" && !said {
					t.Errorf("%s at point %d: %s, and the step is %s %q", rivals(dog(n))[i], point, lost, st.Phase, st.Why)
				}
				if st.Phase == audit.PhaseRaced && lost == "" && !strings.Contains(st.Why, "back a part") && !strings.HasPrefix(st.Why, "n: absent") {
					t.Errorf("%s at point %d: nothing was lost, and the step is %s %q", rivals(dog(n))[i], point, st.Phase, st.Why)
				}
			}
		}
	}
	if raced == 0 || verified == 0 || skipped == 0 {
		t.Errorf("%d raced, %d verified, %d skipped: the test has not met them all", raced, verified, skipped)
	}
}

// race applies the plan and lets a rival write at one point of the record's step.
// It tells how the step ended, whether the point was reached, and what of the
// rival's write was lost.
func race(t *testing.T, k audit.Key, rival op, point int) (Step, bool, string) {
	t.Helper()
	s, p := attacked(t)
	for i := range p.Actions {
		if p.Actions[i].Key() == k {
			p.Actions = p.Actions[i : i+1]
			p.Actions[0].N = 1
			break
		}
	}
	srv, m := &simServer{sim: s}, newMemory()
	var before, after audit.Value
	n, did := 0, false
	hook := func(string) error {
		if n++; n != point {
			return nil
		}
		before = body(s, k)
		did = s.do(rival)
		after = body(s, k)
		return nil
	}
	srv.at, m.at = hook, hook
	res := mustApply(t, srv, m, p)
	if n < point {
		return Step{}, false, ""
	}
	return res.Steps[0], true, lostOf(did, before, after, body(s, k), &p.Actions[0])
}

func body(s *sim, k audit.Key) audit.Value {
	if r := s.records[k]; r != nil {
		return r.body
	}
	return nil
}

// lostOf says what a rival changed that is not there at the end.
func lostOf(did bool, before, after, end audit.Value, a *Action) string {
	switch {
	case !did:
		return ""
	case after == nil:
		if before != nil && end != nil {
			return "the rival's delete is undone"
		}
		return ""
	case end == nil:
		for _, name := range after.Names() {
			if !after.Get(name).Equal(before.Get(name)) {
				return "the rival's " + name + " is deleted"
			}
		}
		return ""
	}
	p := new(Policy)
	for _, name := range append(after.Names(), before.Names()...) {
		if _, inc := a.Add[name]; !inc && !p.same(before.Get(name), after.Get(name)) && !p.same(after.Get(name), end.Get(name)) {
			return fmt.Sprintf("the rival's %s, %s, is now %s", name, show(after.Get(name)), show(end.Get(name)))
		}
	}
	return ""
}
