package revert

import (
	"context"
	"fmt"
	"os"
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
// that it does not; a step that claims to be verified or repaired has not
// destroyed it.
func TestRaceAtEachPoint(t *testing.T) {
	ends := map[audit.Phase]int{}
	for n := range 8 {
		key, ops := dog(n%4+1), n >= 4
		for i := range rivals(key) {
			for point := 1; ; point++ {
				rival := rivals(key)[i]
				st, ran, lost := race(t, ops, key, rival, point)
				if !ran {
					break
				}
				ends[st.Phase]++
				said := st.Phase == audit.PhaseRaced || st.Phase == audit.PhaseFailed || st.Phase == audit.PhaseUnknown
				if lost != "" && !said {
					t.Errorf("%s at point %d, ops %v: %s, and the step is %s %q", rival, point, ops, lost, st.Phase, st.Why)
				}
				if st.Phase == audit.PhaseRaced && lost == "" && !strings.Contains(st.Why, "back a part") && !strings.HasPrefix(st.Why, "n: absent") && (!ops || !strings.Contains(st.Why, "may have been")) {
					t.Errorf("%s at point %d, ops %v: nothing was lost, and the step is %s %q", rival, point, ops, st.Phase, st.Why)
				}
			}
		}
	}
	t.Log(ends)
	for _, p := range []audit.Phase{audit.PhaseRaced, audit.PhaseRepaired, audit.PhaseVerified, audit.PhaseSkipped} {
		if ends[p] == 0 {
			t.Errorf("no step ended %s: the test has not met them all: %v", p, ends)
		}
	}
}

// alone is the plan of attacked with one action only.
func alone(t testing.TB, k audit.Key) (*sim, *Plan) {
	t.Helper()
	s, p := attacked(t)
	for i := range p.Actions {
		if p.Actions[i].Key() == k {
			p.Actions = p.Actions[i : i+1]
			p.Actions[0].N = 1
			break
		}
	}
	return s, p
}

// race applies the plan and lets a rival write at one point of the record's step.
// It tells how the step ended, whether the point was reached, and what of the
// rival's write was lost.
func race(t *testing.T, ops bool, k audit.Key, rival op, point int) (Step, bool, string) {
	t.Helper()
	s, p := alone(t, k)
	srv, m := &simServer{sim: s, ops: ops}, newMemory()
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

// TestRacesAndTheirRepair lets rivals write at any number of points, those of the
// repairs included. Planning the same selection again is the judge: after a step
// that claims to be verified or repaired it finds nothing to write.
func TestRacesAndTheirRepair(t *testing.T) {
	ends, seeds := map[audit.Phase]int{}, uint64(600)
	if os.Getenv("RECOURSE_SOAK") != "" {
		seeds = 100_000
	}
	for seed := range seeds {
		d := seeded(seed)
		key := dog(d(4) + 1)
		s, p := alone(t, key)
		s.rocks = d(2) == 0
		srv, m := &simServer{sim: s, ops: d(3) == 0}, newMemory()
		var story []string
		n := 0
		hook := func(at string) error {
			if n++; d(5) == 0 && len(story) < 4 {
				all := rivals(key)
				rival := all[d(len(all)-1)] // nobody uses our account
				s.poll()
				s.do(rival)
				s.poll()
				story = append(story, fmt.Sprintf("%d %s: %s", n, at, rival))
			}
			return nil
		}
		srv.at, m.at = hook, hook
		st := mustApply(t, srv, m, p).Steps[0]
		ends[st.Phase]++
		if st.Phase != audit.PhaseVerified && st.Phase != audit.PhaseRepaired {
			continue
		}
		srv.at, m.at = nil, nil
		again := replan(t, s, m)
		for _, a := range again.Actions {
			if a.Key() == key {
				t.Errorf("seed %d: the step is %s %q, and there is still %s %v %v add %v to do after\n%s", seed, st.Phase, st.Why, a.Do, dumpValues(a.Set), a.Unset, dumpValues(a.Add), strings.Join(story, "\n"))
			}
		}
	}
	t.Log(ends)
	if ends[audit.PhaseRepaired] == 0 {
		t.Errorf("nothing was repaired: %v", ends)
	}
}

func dumpValues(fields map[string]audit.Value) string { return string(audit.Object(fields).JSON()) }

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

// unreadable answers for no record from some reading on.
type unreadable struct {
	Server
	after *simServer // once it has written
	reads int        // readings after that which still succeed
}

func (u *unreadable) Read(ctx context.Context, keys []audit.Key) (map[audit.Key]audit.Image, error) {
	if u.after.writes > 0 {
		if u.reads--; u.reads < 0 {
			return map[audit.Key]audit.Image{}, nil
		}
	}
	return u.Server.Read(ctx, keys)
}

// TestNothingIsRepairedUnseen: what a write went over was not written back, and
// nobody has changed it since, if the record cannot be read any more.
func TestNothingIsRepairedUnseen(t *testing.T) {
	s, p := alone(t, dog(1))
	srv, m := &simServer{sim: s}, newMemory()
	srv.at = func(point string) error {
		if point == "before write" {
			s.do(op{user: "bob", kind: "patch", key: dog(1), set: map[string]audit.Value{"a": audit.Text("rival")}})
			s.poll()
		}
		return nil
	}
	a := applier(srv, m)
	a.Server = &unreadable{Server: srv, after: srv, reads: 1}
	res, err := a.Apply(context.Background(), p, ApplyOptions{User: me})
	if err != nil {
		t.Fatal(err)
	}
	if st := res.Steps[0]; st.Phase != audit.PhaseRaced || !strings.Contains(st.Why, "could not be read") || srv.writes != 1 {
		t.Errorf("%d writes, and the step is %s %q", srv.writes, st.Phase, st.Why)
	}
}
