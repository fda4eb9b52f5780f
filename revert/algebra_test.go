package revert

import (
	"context"
	"iter"
	"testing"

	"pgregory.net/rapid"

	"recourse/audit"
)

// whole says of every history that it has its beginning.
func whole(records iter.Seq2[Record, error]) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for r, err := range records {
			r.Whole = true
			if !yield(r, err) {
				return
			}
		}
	}
}

// A world is a Harper after an attack, with our memory of what we did to it.
type world struct {
	t   *rapid.T
	sim *sim
	mem *memory
	// doubt is set once a plan had a conflict or a carried value, of which the
	// order of things may make something else.
	doubt bool
}

func (w *world) plan(m func(*audit.Change) bool) *Plan {
	w.t.Helper()
	changes := w.sim.changes(0)
	sel, err := Select(Criteria{}, each(changes, m))
	if err != nil {
		w.t.Fatal(err)
	}
	p, err := Make(context.Background(), Request{Selection: sel, Reverted: w.mem.reverted, Own: w.mem.own}, whole(history(changes)))
	if err != nil {
		w.t.Fatal(err)
	}
	w.doubt = w.doubt || len(p.Conflicts) > 0 || p.Header.Counts.Carried > 0
	return p
}

func (w *world) apply(p *Plan) {
	w.t.Helper()
	res, err := applier(&simServer{sim: w.sim}, w.mem).Apply(context.Background(), p, ApplyOptions{User: me})
	if err != nil {
		w.t.Fatal(err)
	}
	if res.Verified != len(p.Actions) {
		w.t.Fatalf("%d of %d actions are verified: %+v", res.Verified, len(p.Actions), res.Steps)
	}
}

func (w *world) revert(m func(*audit.Change) bool) *Plan {
	w.t.Helper()
	p := w.plan(m)
	w.apply(p)
	return p
}

// equalStates compares with absent and null being the same. An insert gives a
// record the id that a patch had not given it.
func equalStates(a, b map[audit.Key]audit.Value) bool {
	p := new(Policy)
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		w, ok := b[k]
		if !ok {
			return false
		}
		for n, x := range v.Fields() {
			if n != "id" && !p.same(x, w.Get(n)) {
				return false
			}
		}
		for n, x := range w.Fields() {
			if n != "id" && !p.same(x, v.Get(n)) {
				return false
			}
		}
	}
	return true
}

func dump(m map[audit.Key]audit.Value) map[string]string {
	out := map[string]string{}
	for k, v := range m {
		out[k.String()] = v.JSON()
	}
	return out
}

func wantState(t *rapid.T, what string, got, want map[audit.Key]audit.Value) {
	t.Helper()
	if !equalStates(got, want) {
		t.Fatalf("%s: the state is %v, want %v", what, dump(got), dump(want))
	}
}

// P1 and P2: undoing all since a moment is the state of that moment.
func TestRevertAllSinceIsPointInTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := makeProgram(drawn(t), recipe{adds: true})
		s := p.run(true)
		since := rapid.IntRange(0, len(s.log)).Draw(t, "since")
		w := &world{t: t, sim: s, mem: newMemory()}
		var then audit.Time
		if since > 0 {
			then = s.log[since-1].time
		}
		was := stateAt(p, then)
		plan := w.revert(func(c *audit.Change) bool { return c.Time > then })
		if len(plan.Conflicts) > 0 {
			t.Fatalf("conflicts: %+v", plan.Conflicts)
		}
		wantState(t, "reverted", s.state(), was)
	})
}

// stateAt is the state once the clock had come to a time.
func stateAt(p program, then audit.Time) map[audit.Key]audit.Value {
	s := newSim()
	for _, o := range p.ops {
		if s.clock+7.25 > then {
			break
		}
		s.do(o)
	}
	return s.state()
}

// P3: undoing nothing is nothing. P4: what is undone has nothing left to undo.
// P5: taking the undoing back is the state before it. P6: doing it again is the
// state after it.
func TestUndoAndRedo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{t: t, sim: makeProgram(drawn(t), recipe{}).run(true), mem: newMemory()}
		if p := w.plan(func(*audit.Change) bool { return false }); !p.Empty() {
			t.Fatalf("a plan for no changes: %+v", p)
		}
		before := w.sim.state()
		first := w.plan(eves)
		w.apply(first)
		after := w.sim.state()
		if again := w.plan(eves); len(again.Actions) > 0 {
			t.Fatalf("planned again: %+v", again.Actions)
		}
		clear(w.mem.reverted)
		w.revert(func(*audit.Change) bool { return false })
		wantState(t, "taken back", w.sim.state(), before)
		w.revert(eves)
		wantState(t, "done again", w.sim.state(), after)
	})
}

