package revert

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"recourse/audit"
)

// A story is a Harper that users work on while plans are applied, taken back,
// done again, and records restored, in any order. Its oracle is the run of the
// same operations without those that the ledger says are undone.
type story struct {
	sim  *sim
	mem  *memory
	dice dice
	r    recipe

	ops  []storyOp
	told []string // for people
	read []audit.Change
	// Records of which a plan has said that something is not known, or where an
	// operation came to nothing that would have done something otherwise.
	doubt map[audit.Key]bool
	// forgetful plans from what is selected alone.
	forgetful bool

	compared, undone, redone, restored, astride, conflicts int
}

type storyOp struct {
	op op
	id audit.ChangeID
}

func newStory(d dice, r recipe) *story {
	s := &story{sim: newSim(), mem: newMemory(), dice: d, r: r, doubt: map[audit.Key]bool{}}
	for range 1 + d(2) {
		s.write(op{user: "ann", kind: "insert", key: []audit.Key{k1, k2}[d(2)], set: values(d, 3)})
	}
	for n := 2 + d(5); n > 0; n-- {
		s.write(makeOp(d, r))
	}
	return s
}

func (s *story) write(o op) {
	n := len(s.sim.log)
	s.told = append(s.told, o.String())
	if s.sim.do(o); len(s.sim.log) == n {
		s.doubt[o.key] = true // it may have come to nothing because of the attack
		return
	}
	s.sim.poll()
	all := s.changes()
	s.ops = append(s.ops, storyOp{o, all[len(all)-1].ID})
}

// changes are the log as it is now.
func (s *story) changes() []audit.Change {
	if len(s.read) != len(s.sim.log) {
		s.read = s.sim.changes(0)
	}
	return s.read
}

// records are the histories as they are now.
func (s *story) records() iter.Seq2[Record, error] { return whole(history(s.changes())) }

// make plans, and keeps in mind what the plan does not know.
func (s *story) make(req Request, records iter.Seq2[Record, error]) (*Plan, error) {
	req.Ledger = s.mem.ledger
	if s.forgetful {
		req.Ledger = &audit.Ledger{Own: s.mem.own}
	}
	p, err := Make(context.Background(), req, records)
	if err != nil {
		return nil, err
	}
	s.told = append(s.told, fmt.Sprintf("  %s: %s", req.Undo.Purpose, said(p)))
	for k, names := range reported(p) {
		s.doubt[k] = s.doubt[k] || len(names) > 0
	}
	s.conflicts += len(p.Conflicts)
	return p, nil
}

// apply carries a plan out and judges what came of it.
func (s *story) apply(p *Plan) error {
	ctx := context.Background()
	if err := CheckLedger(ctx, p, s.mem.ledger, RecordsOf(ctx, simSource{s}, p.Keys())); err != nil {
		return err
	}
	res, err := applier(&simServer{sim: s.sim}, s.mem).Apply(ctx, p, ApplyOptions{User: me})
	if err != nil {
		return err
	}
	if res.Verified != len(p.Actions) {
		return fmt.Errorf("%d of %d actions are verified: %+v", res.Verified, len(p.Actions), res.Steps)
	}
	s.sim.poll()
	return s.judge(p)
}

// judge compares the records of a plan with the run without what is undone.
func (s *story) judge(p *Plan) error {
	want, got := s.without(s.mem.ledger.Reverted()), s.sim.state()
	for _, k := range p.Keys() {
		if s.doubt[k] {
			continue
		}
		s.compared++
		if !equalStates(only(got, k), only(want, k)) {
			return fmt.Errorf("record %s is %s, want %s", k.ID, show(got[k]), show(want[k]))
		}
	}
	return nil
}

func only(m map[audit.Key]audit.Value, k audit.Key) map[audit.Key]audit.Value {
	if v := m[k]; v != nil {
		return map[audit.Key]audit.Value{k: v}
	}
	return nil
}

// without runs what users did, but for some changes.
func (s *story) without(undone map[audit.ChangeID]string) map[audit.Key]audit.Value {
	clean := newSim()
	for _, o := range s.ops {
		if _, ok := undone[o.id]; !ok {
			clean.do(o.op)
		}
	}
	return clean.state()
}

// revert undoes some changes of users.
func (s *story) revert(m func(*audit.Change) bool) (*Plan, error) {
	sel, err := Select(Criteria{}, each(s.changes(), func(c *audit.Change) bool { return c.User != me && m(c) }))
	if err != nil {
		return nil, err
	}
	p, err := s.make(Request{Selection: sel}, s.records())
	if err != nil {
		return nil, err
	}
	if err := s.apply(p); err != nil {
		return nil, err
	}
	again, err := s.make(Request{Selection: sel}, s.records())
	if err == nil && len(again.Actions) > 0 {
		err = fmt.Errorf("P4: planned again: %s", said(again))
	}
	return p, err
}

// take takes an apply back, or does it again.
func (s *story) take(plan string, of func(*audit.Ledger, string) (Undo, error)) (*Plan, error) {
	u, err := of(s.mem.ledger, plan)
	if err != nil {
		return nil, err
	}
	ids, err := u.Involved(context.Background(), simSource{s}, s.mem.ledger)
	if err != nil {
		return nil, err
	}
	p, err := s.make(Request{Undo: u}, s.involved(ids))
	if err != nil {
		return nil, err
	}
	return p, s.apply(p)
}

func (s *story) involved(ids []audit.ChangeID) iter.Seq2[Record, error] {
	records, err := Records(context.Background(), simSource{s}, ids)
	if err != nil {
		return func(yield func(Record, error) bool) { yield(Record{}, err) }
	}
	return whole(records)
}

