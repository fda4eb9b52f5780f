package revert

import (
	"context"
	"testing"

	"recourse/audit"
)

// Killed at any point, an apply that is not taken up can be taken back: with its
// plan, what it wrote and could not enter is found in the log. No plan made
// meanwhile brings back what it had undone.
func TestCrashAtEachStepAndUndo(t *testing.T) {
	ctx := context.Background()
	points, found := 0, 0
	for crash := 1; ; crash++ {
		s := &story{sim: newSim(), mem: newMemory(), doubt: map[audit.Key]bool{}}
		first, p := attacked(t)
		s.sim = first
		before := s.sim.state()
		n := 0
		die := func(string) error {
			if n++; n >= crash {
				return errCrash
			}
			return nil
		}
		srv := &simServer{sim: s.sim, at: die}
		s.mem.at = die
		_, err := applier(srv, s.mem).Apply(ctx, p, ApplyOptions{User: me})
		s.mem.at = nil
		if err == nil {
			break
		}
		points++
		s.sim.poll()
		half := s.sim.state()
		receipts, err := s.mem.Receipts(ctx, p.Header.Digest)
		if err != nil {
			t.Fatal(err)
		}
		s.noneTwice(t, crash, p, receipts)
		entered := len(s.mem.own)
		left, err := p.Settle(ctx, simSource{s}, receipts, s.mem.own, s.mem)
		if err != nil {
			t.Fatal(err)
		}
		found += len(s.mem.own) - entered
		for _, k := range left {
			if !equalStates(only(half, k), only(before, k)) {
				t.Errorf("crash %d: the write of %s is not found", crash, k)
			}
		}
		u, err := UndoOf(s.mem.ledger, p.Header.Digest)
		if err != nil && !equalStates(half, before) {
			t.Fatalf("crash %d: %v", crash, err)
		}
		undo, err := s.make(Request{Undo: u, Policy: counting}, s.records())
		if err != nil {
			t.Fatal(err)
		}
		if res := mustApply(t, &simServer{sim: s.sim}, s.mem, undo); res.Verified != len(undo.Actions) {
			t.Fatalf("crash %d: %+v", crash, res)
		}
		s.sim.poll()
		if got := s.sim.state(); !equalStates(got, before) {
			t.Errorf("crash %d: taken back %v, want %v", crash, dump(got), dump(before))
		}
	}
	if points < 30 || found < 4 {
		t.Errorf("%d crashes, %d writes found", points, found)
	}
}

// noneTwice: a plan for nothing, and one for what is half undone, write nothing
// to a record that is undone, be it known to be or not.
func (s *story) noneTwice(t *testing.T, crash int, p *Plan, receipts []audit.Receipt) {
	t.Helper()
	cut := map[audit.Key][]audit.Receipt{}
	for _, intents := range CutOff(receipts) {
		cut[intents[0].Key] = intents
	}
	for _, m := range []func(*audit.Change) bool{func(*audit.Change) bool { return false }, eves} {
		sel, err := Select(Criteria{}, each(s.changes(), m))
		if err != nil {
			t.Fatal(err)
		}
		other, err := s.make(Request{Selection: sel, Policy: counting, CutOff: cut}, s.records())
		if err != nil {
			t.Fatal(err)
		}
		want := applied(p, s.sim.state())
		for i := range other.Actions {
			a := &other.Actions[i]
			if wrote := s.wrote(a.Key()); wrote || !equalStates(only(applied(other, s.sim.state()), a.Key()), only(want, a.Key())) {
				t.Errorf("crash %d: a plan of %d changes writes %s", crash, sel.Events, said(other))
			}
		}
	}
}

// wrote says that a write of ours to the record is in the log.
func (s *story) wrote(k audit.Key) bool {
	for i := range s.sim.log {
		if e := &s.sim.log[i]; e.key == k && e.user == me {
			return true
		}
	}
	return false
}

// What looks like a write of a step and is another's is not taken for it.
func TestSettleTakesOnlyItsOwn(t *testing.T) {
	ctx := context.Background()
	sim, p := attacked(t)
	s := &story{sim: sim, mem: newMemory(), doubt: map[audit.Key]bool{}}
	a := &p.Actions[1] // a patch
	receipt := func(phase audit.Phase) audit.Receipt {
		body := s.sim.state()[a.Key()]
		wrote := body
		for n, v := range a.targets() {
			wrote = wrote.With(n, v)
		}
		return audit.Receipt{Plan: p.Header.Digest, Step: a.N, Phase: phase, Key: a.Key(), By: me, Guard: a.Expect.Version,
			Replaced: audit.PresentImage(body, audit.Fetched, audit.Exact), Wrote: audit.PresentImage(wrote, audit.Folded, audit.Exact)}
	}
	open := []audit.Receipt{receipt(audit.PhaseIntent), receipt(audit.PhaseSent)}
	settle := func(receipts []audit.Receipt) int {
		t.Helper()
		own := len(s.mem.own)
		if _, err := p.Settle(ctx, simSource{s}, receipts, s.mem.own, s.mem); err != nil {
			t.Fatal(err)
		}
		return len(s.mem.own) - own
	}
	s.sim.do(op{user: "bob", kind: "patch", key: a.Key(), set: a.Set})
	s.sim.do(op{user: me, kind: "patch", key: a.Key(), set: map[string]audit.Value{"a": audit.Text("another")}})
	s.sim.do(op{user: me, kind: "delete", key: a.Key()})
	if n := settle(open); n > 0 {
		t.Errorf("%d writes of others are taken for the step's", n)
	}
	s.sim.do(op{user: me, kind: "put", key: a.Key(), set: map[string]audit.Value{"a": a.Set["a"], "b": audit.Text("b")}})
	if n := settle(append(open, receipt(audit.PhaseVerified))); n > 0 {
		t.Errorf("a step that has ended is settled")
	}
	if n := settle(open); n != 1 || len(s.mem.reverted) != len(a.Changes) {
		t.Errorf("%d writes, %d changes", n, len(s.mem.reverted))
	}
	if n := settle(open); n > 0 {
		t.Errorf("settled twice")
	}
}

// A write of ours that the history lacks makes a conflict: without it the record is
// not what it seems, and with a counter nothing else would tell.
func TestUnreadWriteIsAConflict(t *testing.T) {
	ctx := context.Background()
	sim, p := attacked(t)
	m := newMemory()
	unread := sim.changes(0)
	mustApply(t, &simServer{sim: sim}, m, p)
	sim.do(op{user: "bob", kind: "patch", key: dog(4), add: map[string]audit.Value{"n": audit.Int(90)}}) // it is 100 again
	sel, err := Select(Criteria{}, each(unread, eves))
	if err != nil {
		t.Fatal(err)
	}
	req := Request{Selection: sel, Policy: counting, Ledger: m.ledger, Wrote: Wrote(m.receipts)}
	q, err := Make(ctx, req, history(unread))
	if err != nil {
		t.Fatal(err)
	}
	if len(q.Actions) > 0 || q.Header.Classes[ClassLagging] != 4 {
		t.Errorf("planned upon what was not read: %s", said(q))
	}
	sim.poll()
	q, err = Make(ctx, req, history(sim.changes(0)))
	if err != nil || len(q.Actions)+len(q.Conflicts) > 0 {
		t.Errorf("planned upon what was read: %s (%v)", said(q), err)
	}
}