// P9: two reverts, each by its own selection, end where one of both would. Without
// the ledger they do not, which is checked too.
func TestRevertInPartsNeedsTheLedger(t *testing.T) {
	without, parted := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		p := makeProgram(drawn(t), recipe{})
		mask := rapid.Uint64().Draw(t, "mask")
		half := func(bit uint64) func(*audit.Change) bool {
			return func(c *audit.Change) bool { return eves(c) && mask>>(uint64(c.Seq)%64)&1 == bit }
		}
		run := func(forget bool, parts ...func(*audit.Change) bool) *world {
			w := &world{t: t, sim: p.run(true), mem: newMemory()}
			for _, part := range parts {
				w.revert(part)
				if forget {
					clear(w.mem.reverted)
				}
			}
			return w
		}
		once, twice := run(false, eves), run(false, half(0), half(1))
		if once.doubt || twice.doubt {
			return
		}
		wantState(t, "in two parts", twice.sim.state(), once.sim.state())
		parted++
		if !equalStates(run(true, half(0), half(1)).sim.state(), once.sim.state()) {
			without++
		}
	})
	if without == 0 {
		t.Errorf("of %d reverts in parts none went wrong without the ledger: the test proves nothing", parted)
	}
}

// P10: an honest write comes to the same before and after the revert.
func TestRevertCommutesWithHonestWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawn(t)
		p := makeProgram(d, recipe{})
		late := op{user: "bob", kind: "patch", key: k1, set: values(d, 1)}
		first := &world{t: t, sim: p.run(true), mem: newMemory()}
		first.revert(eves)
		if first.sim.state()[k1] == nil || p.run(true).state()[k1] == nil {
			return // a patch would make a stub
		}
		first.sim.do(late)
		then := &world{t: t, sim: p.run(true), mem: newMemory()}
		then.sim.do(late)
		then.revert(eves)
		if !first.doubt && !then.doubt {
			wantState(t, "revert last", then.sim.state(), first.sim.state())
		}
	})
}

// P15: the same input gives the same plan, in whatever order the records come.
func TestPlanIsAFunction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		changes := makeProgram(drawn(t), recipe{adds: true, late: true, cut: true}).run(true).changes(0)
		sel, err := Select(Criteria{}, each(changes, eves))
		if err != nil {
			t.Fatal(err)
		}
		var recs []Record
		for r := range history(changes) {
			recs = append([]Record{r}, recs...)
		}
		backward := func(yield func(Record, error) bool) {
			for _, r := range recs {
				if !yield(r, nil) {
					return
				}
			}
		}
		one, err := Make(context.Background(), Request{Selection: sel, Author: "ann"}, history(changes))
		if err != nil {
			t.Fatal(err)
		}
		two, err := Make(context.Background(), Request{Selection: sel, Author: "bob", Created: "2026-11-24"}, backward)
		if err != nil {
			t.Fatal(err)
		}
		if one.Header.Digest != two.Header.Digest {
			t.Fatalf("digests %s and %s", one.Header.Digest, two.Header.Digest)
		}
		roundTrip(t, one)
	})
}

// P18: a stricter level has all the conflicts of a laxer one, and writes nothing
// that the laxer one does not.
func TestConflictsGrowWithStrictness(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		changes := makeProgram(drawn(t), recipe{adds: true, late: true, cut: true, tree: true}).run(true).changes(0)
		type place struct {
			key  audit.Key
			name string
		}
		var conflicts, writes []map[place]bool
		for _, strict := range []Strictness{StrictAttribute, StrictRecord, StrictTransaction} {
			p, err := planFor(changes, eves, nil, nil, Policy{Strict: strict})
			if err != nil {
				t.Fatal(err)
			}
			c, w := map[place]bool{}, map[place]bool{}
			for i := range p.Conflicts {
				c[place{p.Conflicts[i].Key(), string(p.Conflicts[i].Class)}] = true
			}
			for i := range p.Actions {
				for name := range p.Actions[i].Attrs {
					w[place{p.Actions[i].Key(), name}] = true
				}
			}
			conflicts, writes = append(conflicts, c), append(writes, w)
		}
		for i := range 2 {
			for at := range conflicts[i] {
				if !conflicts[i+1][at] {
					t.Fatalf("conflict %v is none when stricter", at)
				}
			}
			for at := range writes[i+1] {
				if !writes[i][at] {
					t.Fatalf("%v is written only when stricter", at)
				}
			}
		}
	})
}