// restore brings all records back to a time.
func (s *story) restore(at audit.Time) error {
	r := Restore{At: at, Ledger: s.mem.ledger}
	sel, undo, records, err := r.Prepare(context.Background(), Criteria{}, s.records())
	if errors.Is(err, ErrAstride) {
		s.astride++
		return nil
	}
	if err != nil {
		return err
	}
	p, err := s.make(Request{Selection: sel, Undo: undo}, records)
	if err != nil {
		return err
	}
	if len(p.Conflicts) > 0 {
		return fmt.Errorf("P2: restoring has conflicts: %s", said(p))
	}
	want := s.then(at)
	if err := s.apply(p); err != nil && !errors.Is(err, ErrPlanStale) {
		return fmt.Errorf("restored %s: %w", at, err)
	}
	if got := s.sim.state(); !equalStates(got, want) {
		return fmt.Errorf("P2: restored %s: %v, want %v", at, dump(got), dump(want))
	}
	return nil
}

// then is the state at a time, as the log has it.
func (s *story) then(at audit.Time) map[audit.Key]audit.Value {
	state := map[audit.Key]audit.Value{}
	for i := range s.sim.log {
		e := &s.sim.log[i]
		switch {
		case e.time > at:
		case e.op == audit.OpDelete:
			delete(state, e.key)
		case e.part == nil:
			state[e.key] = e.put
		default:
			body := state[e.key]
			if body == nil {
				body = audit.Object(nil)
			}
			state[e.key] = merge(body, e.part)
		}
	}
	return state
}

// A simSource is a story's sim as a source of histories.
type simSource struct{ story *story }

func (s simSource) Lookup(_ context.Context, id audit.ChangeID) (audit.Seq, bool, error) {
	for _, c := range s.story.changes() {
		if c.ID == id {
			return c.Seq, true, nil
		}
	}
	return 0, false, nil
}

func (s simSource) Get(_ context.Context, seq audit.Seq) (audit.Change, error) {
	return s.story.changes()[seq-1], nil
}

func (s simSource) History(_ context.Context, k audit.Key) iter.Seq2[audit.Change, error] {
	return each(s.story.changes(), func(c *audit.Change) bool { return c.Key == k })
}

// step does one thing at random.
func (s *story) step() error {
	applies := s.mem.ledger.Applies
	switch n := s.dice(10); {
	case n < 3:
		s.write(makeOp(s.dice, s.r))
	case n < 6 || len(applies) == 0:
		mask := s.dice(math.MaxInt32)
		_, err := s.revert(func(c *audit.Change) bool { return eves(c) && mask>>(uint(c.Seq)%31)&1 == 1 })
		return err
	case n < 8:
		return s.back(applies[s.dice(len(applies))].Plan)
	case n < 9:
		_, err := s.take(applies[s.dice(len(applies))].Plan, RedoOf)
		if errors.Is(err, ErrNothingToUndo) {
			return nil
		}
		s.redone++
		return err
	default:
		s.restored++
		return s.restore(s.sim.log[s.dice(len(s.sim.log))].time)
	}
	return nil
}

// back takes an apply back; if that was the last thing that was done, the state is
// the one before it.
func (s *story) back(plan string) error {
	_, err := s.take(plan, UndoOf)
	if errors.Is(err, ErrNothingToUndo) {
		return nil
	}
	s.undone++
	return err
}

func (s *story) String() string {
	out := ""
	for i, line := range s.told {
		out += fmt.Sprintf("\n%2d %s", i, line)
	}
	return out
}

// stories are so many of each kind.
func stories() uint64 {
	if os.Getenv("RECOURSE_SOAK") != "" {
		return 150_000
	}
	return 1500
}

// TestLedgerStories: whatever was applied, taken back, done again and restored, in
// any order and with users at work, each record of a plan then is as the run
// without what is undone would have left it, or the plan has said that it may not
// be.
func TestLedgerStories(t *testing.T) {
	for name, r := range map[string]recipe{"registers": {}, "increments": {adds: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var all story
			for seed := range stories() {
				s := newStory(seeded(seed), r)
				for range 8 {
					if err := s.step(); err != nil {
						t.Fatalf("seed %d: %v%s", seed, err, s)
					}
				}
				all.compared += s.compared
				all.undone += s.undone
				all.redone += s.redone
				all.restored += s.restored
				all.conflicts += s.conflicts
				all.astride += s.astride
			}
			t.Logf("records compared %d, undone %d, redone %d, restored %d (%d refused), conflicts %d", all.compared, all.undone, all.redone, all.restored, all.astride, all.conflicts)
			if all.compared < 1000 || all.undone < 800 || all.redone < 60 || all.restored < 800 {
				t.Error("too little happened for the test to prove anything")
			}
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		s := newStory(drawn(t), recipe{})
		for range 5 {
			if err := s.step(); err != nil {
				t.Fatalf("%v%s", err, s)
			}
		}
	})
}

// P5 and P6: an undo is the state before, a redo writes bit for bit what was first
// written; and so on for the undo of the undo of the undo.
func TestUndoOfUndo(t *testing.T) {
	insertless := 0
	for seed := range uint64(1000) {
		s := newStory(seeded(seed), recipe{adds: seed%2 == 0})
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
	if insertless < 500 {
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
	for seed := range uint64(2000) {
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
	if compared < 250 || wrong < compared/20 {
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
	for seed := range uint64(2000) {
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
			if s.sim.state()[k1] == nil || s.then(s.ops[len(s.ops)-1].at(s))[k1] == nil {
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
	if compared < 150 {
		t.Errorf("%d compared only", compared)
	}
}

// at is when an operation was logged.
func (o storyOp) at(s *story) audit.Time {
	for _, c := range s.changes() {
		if c.ID == o.id {
			return c.Time
		}
	}
	return 0
}
