package revert

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"recourse/audit"
)

// The captured incidents: every entry of the raw audit store, which of them the
// attacker wrote, the tables afterwards, and the tables of the same run without
// the attack.

// carryOut does to a state in memory what the plan's actions say.
func carryOut(t testing.TB, p *Plan, state map[audit.Key]audit.Value) {
	t.Helper()
	for _, a := range p.Actions {
		rec, there := state[a.Key()]
		if there != a.Expect.Exists {
			t.Errorf("%s %s: the record's existence is not as expected", a.Do, a.Key())
		}
		for name, v := range a.Expect.Owned {
			if got := rec.Get(name); !got.Equal(v) && !nearly(got, v) {
				t.Errorf("%s %s: %s is %s, expected %s", a.Do, a.Key(), name, got.JSON(), v.JSON())
			}
		}
		for name, v := range a.Set {
			rec = rec.With(name, v)
		}
		for _, name := range a.Unset {
			rec = rec.With(name, nil)
		}
		for name, inc := range a.Add {
			sum, _ := added(rec.Get(name), inc)
			rec = rec.With(name, sum)
		}
		state[a.Key()] = rec
		if a.Do == DoDelete {
			delete(state, a.Key())
		}
	}
}

// nearly says that two numbers differ by less than the rounding of a few float64
// additions.
func nearly(a, b audit.Value) bool {
	x, ok := float(a)
	y, ok2 := float(b)
	return ok && ok2 && !blank(a) && !blank(b) && math.Abs(x-y) < 1e-6
}

// apart lists where a state differs from the run without the attack, as
// table/id or table/id.attribute.
func (in *incident) apart(state map[audit.Key]audit.Value) map[string]audit.Key {
	out := map[string]audit.Key{}
	server := map[string]bool{"updated": true, "created": true, audit.UpdatedTime: true, audit.CreatedTime: true}
	for k := range state {
		if _, ok := in.clean[k]; !ok && k.Table.Name != "sessions" {
			out[k.String()] = k
		}
	}
	for k, want := range in.clean {
		got, ok := state[k]
		if !ok {
			out[k.String()] = k
			continue
		}
		for _, name := range slices.Concat(want.Names(), got.Names()) {
			a, b := got.Get(name), want.Get(name)
			if !server[name] && (!blank(a) || !blank(b)) && !a.Equal(b) && !nearly(a, b) {
				out[k.String()+"."+name] = k
			}
		}
	}
	return out
}

// TestIncident is the planner's claim on what really happened: what it does not
// bring to the clean run it reports, and it takes nothing from anybody honest.
func TestIncident(t *testing.T) {
	counters := map[string]Number{"bank.accounts.balance": NumberCounter, "shop.products.stock": NumberCounter}
	for _, line := range []string{"lmdb", "rocksdb"} {
		in := loadIncident(t, line)
		for _, tt := range []struct {
			name  string
			p     Policy
			whole bool
			left  int // how much stays different from the clean run
			want  map[Class]int
		}{
			{"default", Policy{}, false, 14, map[Class]int{ClassAmbiguousDelta: 10, ClassOrphanEdit: 3, ClassNoBase: 1}},
			{"history whole", Policy{}, true, 13, map[Class]int{ClassAmbiguousDelta: 10, ClassOrphanEdit: 3}},
			{"counters declared", Policy{Numbers: counters}, true, 3, map[Class]int{ClassOrphanEdit: 3}},
		} {
			t.Run(line+"/"+tt.name, func(t *testing.T) {
				p := in.plan(t, tt.p, tt.whole)
				if diff := cmp.Diff(tt.want, p.Header.Classes); diff != "" {
					t.Error(diff)
				}
				in.checkLeft(t, p, tt.left)
				in.checkOwners(t, p, tt.p)
				in.checkOverlaps(t, p)
				roundTrip(t, p)
			})
		}
	}
}

func (in *incident) plan(t *testing.T, policy Policy, complete bool) *Plan {
	t.Helper()
	records := in.records()
	if complete {
		records = whole(records)
	}
	p, err := Make(context.Background(), Request{Selection: in.selection(t), Policy: policy}, records)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Header.Managed["shop.products"]; !slices.Contains(got, "updated") || !slices.Contains(got, "created") || len(got) != 4 {
		t.Errorf("the server assigns %v in shop.products", got)
	}
	return p
}

// checkLeft says that every difference from the clean run has a conflict.
func (in *incident) checkLeft(t *testing.T, p *Plan, want int) {
	t.Helper()
	state := maps.Clone(in.after)
	before := len(in.apart(state))
	carryOut(t, p, state)
	left := in.apart(state)
	for what, k := range left {
		explained := slices.ContainsFunc(p.Conflicts, func(c Conflict) bool {
			_, attr := c.Attrs[strings.TrimPrefix(what, k.String()+".")]
			return c.Key() == k && (c.Record || attr)
		})
		if !explained {
			t.Errorf("%s differs from the clean run, and nothing says so", what)
		}
	}
	if len(left) != want {
		t.Errorf("%d differences are left, want %d: %v", len(left), want, slices.Sorted(maps.Keys(left)))
	}
	t.Logf("differences from the clean run: %d before, %d after; %+v, conflicts %v", before, len(left), p.Header.Counts, p.Header.Classes)
}

// checkOwners says that whatever is written was last written by the attacker,
// found here without a replay.
func (in *incident) checkOwners(t *testing.T, p *Plan, policy Policy) {
	t.Helper()
	for _, a := range p.Actions {
		for name := range a.Attrs {
			if policy.number(a.K.Table, name) == NumberCounter && a.Do == DoPatch {
				continue // the sum of what the attacker added is taken off
			}
			for _, c := range slices.Backward(in.histories[a.Key()]) {
				if c.Before.State != audit.Unknown && c.Before.Body.Get(name).Equal(c.After.Body.Get(name)) {
					continue
				}
				if _, evil := in.malicious[c.ID]; !evil {
					t.Errorf("%s %s: %s was last written by %q at %s", a.Do, a.Key(), name, c.User, c.Time.ISO())
				}
				break
			}
		}
	}
}

// checkOverlaps looks at the records that honest users and the attacker wrote.
func (in *incident) checkOverlaps(t *testing.T, p *Plan) {
	t.Helper()
	for k, what := range in.overlaps {
		var action *Action
		kept := map[string]KeptValue{}
		for i := range p.Actions {
			if p.Actions[i].Key() == k {
				action, kept = &p.Actions[i], p.Actions[i].Kept
			}
		}
		for i := range p.Kept {
			if p.Kept[i].Key() == k {
				kept = p.Kept[i].Kept
			}
		}
		conflict := slices.ContainsFunc(p.Conflicts, func(c Conflict) bool { return c.Key() == k && c.Class == ClassOrphanEdit })
		good := false
		switch {
		case strings.HasPrefix(what, "legitimate new price"):
			good = kept["price"].Class == ClassSuperseded && action == nil
		case strings.HasPrefix(what, "legitimate address change"):
			good = action != nil && action.Set["email"] != nil && action.Set["address"] == nil
		case strings.HasPrefix(what, "already repaired"):
			good = action == nil
		case strings.HasPrefix(what, "the warehouse"):
			good = conflict && action == nil
		}
		if !good {
			t.Errorf("%s: %s: action %+v, kept %+v", k, what, action, kept)
		}
	}
}
