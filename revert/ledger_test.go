package revert

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"recourse/audit"
)

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
	return draws(400, 150_000)
}

// TestLedgerStories: whatever was applied, taken back, done again and restored, in
// any order and with users at work, each record of a plan then is as the run
// without what is undone would have left it, or the plan has said that it may not
// be.
func TestLedgerStories(t *testing.T) {
	for name, r := range map[string]recipe{"registers": {}, "increments": {adds: true}, "late": {late: true, adds: true}} {
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
			if all.compared < 200 || all.undone < 240 || all.redone < 16 || all.restored < 240 {
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
