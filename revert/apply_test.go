package revert

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"recourse/audit"
)

// attacked is a Harper with one record of each kind of action, and the plan.
func attacked(t testing.TB) (*sim, *Plan) {
	t.Helper()
	s := newSim()
	text := func(v string) map[string]audit.Value {
		return map[string]audit.Value{"a": audit.Text(v), "b": audit.Text("b")}
	}
	number := func(n int64) map[string]audit.Value { return map[string]audit.Value{"n": audit.Int(n)} }
	for _, o := range []op{
		{user: "ann", kind: "insert", key: dog(1), set: text("old")},
		{user: "ann", kind: "insert", key: dog(2), set: text("gone")},
		{user: "ann", kind: "insert", key: dog(4), set: number(10)},
		{user: "eve", kind: "patch", key: dog(1), set: map[string]audit.Value{"a": audit.Text("pwned"), "x": audit.Bool(true)}},
		{user: "eve", kind: "delete", key: dog(2)},
		{user: "eve", kind: "insert", key: dog(3), set: text("fake")},
		{user: "eve", kind: "patch", key: dog(4), add: number(90)},
	} {
		s.do(o)
		s.poll()
	}
	return s, replan(t, s, newMemory())
}

var counting = Policy{Numbers: map[string]Number{"dev.dog.n": NumberCounter}}

