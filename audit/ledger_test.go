package audit

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// What counts in the ledger is what its definition says, which is followed here
// word for word: an entry stands unless one that takes it back stands.
func TestLedgerStands(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Ledger{Entries: map[ChangeID][]Entry{}}
		ids := []ChangeID{{1}, {2}}
		for n := range rapid.IntRange(0, 7).Draw(t, "applies") {
			a := Apply{Plan: fmt.Sprint(n), Number: uint64(n + 1)}
			for i := range l.Applies {
				if rapid.Bool().Draw(t, "undoes") {
					a.Undoes = append(a.Undoes, l.Applies[i].Plan)
				}
			}
			l.Applies = append(l.Applies, a)
			for _, id := range ids {
				if kind := rapid.IntRange(0, 2).Draw(t, "kind"); kind > 0 {
					l.Entries[id] = append(l.Entries[id], Entry{Plan: a.Plan, Undone: kind == 2})
				}
			}
		}
		var stands func(plan string, id ChangeID) bool
		stands = func(plan string, id ChangeID) bool {
			for _, e := range l.Entries[id] {
				i := slices.IndexFunc(l.Applies, func(a Apply) bool { return a.Plan == e.Plan })
				if e.Undone && slices.Contains(l.Applies[i].Undoes, plan) && stands(e.Plan, id) {
					return false
				}
			}
			return true
		}
		for _, id := range ids {
			want := ""
			for _, e := range l.Entries[id] {
				if l.Stands(e.Plan, id) != stands(e.Plan, id) {
					t.Fatalf("%v of %+v: %s stands %v", id, l, e.Plan, l.Stands(e.Plan, id))
				}
				if !e.Undone && stands(e.Plan, id) {
					want = e.Plan
				}
			}
			if got := l.Reverted()[id]; got != want {
				t.Fatalf("%v of %+v is undone by %q, want %q", id, l, got, want)
			}
			checkRedo(t, &l, id)
		}
	})
}

// checkRedo takes back what Redoes says, and finds that it was needed and enough.
func checkRedo(t *rapid.T, l *Ledger, id ChangeID) {
	for _, e := range l.Entries[id] {
		back := l.Redoes(e.Plan, id)
		if l.Stands(e.Plan, id) != (len(back) == 0) {
			t.Fatalf("%s stands %v, and %v is to be taken back for it", e.Plan, l.Stands(e.Plan, id), back)
		}
		if by := l.Without(back, []ChangeID{id})[id]; !e.Undone && by == "" {
			t.Fatalf("%s does not count, though %v is taken back", e.Plan, back)
		}
	}
}

// A long row of applies that take back all before them costs no more than its
// square.
func TestLedgerOfManyUndos(t *testing.T) {
	l := Ledger{Entries: map[ChangeID][]Entry{}}
	var all []string
	for n := range 300 {
		plan := fmt.Sprint(n)
		l.Applies = append(l.Applies, Apply{Plan: plan, Number: uint64(n + 1), Undoes: slices.Clone(all)})
		l.Entries[ChangeID{1}] = append(l.Entries[ChangeID{1}], Entry{Plan: plan, Undone: n > 0})
		all = append(all, plan)
	}
	if len(l.Reverted()) != 0 || l.Stands("0", ChangeID{1}) || !l.Stands("299", ChangeID{1}) {
		t.Error("the last of them does not stand alone")
	}
	if len(l.Redoes("0", ChangeID{1})) == 0 || l.Stands("none", ChangeID{1}) || l.Stands("0", ChangeID{2}) {
		t.Error("of what is not there something stands")
	}
}
