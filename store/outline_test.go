package store_test

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"recourse/audit"
	"recourse/internal/querytest"
)

// TestOutlines: an outline is the change without its bodies, whatever was learned of
// it since, and the changes of records are among those that touch them.
func TestOutlines(t *testing.T) {
	ctx := t.Context()
	for seed := range uint64(3) {
		w := newWorld(t, seed)
		for range 20 {
			w.step()
		}
		v, err := w.db.View(ctx)
		w.must(err)
		var all []audit.Seq
		for s := audit.Seq(1); s <= v.Last(); s++ {
			all = append(all, s)
		}
		whole, err := v.Read(ctx, all)
		w.must(err)
		for _, step := range []int{1, 3, 61} {
			var seqs []audit.Seq
			var want []audit.Change
			of := map[audit.Key][]audit.Seq{}
			for i := step / 2; i < len(all); i += step {
				seqs, want = append(seqs, all[i]), append(want, querytest.Outline(whole[i]))
				of[whole[i].Key] = nil
			}
			got, err := v.Outlines(ctx, seqs)
			w.must(err)
			if !slices.EqualFunc(got, want, func(a, b audit.Change) bool { return reflect.DeepEqual(a, b) }) {
				t.Fatalf("seed %d: the outlines of every %d. change are not those of the changes", seed, step)
			}
			keys := slices.AppendSeq([]audit.Key{{Table: audit.Table{Name: "none"}, ID: `"x"`}}, maps.Keys(of))
			touching, err := v.Touching(ctx, keys)
			w.must(err)
			for i := range whole {
				if _, asked := of[whole[i].Key]; asked && !slices.Contains(touching, whole[i].Seq) {
					t.Fatalf("seed %d: change %d of a record is missing", seed, whole[i].Seq)
				}
			}
			if !slices.IsSorted(touching) {
				t.Fatalf("seed %d: not in order: %d", seed, touching)
			}
		}
		if _, err := v.Outlines(ctx, []audit.Seq{v.Last() + 1}); err == nil {
			t.Fatal("a change after the view's last was read")
		}
		v.Close()
		w.must(w.close())
	}
}
