package revert

import (
	"context"
	"testing"

	"recourse/audit"
)

// What a person chose in deciding a conflict is that person's: planned again there
// is no conflict any more, and a later revert of another change keeps it. Taken
// back with the apply, it is as it was before.
func TestWhatWasDecidedIsSomebodys(t *testing.T) {
	for _, tt := range []struct{ script, decide, again string }{
		{"eve insert a=9 c=9; bob patch b=2", "orphan-edit=delete", "already"},
		{base + "eve put a=1; bob put a=2", "masked-removal=restore", "superseded b"},
		{"ann insert n=10; eve patch n+90; bob patch n+5", "ambiguous-delta=delta", "superseded n"},
		{"ann insert n=10 a=x; eve patch n+90 a=y; bob patch n+5", "ambiguous-delta=delta", "superseded a,n"},
	} {
		t.Run(tt.script, func(t *testing.T) {
			ctx := context.Background()
			sim, p := planOf(t, tt.script)
			s := &story{sim: sim, mem: newMemory(), doubt: map[audit.Key]bool{}}
			before := sim.state()
			q, err := resolved(t, sim, p, tt.decide)
			if err != nil {
				t.Fatal(err)
			}
			if res := mustApply(t, &simServer{sim: sim}, s.mem, q); res.Verified != 1 {
				t.Fatalf("%+v", res)
			}
			sim.poll()
			after := sim.state()
			sel, err := Select(Criteria{}, each(s.changes(), eves))
			if err != nil {
				t.Fatal(err)
			}
			again, err := s.make(Request{Selection: sel}, history(s.changes()))
			if err != nil || said(again) != tt.again {
				t.Errorf("planned again: %s, want %s (%v)", said(again), tt.again, err)
			}
			none, err := s.make(Request{}, history(s.changes()))
			if err != nil || !none.Empty() {
				t.Errorf("a plan for nothing: %s (%v)", said(none), err)
			}
			u, err := UndoOf(s.mem.ledger, q.Header.Digest)
			if err != nil {
				t.Fatal(err)
			}
			undo, err := Make(ctx, Request{Ledger: s.mem.ledger, Undo: u}, history(s.changes()))
			if err != nil {
				t.Fatal(err)
			}
			mustApply(t, &simServer{sim: sim}, s.mem, undo)
			sim.poll()
			if got := sim.state(); !equalStates(got, before) {
				t.Errorf("taken back: %v, want %v (%s)", dump(got), dump(before), said(undo))
			}
			r, err := RedoOf(s.mem.ledger, q.Header.Digest)
			if err != nil {
				t.Fatal(err)
			}
			redo, err := Make(ctx, Request{Ledger: s.mem.ledger, Undo: r}, history(s.changes()))
			if err != nil {
				t.Fatal(err)
			}
			mustApply(t, &simServer{sim: sim}, s.mem, redo)
			sim.poll()
			if got := sim.state(); len(redo.Conflicts) == 0 && !equalStates(got, after) {
				t.Errorf("done again: %v, want %v (%s)", dump(got), dump(after), said(redo))
			}
		})
	}
}
