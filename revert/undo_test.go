package revert

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"recourse/audit"
)

// P5 and P6: an undo is the state before, a redo writes bit for bit what was first
// written; and so on for the undo of the undo of the undo.
func TestUndoOfUndo(t *testing.T) {
	insertless := 0
	seeds := draws(400, 10000)
	for seed := range seeds {
		s := newStory(seeded(seed), recipe{adds: seed%2 == 0, late: seed%5 == 0})
		if seed%3 == 0 {
			s.policy = counting
		}
		before := s.sim.state()
		first, err := s.revert(eves)
		if err != nil {
			t.Fatalf("seed %d: %v%s", seed, err, s)
		}
		after := s.sim.state()
		check := func(what string, want map[audit.Key]audit.Value) {
			t.Helper()
			if got := s.sim.state(); !equalStates(got, want) {
				t.Fatalf("seed %d: %s: %v, want %v%s", seed, what, dump(got), dump(want), s)
			}
		}
		must := func(p *Plan, err error) *Plan {
			t.Helper()
			if errors.Is(err, ErrNothingToUndo) {
				return &Plan{}
			}
			if err != nil {
				t.Fatalf("seed %d: %v%s", seed, err, s)
			}
			return p
		}
		if len(s.mem.ledger.Of(first.Header.Digest)) == 0 {
			continue // every record was left for a person to decide
		}
		undo := must(s.take(first.Header.Digest, UndoOf))
		check("undone", before)
		redo := must(s.take(first.Header.Digest, RedoOf))
		check("redone", after)
		if got, want := writesOf(redo), writesOf(first); got != want {
			t.Fatalf("seed %d: redo writes\n%s\nthe first\n%s%s", seed, got, want, s)
		}
		insertless++
		third := must(s.take(redo.Header.Digest, UndoOf)) // the undo of the undo of the undo
		check("undone again", before)
		must(s.take(third.Header.Digest, UndoOf))
		check("and again", after)
		if p, err := s.take(undo.Header.Digest, UndoOf); !errors.Is(err, ErrNothingToUndo) && (err != nil || len(p.Actions) > 0) {
			t.Fatalf("seed %d: an undo that was taken back is taken back again: %v", seed, err)
		}
	}
	if uint64(insertless) < seeds/2 {
		t.Errorf("%d redos only", insertless)
	}
}

// writesOf is what a plan writes, bit for bit.
func writesOf(p *Plan) string {
	var out string
	for i := range p.Actions {
		a := &p.Actions[i]
		line, err := canonical(struct {
			K     Target
			Do    string
			Set   map[string]audit.Value
			Unset []string
			Add   map[string]audit.Value
		}{a.K, a.Do, a.Set, a.Unset, a.Add})
		if err != nil {
			panic(err)
		}
		out += string(line)
	}
	return out
}

// P9: reverts in parts, which may overlap, in any order, end where one revert of
// all would; taken back in any order they end at the state before. A planner
// without the ledger does not.
func TestRevertInAnyParts(t *testing.T) {
	wrong, compared := 0, 0
	seeds := draws(700, 20000)
	for seed := range seeds {
		parts := func(forgetful bool) (before, after map[audit.Key]audit.Value, s *story, err error) {
			d := seeded(seed)
			s = newStory(d, recipe{})
			before, s.forgetful = s.sim.state(), forgetful
			n := 1 + d(4)
			of := func(c *audit.Change, part int) bool {
				h := int(c.Seq)*7 + part*3
				return int(c.Seq)%n == part || (h+int(seed))%5 == 0
			}
			order := shuffled(d, n)
			for _, part := range order {
				if _, err = s.revert(func(c *audit.Change) bool { return eves(c) && of(c, part) }); err != nil {
					return nil, nil, s, err
				}
			}
			return before, s.sim.state(), s, nil
		}
		once := newStory(seeded(seed), recipe{})
		if _, err := once.revert(eves); err != nil {
			t.Fatalf("seed %d: %v%s", seed, err, once)
		}
		before, after, s, err := parts(false)
		if err != nil {
			t.Fatalf("seed %d: %v%s", seed, err, s)
		}
		if len(once.doubt)+len(s.doubt) > 0 {
			continue
		}
		compared++
		if !equalStates(after, once.sim.state()) {
			t.Fatalf("seed %d: %v, want %v%s", seed, dump(after), dump(once.sim.state()), s)
		}
		if _, blind, _, err := parts(true); err != nil || !equalStates(blind, once.sim.state()) {
			wrong++
		}
		applies := slices.Clone(s.mem.ledger.Applies)
		for _, i := range shuffled(s.dice, len(applies)) {
			if err := s.back(applies[i].Plan); err != nil {
				t.Fatalf("seed %d: %v%s", seed, err, s)
			}
		}
		if len(s.doubt) > 0 {
			continue
		}
		if got := s.sim.state(); !equalStates(got, before) || len(s.mem.ledger.Reverted()) > 0 {
			t.Fatalf("seed %d: all taken back: %v, want %v%s", seed, dump(got), dump(before), s)
		}
	}
	t.Logf("of %d reverts in parts %d go wrong without the ledger", compared, wrong)
	if uint64(compared) < seeds/8 || wrong < compared/20 {
		t.Errorf("of %d reverts in parts %d go wrong without the ledger: the test proves nothing", compared, wrong)
	}
}

// shuffled are the numbers below n in some order.
func shuffled(d dice, n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
		j := d(i + 1)
		order[i], order[j] = order[j], order[i]
	}
	return order
}