func replan(t testing.TB, s *sim, m *memory) *Plan {
	t.Helper()
	p, err := planFor(s.changes(0), eves, m.reverted, m.own, counting)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func dog(n int) audit.Key { return audit.Key{Table: dogs, ID: audit.ID(fmt.Sprint(n))} }

// clean is the state that the plan of attacked leads to.
func clean(t testing.TB) map[audit.Key]audit.Value {
	t.Helper()
	s, p := attacked(t)
	return applied(p, s.state())
}

func mustApply(t testing.TB, srv *simServer, m *memory, p *Plan) *Result {
	t.Helper()
	res, err := applier(srv, m).Apply(context.Background(), p, ApplyOptions{User: me})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestApplyAndAgain(t *testing.T) {
	s, p := attacked(t)
	srv, m := &simServer{sim: s}, newMemory()
	var seen []Step
	res, err := applier(srv, m).Apply(context.Background(), p, ApplyOptions{User: me, Progress: func(st Step) { seen = append(seen, st) }})
	if err != nil || res.Err() != nil {
		t.Fatal(err, res.Err())
	}
	if res.Applied != 4 || res.Verified != 4 || len(seen) != 4 || !equalStates(s.state(), clean(t)) {
		t.Errorf("result %+v, steps %+v, state %v", res, seen, dump(s.state()))
	}
	for i, do := range []string{DoInsert, DoPatch, DoPatch, DoDelete} {
		if seen[i].Do != do {
			t.Errorf("step %d is %s, want %s", i+1, seen[i].Do, do)
		}
	}
	v, err := applier(srv, m).Verify(context.Background(), p)
	if err != nil || v.Err() != nil || v.OK != 4 {
		t.Errorf("verification %+v: %v", v, err)
	}
	receipts, log := len(m.receipts), len(s.log)
	again := mustApply(t, srv, m, p)
	if again.Applied != 0 || again.Verified != 4 || len(m.receipts) != receipts || len(s.log) != log {
		t.Errorf("applied again: %+v", again)
	}
	if next := replan(t, s, m); !next.Empty() {
		t.Errorf("planned again: %+v", next.Actions)
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	s, p := attacked(t)
	srv, m := &simServer{sim: s}, newMemory()
	log := len(s.log)
	s.do(op{user: "bob", kind: "patch", key: dog(1), set: map[string]audit.Value{"a": audit.Text("bob's")}})
	res, err := applier(srv, m).Apply(context.Background(), p, ApplyOptions{DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	if res.Pending != 3 || res.Skipped != 1 || srv.writes > 0 || len(m.receipts)+len(m.reverted)+len(m.own) > 0 || len(s.log) != log+1 {
		t.Errorf("dry run: %+v", res)
	}
}

// P14: after a crash at each step a second apply comes to the same end, and the
// increment is made once.
func TestCrashAtEachStepAndResume(t *testing.T) {
	points, unknown := 0, 0
	for crash := 1; ; crash++ {
		s, p := attacked(t)
		srv, m := &simServer{sim: s}, newMemory()
		n, where := 0, ""
		die := func(point string) error {
			if n++; n == crash {
				where = point
			}
			if n >= crash {
				return errCrash
			}
			return nil
		}
		srv.at, m.at = die, die
		_, err := applier(srv, m).Apply(context.Background(), p, ApplyOptions{User: me})
		if err == nil {
			break
		}
		points++
		srv.at, m.at = nil, nil
		res := mustApply(t, srv, m, p)
		if where == "before write" && errors.Is(res.Err(), ErrUnknownOutcome) {
			// The one thing that cannot be known: was the increment sent before we
			// died? It is not sent again.
			if st := step1(t, res, dog(4)); st.Phase != audit.PhaseUnknown || res.Unknown != 1 || !body(s, dog(4)).Get("n").Equal(audit.Int(100)) {
				t.Errorf("crash %d at %s: %+v", crash, where, res)
			}
			unknown++
			continue
		}
		if res.Err() != nil || res.Verified+res.Already != 4 || !equalStates(s.state(), clean(t)) {
			t.Errorf("crash %d at %s: %+v %v", crash, where, res, dump(s.state()))
		}
		adds := 0
		for _, e := range s.log {
			if e.user == me && e.key == dog(4) {
				adds++
			}
		}
		if adds != 1 {
			t.Errorf("crash %d at %s: %d increments", crash, where, adds)
		}
		if next := replan(t, s, m); !next.Empty() {
			t.Errorf("crash %d at %s: planned again: %+v", crash, where, next.Actions)
		}
	}
	if points < 4*9 || unknown != 1 {
		t.Errorf("crashed at %d points only, %d outcomes unknown", points, unknown)
	}
}

// An answer that is lost is looked for in the log.
func TestLostAnswer(t *testing.T) {
	s, p := attacked(t)
	srv, m := &simServer{sim: s, lose: 4}, newMemory()
	res := mustApply(t, srv, m, p)
	if res.Err() != nil || res.Verified != 4 || !equalStates(s.state(), clean(t)) {
		t.Errorf("answers lost: %+v", res)
	}
}

// A request that is lost is sent once more, but an increment is not.
func TestLostRequest(t *testing.T) {
	s, p := attacked(t)
	srv, m := &simServer{sim: s}, newMemory()
	lost := 0
	srv.at = func(point string) error {
		if point == "before write" && lost < 100 {
			if lost++; lost%2 == 1 || s.records[dog(1)].body.Get("a").Text() == "old" {
				return errors.New("connection refused")
			}
		}
		return nil
	}
	res, err := applier(srv, m).Apply(context.Background(), p, ApplyOptions{User: me, Batch: 1})
	if err != nil || !errors.Is(res.Err(), ErrUnknownOutcome) || res.Unknown == 0 || res.Verified == 0 {
		t.Errorf("requests lost: %+v %v", res, err)
	}
	if n := s.records[dog(4)].body.Get("n"); !n.Equal(audit.Int(100)) {
		t.Errorf("n is %s, want the attacker's 100", n.JSON())
	}
	srv.at = nil
	res = mustApply(t, srv, m, p)
	for _, st := range res.Steps {
		if st.Key == dog(4) && (st.Phase != audit.PhaseUnknown || !strings.Contains(st.Why, "never sent twice")) {
			t.Errorf("the increment: %+v", st)
		}
	}
	if res.Unknown != 1 || res.Verified != 3 {
		t.Errorf("resumed: %+v", res)
	}
}

func step1(t testing.TB, res *Result, k audit.Key) Step {
	t.Helper()
	for _, st := range res.Steps {
		if st.Key == k {
			return st
		}
	}
	t.Fatalf("no step for %s in %+v", k, res)
	return Step{}
}

func TestRefusedAndIgnored(t *testing.T) {
	t.Run("refused", func(t *testing.T) {
		s, p := attacked(t)
		res := mustApply(t, &simServer{sim: s, deny: "not authorized\x1b[2J"}, newMemory(), p)
		if st := res.Steps[0]; res.Failed != 1 || res.Pending != 3 || !errors.Is(res.Err(), ErrPartial) || strings.Contains(st.Why+res.Halted, "\x1b") {
			t.Errorf("the first is refused: %+v", res)
		}
		res, err := applier(&simServer{sim: s, deny: "not authorized"}, newMemory()).Apply(context.Background(), p, ApplyOptions{User: me, Canary: -1})
		if err != nil || res.Failed != 4 || res.Halted != "" || !errors.Is(res.Err(), ErrPartial) {
			t.Errorf("without a canary: %+v %v", res, err)
		}
	})
	t.Run("version in the future", func(t *testing.T) {
		s, p := attacked(t)
		s.records[dog(1)].version += 1e9
		s.log = append(s.log, simEntry{key: dog(1), time: s.records[dog(1)].version, user: "ann", op: audit.OpPatch, part: audit.Object(nil)})
		m := newMemory()
		st := step1(t, mustApply(t, &simServer{sim: s}, m, p), dog(1))
		if st.Phase != audit.PhaseFailed || !strings.Contains(st.Why, "version lies in the future") {
			t.Errorf("%+v", st)
		}
	})
	t.Run("log not readable", func(t *testing.T) {
		s, p := attacked(t)
		m := newMemory()
		res := mustApply(t, &simServer{sim: s, poison: map[audit.Key]bool{dog(1): true}}, m, p)
		st := step1(t, res, dog(1))
		if st.Phase != audit.PhaseUnknown || !strings.HasPrefix(st.Why, "unproven") || !errors.Is(res.Err(), ErrUnknownOutcome) {
			t.Errorf("%+v", st)
		}
		for i := range p.Actions {
			for _, id := range p.Actions[i].Changes {
				if _, ok := m.reverted[id]; ok == (p.Actions[i].Key() == dog(1)) {
					t.Errorf("%s: reverted %v", p.Actions[i].Key(), ok)
				}
			}
		}
	})
	t.Run("no user", func(t *testing.T) {
		s, p := attacked(t)
		if _, err := applier(&simServer{sim: s}, newMemory()).Apply(context.Background(), p, ApplyOptions{}); !errors.Is(err, ErrNoUser) {
			t.Error(err)
		}
	})
}

// What moved between plan and apply is skipped, with who moved it.
func TestDrift(t *testing.T) {
	set := func(name, v string) map[string]audit.Value { return map[string]audit.Value{name: audit.Text(v)} }
	for name, tt := range map[string]struct {
		rival op
		phase audit.Phase
		class Class
		why   string
	}{
		"same attribute":        {op{kind: "patch", key: dog(1), set: set("a", "bob's")}, audit.PhaseSkipped, ClassDrift, `a is "bob's", expected "pwned", since bob at`},
		"other attribute":       {op{kind: "patch", key: dog(1), set: set("b", "bob's")}, audit.PhaseVerified, ClassRebased, ""},
		"record gone":           {op{kind: "delete", key: dog(1)}, audit.PhaseSkipped, ClassDrift, "the record is gone, since bob at"},
		"repaired by hand":      {op{kind: "patch", key: dog(1), set: map[string]audit.Value{"a": audit.Text("old"), "x": audit.Null()}}, audit.PhaseSkipped, ClassAlready, "already"},
		"made anew":             {op{kind: "insert", key: dog(2), set: set("a", "new")}, audit.PhaseSkipped, ClassDrift, "the record is there again, since bob at"},
		"made anew just so":     {op{kind: "insert", key: dog(2), set: map[string]audit.Value{"a": audit.Text("gone"), "b": audit.Text("b")}}, audit.PhaseSkipped, ClassAlready, "already"},
		"work on a fake":        {op{kind: "patch", key: dog(3), set: set("status", "packed")}, audit.PhaseSkipped, ClassDrift, "status is"},
		"fake deleted":          {op{kind: "delete", key: dog(3)}, audit.PhaseSkipped, ClassAlready, "already"},
		"counter gone on":       {op{kind: "patch", key: dog(4), add: map[string]audit.Value{"n": audit.Int(1)}}, audit.PhaseVerified, ClassRebased, ""},
		"counter no number":     {op{kind: "patch", key: dog(4), set: set("n", "many")}, audit.PhaseSkipped, ClassDrift, `n is "many", expected 100`},
		"attribute was removed": {op{kind: "put", key: dog(1), set: set("b", "b")}, audit.PhaseSkipped, ClassDrift, "a is absent"},
	} {
		t.Run(name, func(t *testing.T) {
			s, p := attacked(t)
			tt.rival.user = "bob"
			s.do(tt.rival)
			m := newMemory()
			res := mustApply(t, &simServer{sim: s}, m, p)
			st := step1(t, res, tt.rival.key)
			if st.Phase != tt.phase || st.Class != tt.class || !strings.Contains(st.Why, tt.why) {
				t.Errorf("%+v, want %s %s %q", st, tt.phase, tt.class, tt.why)
			}
			if err := res.Err(); errors.Is(err, ErrPartial) != (tt.class == ClassDrift) {
				t.Error(err)
			}
		})
	}
	s, p := attacked(t)
	for i := range p.Actions {
		s.do(op{user: "bob", kind: "put", key: p.Actions[i].Key(), set: set("a", "bob's")})
	}
	if res := mustApply(t, &simServer{sim: s}, newMemory(), p); !errors.Is(res.Err(), ErrPlanStale) || res.Applied > 0 {
		t.Errorf("all moved: %+v", res)
	}
}

func TestVerifyNamesWhatDiffers(t *testing.T) {
	s, p := attacked(t)
	srv, m := &simServer{sim: s}, newMemory()
	a := applier(srv, m)
	if v, err := a.Verify(context.Background(), p); err != nil || v.Differ != 4 || !errors.Is(v.Err(), ErrNotVerified) || !strings.Contains(v.Checks[0].Why, "not applied") {
		t.Errorf("before: %+v %v", v, err)
	}
	mustApply(t, srv, m, p)
	s.do(op{user: "bob", kind: "patch", key: dog(1), set: map[string]audit.Value{"a": audit.Text("bob's")}})
	v, err := a.Verify(context.Background(), p)
	if err != nil || v.OK != 3 || v.Differ != 1 {
		t.Fatalf("after: %+v %v", v, err)
	}
	for _, c := range v.Checks {
		if c.OK == (c.Attr == "a" && c.K == Target(dog(1))) || !c.OK && !strings.HasPrefix(c.Why, "bob at ") {
			t.Errorf("check %+v", c)
		}
	}
}
