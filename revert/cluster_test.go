package revert

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"recourse/audit"
)

// Two clusters hold one key: a plan is about one of them, whose record is what it
// would be if there were no other.
func TestPlanOfOneCluster(t *testing.T) {
	for seed := range uint64(300) {
		p := makeProgram(seeded(seed), recipe{adds: true})
		hit := p.run(true)
		own, other := hit.changes(0), makeProgram(seeded(seed+1000), recipe{}).run(true).changes(0)
		for i := range own {
			own[i].Cluster = "east"
			own[i].ID = own[i].Identify()
		}
		mixed := slices.Concat(own, other)
		slices.SortStableFunc(mixed, func(a, b audit.Change) int { return int(a.Time - b.Time) })
		east := "east"
		alone, err := planFor(own, eves, nil, nil, Policy{Cluster: &east})
		if err != nil {
			t.Fatal(err)
		}
		got, err := planFor(mixed, eves, nil, nil, Policy{Cluster: &east})
		if err != nil {
			t.Fatal(err)
		}
		if got.Header.Actions != alone.Header.Actions || got.Header.Conflicts != alone.Header.Conflicts || got.Header.Kept != alone.Header.Kept {
			t.Fatalf("seed %d: another cluster's changes alter the plan", seed)
		}
		theirs := len(slices.DeleteFunc(slices.Clone(other), func(c audit.Change) bool { return c.User != "eve" }))
		if said := strings.Contains(strings.Join(got.Header.Warnings, "\n"), "of other clusters"); said != (theirs > 0) {
			t.Fatalf("seed %d: %d selected changes are of the other cluster: %q", seed, theirs, got.Header.Warnings)
		}
		keys := func(changes []audit.Change) map[audit.Key]bool {
			m := map[audit.Key]bool{}
			for i := range changes {
				m[changes[i].Key] = true
			}
			return m
		}
		shared := false
		for k := range keys(own) {
			shared = shared || keys(other)[k]
		}
		_, err = planFor(mixed, eves, nil, nil, Policy{})
		var ce *ClusterError
		if errors.As(err, &ce) != shared || shared && !slices.Equal(ce.Clusters, []string{"", "east"}) {
			t.Fatalf("seed %d: without a cluster: %v", seed, err)
		}
		moves, err := got.MovedSince(t.Context(), nil, history(mixed))
		if err != nil || len(moves) != 0 {
			t.Fatalf("seed %d: moved: %+v %v", seed, moves, err)
		}
	}
}

// What another cluster's user of the same name wrote to the same key is no write of
// an apply's.
func TestSettleKeepsToItsCluster(t *testing.T) {
	s := newSim()
	s.do(op{user: "ann", kind: "insert", key: k1, set: map[string]audit.Value{"a": audit.Text("p")}})
	s.do(op{user: "eve", kind: "patch", key: k1, set: map[string]audit.Value{"a": audit.Text("q")}})
	s.poll()
	p, err := planFor(s.changes(0), eves, nil, nil, Policy{})
	if err != nil {
		t.Fatal(err)
	}
	s.do(op{user: "svc", kind: "patch", key: k1, set: map[string]audit.Value{"a": audit.Text("p")}})
	s.poll()
	for _, cluster := range []string{"", "west"} {
		all := s.changes(0)
		last := &all[len(all)-1]
		last.Cluster = cluster
		in := audit.Receipt{Plan: p.Header.Digest, Step: 1, By: "svc", Guard: p.Actions[0].Expect.Version, Key: k1,
			Replaced: audit.PresentImage(all[1].After.Body, audit.Fetched, audit.Exact), Wrote: audit.PresentImage(last.After.Body, audit.Folded, audit.Exact)}
		found, err := writesOfStep(t.Context(), storedChanges(all), &p.Actions[0], []audit.Receipt{in}, nil)
		if want := map[string]int{"": 1}[cluster]; err != nil || len(found) != want {
			t.Errorf("cluster %q: %d writes %v, want %d", cluster, len(found), err, want)
		}
	}
}

// storedChanges are a store of changes of one record.
type storedChanges []audit.Change

func (s storedChanges) KeysOf(context.Context, []audit.ChangeID) ([]audit.Key, error) {
	return nil, nil
}

func (s storedChanges) Lives(context.Context, []audit.Key) iter.Seq2[[]audit.Change, error] {
	return func(yield func([]audit.Change, error) bool) { yield(s, nil) }
}
