package store_test

import (
	"reflect"
	"slices"
	"testing"

	"recourse/audit"
	"recourse/internal/querytest"
)

// TestSketches: whatever depth is wanted of each change, a sketch says of the change
// what reading it says, and the attributes of one that is edited are those in which
// its images differ.
func TestSketches(t *testing.T) {
	ctx := t.Context()
	edited := 0
	for seed := range uint64(4) {
		w := newWorld(t, seed)
		for range 20 {
			w.step()
		}
		v, err := w.db.View(ctx)
		w.must(err)
		for _, step := range []int{1, 5, 40} {
			for turn := range audit.Seq(3) {
				var seqs []audit.Seq
				for s := audit.Seq(1); s <= min(v.Last(), audit.BlockSize); s += audit.Seq(step) {
					seqs = append(seqs, s)
				}
				whole, err := v.Read(ctx, seqs)
				w.must(err)
				at := 0
				want := func(c *audit.Change) audit.Depth { return audit.Depth((c.Seq + turn) % 3) }
				w.must(v.Sketches(ctx, seqs, want, func(k *audit.Sketch) error {
					full, c := whole[at], k.Change
					if at++; k.Depth < want(&c) {
						t.Fatalf("seed %d: change %d is read too little", seed, c.Seq)
					}
					switch k.Depth {
					case audit.Edited:
						edited++
						names := slices.Sorted(slices.Values(k.Edited))
						if !slices.Equal(names, full.Attributes()) {
							t.Fatalf("seed %d: change %d edited %q, not %q", seed, c.Seq, full.Attributes(), names)
						}
						fallthrough
					case audit.Outlined:
						full = querytest.Outline(full)
					}
					if !reflect.DeepEqual(c, full) {
						t.Fatalf("seed %d: a sketch has\n%+v\nand reading\n%+v", seed, c, full)
					}
					if k.From != 0 {
						from, err := v.Read(ctx, []audit.Seq{k.From})
						w.must(err)
						if got := whole[at-1].Before.Body; !reflect.DeepEqual(from[0].After.Body, got) {
							t.Fatalf("seed %d: change %d left %v, and not %v", seed, k.From, from[0].After.Body, got)
						}
					}
					return nil
				}))
				if at != len(seqs) {
					t.Fatalf("seed %d: %d sketches of %d changes", seed, at, len(seqs))
				}
			}
		}
		if err := v.Sketches(ctx, []audit.Seq{v.Last() + 1}, nil, nil); err == nil {
			t.Fatal("a change after the view's last was read")
		}
		v.Close()
		w.must(w.close())
	}
	if edited == 0 {
		t.Error("no change was read as deep as what it edited")
	}
}
