package revert

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"recourse/audit"
)

// A story is a Harper that users work on while plans are applied, taken back,
// done again, and records restored, in any order. Its oracle is the run of the
// same operations without those that the ledger says are undone.
type story struct {
	sim    *sim
	mem    *memory
	dice   dice
	r      recipe
	policy Policy

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
	at int // its place in the log
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
	s.ops = append(s.ops, storyOp{o, n})
	if !s.r.late || s.dice(3) == 0 {
		s.sim.poll()
	}
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
	if req.Policy.Numbers == nil {
		req.Policy = s.policy
	}
	if s.forgetful {
		req.Ledger = &audit.Ledger{Own: s.mem.own}
	}
	p, err := Make(context.Background(), req, records)
	if err != nil {
		return nil, err
	}
	if err := sameDraft(context.Background(), req, records, p); err != nil {
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
	if s.policy.Numbers != nil {
		return nil // what sets a number counts as an increment: the run is no oracle
	}
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
		if _, ok := undone[s.changes()[o.at].ID]; !ok {
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
	return whole(Records(context.Background(), simSource{s}, ids, nil))
}

// restore brings all records back to a time.
func (s *story) restore(at audit.Time) error {
	r := Restore{At: at, Ledger: s.mem.ledger}
	sel, undo, err := r.Prepare(context.Background(), Criteria{}, s.records())
	if errors.Is(err, ErrAstride) {
		s.astride++
		return nil
	}
	if err != nil {
		return err
	}
	p, err := s.make(Request{Selection: sel, Undo: undo}, r.Histories(s.records()))
	if err != nil {
		return err
	}
	if len(p.Conflicts) > 0 && !s.r.late {
		return fmt.Errorf("P2: restoring has conflicts: %s", said(p))
	}
	want, sure := s.then(at), len(p.Conflicts) == 0
	if err := s.apply(p); err != nil && !errors.Is(err, ErrPlanStale) {
		return fmt.Errorf("restored %s: %w", at, err)
	}
	if got := s.sim.state(); sure && !equalStates(got, want) {
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

func (s simSource) KeysOf(_ context.Context, ids []audit.ChangeID) ([]audit.Key, error) {
	stored := map[audit.ChangeID]audit.Key{}
	for _, c := range s.story.changes() {
		stored[c.ID] = c.Key
	}
	keys := make([]audit.Key, len(ids))
	for i, id := range ids {
		keys[i] = stored[id]
	}
	return keys, nil
}

func (s simSource) Lives(_ context.Context, keys []audit.Key) iter.Seq2[[]audit.Change, error] {
	return func(yield func([]audit.Change, error) bool) {
		for _, k := range keys {
			var life []audit.Change
			for _, c := range s.story.changes() {
				if c.Key == k {
					life = append(life, c)
				}
			}
			if len(life) > 0 && !yield(life, nil) {
				return
			}
		}
	}
}
