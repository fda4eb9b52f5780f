package revert

import (
	"context"
	"errors"
	"slices"
	"testing"

	"recourse/audit"
)

// P2: whatever was done before, reverts and undoes among it, a restore leads to the
// state of its time; taken back, to the state before it.
func TestRestoreAnyTime(t *testing.T) {
	took := 0
	for seed := range stories() / 2 {
		s := newStory(seeded(seed), recipe{adds: seed%2 == 0})
		for range 3 {
			if err := s.step(); err != nil {
				t.Fatalf("seed %d: %v%s", seed, err, s)
			}
		}
		before, n := s.sim.state(), len(s.mem.ledger.Applies)
		at := s.sim.log[s.dice(len(s.sim.log))].time
		if err := s.restore(at); err != nil {
			t.Fatalf("seed %d: %v%s", seed, err, s)
		}
		if err := s.restore(at); err != nil { // a second time it has nothing to do
			t.Fatalf("seed %d: %v%s", seed, err, s)
		}
		if len(s.mem.ledger.Applies) < n+2 || len(s.doubt) > 0 {
			continue
		}
		took++
		for _, a := range slices.Backward(slices.Clone(s.mem.ledger.Applies[n:])) {
			if err := s.back(a.Plan); err != nil {
				t.Fatalf("seed %d: %v%s", seed, err, s)
			}
		}
		if got := s.sim.state(); len(s.doubt) == 0 && !equalStates(got, before) {
			t.Fatalf("seed %d: taken back: %v, want %v%s", seed, dump(got), dump(before), s)
		}
	}
	if took < 16 {
		t.Errorf("%d restores were taken back", took)
	}
}

// restorePlan plans to restore what a script left, at so many operations.
func restorePlan(t *testing.T, script string, at int, r Restore) string {
	t.Helper()
	s := newSim()
	for _, o := range parse(t, script) {
		s.do(o)
		s.poll()
	}
	r.At, r.Ledger = s.log[at-1].time, &audit.Ledger{}
	for table, stretches := range r.Hidden { // in operations, too
		for i := range stretches {
			stretches[i].From, stretches[i].To = timeOfOp(s, stretches[i].From), timeOfOp(s, stretches[i].To)
		}
		r.Hidden[table] = stretches
	}
	sel, undo, err := r.Prepare(context.Background(), Criteria{}, history(s.changes(0)))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Make(context.Background(), Request{Selection: sel, Undo: undo, Ledger: r.Ledger}, r.Histories(history(s.changes(0))))
	if err != nil {
		t.Fatal(err)
	}
	roundTrip(t, p)
	return said(p)
}

// timeOfOp is the time of the n-th operation, from 1; of half a number, a time
// between two.
func timeOfOp(s *sim, n audit.Time) audit.Time { return s.log[0].time + (n-1)*7.25 }

// Of what the history does not show at the time nothing is guessed.
func TestRestoreKnowsWhatItDoesNotKnow(t *testing.T) {
	hidden := func(from, to audit.Time) map[audit.Table][]audit.Stretch {
		return map[audit.Table][]audit.Stretch{dogs: {{From: from, To: to}}}
	}
	const script = "ann insert a=1; bob patch a=2; eve patch a=3; bob patch b=4"
	for _, tt := range []struct {
		name, script string
		at           int
		r            Restore
		want         string
	}{
		{"all read", script, 1, Restore{}, "patch a=1 -b"},
		{"the last change itself stays", script, 4, Restore{}, ""},
		{"a gap long before", script, 2, Restore{Hidden: hidden(0.2, 0.8)}, "patch a=2 -b"},
		{"a gap after the first change since", script, 2, Restore{Hidden: hidden(3.2, 3.8)}, "patch a=2 -b"},
		{"a gap after the time, the change before is known", script, 2, Restore{Hidden: hidden(2.2, 2.8)}, "patch a=2 -b"},
		{"a gap over the time", "ann insert a=1; ann patch a=2; eve patch a=3", 1, Restore{Hidden: hidden(0.5, 1.5)}, "conflict no-base a,id"},
		{"nothing before the time", "ann insert a=1", 1, Restore{Except: map[string]bool{"ann": true}}, ""},
		{"what a user did stays", script, 1, Restore{Except: map[string]bool{"bob": true}}, "patch a=2 carried:a"},
		{"made since", "bob delete; eve insert a=9", 1, Restore{}, "delete"},
		{"made since, but the log does not reach back", "bob delete; eve insert a=9", 1, Restore{Hidden: hidden(0, 1.5)}, "conflict no-base a,id"},
		{"deleted since", "ann insert a=1 b=2; eve delete", 1, Restore{}, "insert a=1 b=2"},
		{"another table's gap", script, 1, Restore{Hidden: map[audit.Table][]audit.Stretch{{Database: "dev", Name: "cat"}: {{From: 0, To: 9}}}}, "patch a=1 -b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := restorePlan(t, tt.script, tt.at, tt.r); got != tt.want {
				t.Errorf("%s, at %d:\n got %s\nwant %s", tt.script, tt.at, got, tt.want)
			}
		})
	}
}

// A restore to the middle of an apply is refused where a change was undone before
// and after.
func TestRestoreAstride(t *testing.T) {
	s := newStory(seeded(1), recipe{})
	s.write(op{user: "eve", kind: "put", key: k1, set: map[string]audit.Value{"a": audit.Text("x")}})
	s.write(op{user: "eve", kind: "put", key: k2, set: map[string]audit.Value{"a": audit.Text("x")}})
	var ids []audit.ChangeID
	for _, c := range s.changes() {
		if eves(&c) {
			ids = append(ids, c.ID)
		}
	}
	first, err := s.revert(eves)
	if err != nil {
		t.Fatal(err)
	}
	var mine []audit.Time
	for _, c := range s.changes() {
		if c.User == me {
			mine = append(mine, c.Time)
		}
	}
	if len(mine) != 2 {
		t.Fatalf("%d writes, want one for each record", len(mine))
	}
	// A later apply that had undone all of it, too.
	s.mem.ledger.Applies = append(s.mem.ledger.Applies, audit.Apply{Plan: "later", Number: 2, At: s.sim.clock + 1})
	s.mem.enter(ids, audit.Entry{Plan: "later"})
	r := Restore{At: mine[0], Ledger: s.mem.ledger}
	if _, _, err := r.Prepare(context.Background(), Criteria{}, s.records()); !errors.Is(err, ErrAstride) {
		t.Errorf("in the middle of %s: %v", first.Header.ID, err)
	}
	r.At = mine[1]
	if _, u, err := r.Prepare(context.Background(), Criteria{}, s.records()); err != nil || !slices.Equal(u.Plans, []string{"later"}) {
		t.Errorf("after %s: %v %v", first.Header.ID, u.Plans, err)
	}
}