// P10: what honest users write comes to the same before the undo and after it.
func TestUndoCommutesWithHonestWrites(t *testing.T) {
	compared := 0
	seeds := draws(700, 20000)
	for seed := range seeds {
		d := seeded(seed)
		r := recipe{adds: seed%2 == 0}
		late := op{user: "bob", kind: "patch", key: k1, set: values(d, 1)}
		if r.adds && d(2) == 0 {
			late.set, late.add = nil, map[string]audit.Value{"n": audit.Int(3)}
		}
		run := func(first bool) *story {
			s := newStory(seeded(seed), r)
			p, err := s.revert(eves)
			if err != nil {
				t.Fatalf("seed %d: %v%s", seed, err, s)
			}
			if s.sim.state()[k1] == nil || s.then(s.changes()[s.ops[len(s.ops)-1].at].Time)[k1] == nil {
				s.doubt[k1] = true // a patch would make a stub
			}
			if first {
				s.write(late)
			}
			if err := s.back(p.Header.Digest); err != nil {
				t.Fatalf("seed %d: %v%s", seed, err, s)
			}
			if !first {
				s.write(late)
			}
			return s
		}
		one, two := run(true), run(false)
		if one.doubt[k1] || two.doubt[k1] {
			continue
		}
		compared++
		if a, b := one.sim.state()[k1], two.sim.state()[k1]; !equalStates(only(one.sim.state(), k1), only(two.sim.state(), k1)) {
			t.Fatalf("seed %d: undone last %s, undone first %s%s", seed, show(a), show(b), one)
		}
	}
	if uint64(compared) < seeds*3/40 {
		t.Errorf("%d compared only", compared)
	}
}

// What an undo says of records that others have worked on since.
func TestUndoCases(t *testing.T) {
	counting := Policy{Numbers: map[string]Number{"dev.dog.n": NumberCounter}}
	for _, tt := range []struct {
		name, before, since, want string
		policy                    Policy
	}{
		{"nothing since", base + "eve patch a=9", "", "patch a=9", Policy{}},
		{"another attribute since", base + "eve patch a=9", "bob patch b=2", "patch a=9 carried:a", Policy{}},
		{"the same attribute since", base + "eve patch a=9", "bob patch a=x", "superseded a", Policy{}},
		{"a number since, by a patch that may add", base + "eve patch a=9", "bob patch a=5", "conflict ambiguous-delta a", Policy{}},
		{"a counter since", "ann insert n=10; eve patch n+90", "bob patch n+5", "patch n+90", counting},
		{"an addition taken away", base + "eve patch note=x", "", "patch note=x", Policy{}},
		{"a deletion, worked on since", base + "eve delete", "bob patch a=x", "conflict orphan-edit a,b,id", Policy{}},
		{"a deletion", base + "eve delete", "", "delete", Policy{}},
		{"a deletion, deleted since", base + "eve delete", "bob delete", "already", Policy{}},
		{"a fake, made anew since", "eve insert a=9", "bob insert a=1", "conflict recreated a,id", Policy{}},
		{"a fake", "eve insert a=9", "", "insert a=9", Policy{}},
		{"a path, another path since", `ann insert a={"x":1,"y":1}; eve patch a={"x":9,"y":1}`, `bob patch a={"x":1,"y":5}`, `patch a={x:9,y:5} carried:a`, Policy{}},
		{"a value of hers that was worked on before", base + "eve patch a=9; bob patch a=x", "", "already", Policy{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &story{sim: newSim(), mem: newMemory(), doubt: map[audit.Key]bool{}}
			play := func(script string) {
				if script == "" {
					return
				}
				for _, o := range parse(t, script) {
					s.write(o)
				}
			}
			play(tt.before)
			sel, err := Select(Criteria{}, each(s.changes(), eves))
			if err != nil {
				t.Fatal(err)
			}
			p, err := s.make(Request{Selection: sel, Policy: tt.policy}, s.records())
			if err != nil {
				t.Fatal(err)
			}
			mustApply(t, &simServer{sim: s.sim}, s.mem, p)
			s.sim.poll()
			play(tt.since)
			u, err := UndoOf(s.mem.ledger, p.Header.Digest)
			if err != nil {
				t.Fatal(err)
			}
			undo, err := s.make(Request{Undo: u, Policy: tt.policy}, s.records())
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.ReplaceAll(said(undo), `"`, ""); got != tt.want {
				t.Errorf("%s | %s:\n got %s\nwant %s", tt.before, tt.since, got, tt.want)
			}
			roundTrip(t, undo)
		})
	}
}

// A plan that takes something back says what; one that does not add up is refused
// however well it is sealed.
func TestPlansThatTakeBackAreChecked(t *testing.T) {
	s := newStory(seeded(3), recipe{})
	p, err := s.revert(eves)
	if err != nil {
		t.Fatal(err)
	}
	undo, err := s.take(p.Header.Digest, UndoOf)
	if err != nil {
		t.Fatal(err)
	}
	if u := undo.TakesBack(); u.Purpose != audit.PurposeUndo || !slices.Equal(u.Plans, []string{p.Header.Digest}) || len(u.Changes) == 0 {
		t.Fatalf("takes back %+v", u)
	}
	for name, spoil := range map[string]func(*Header){
		"no apply":         func(h *Header) { h.Undoes = nil },
		"no purpose":       func(h *Header) { h.Purpose = "" },
		"another purpose":  func(h *Header) { h.Purpose = "destroy" },
		"a time to no end": func(h *Header) { h.Since = 5 },
	} {
		q := *undo
		spoil(&q.Header)
		if err := q.seal(); err != nil {
			t.Fatal(err)
		}
		if _, err := applier(&simServer{sim: s.sim}, s.mem).Apply(t.Context(), &q, ApplyOptions{User: me}); !errors.Is(err, ErrBadPlan) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
