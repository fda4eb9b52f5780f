package main

import (
	"context"
	"errors"
	"sync"
	"testing"

	"recourse/audit"
)

// TestReadTogether: each of two followers gets every change after its place, one
// that leaves early does not hold the other up, and nor does one that never
// begins.
func TestReadTogether(t *testing.T) {
	w, err := openFolder(t.Context(), systemEnv(), t.TempDir(), config{}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	const n = audit.BlockSize*(buffered+9) + 17
	var all []audit.Change
	for i := range n {
		all = append(all, patched(i%50, audit.Time(1000+i), "rex", audit.Exact))
	}
	w.put(t, all...)
	for name, most := range map[string][2]int{"both": {n, n}, "one leaves": {n, 300}, "one never begins": {n, 0}, "both leave": {5, 700}} {
		t.Run(name, func(t *testing.T) {
			r := readTogether(t.Context(), roomyReader{w.store}, 10)
			defer r.end()
			var wg sync.WaitGroup
			for i, most := range most {
				wg.Go(func() {
					side, after := r.of(i), audit.Seq(10+i*400)
					defer side.leave()
					if most == 0 {
						return
					}
					got := 0
					for c, err := range side.Follow(t.Context(), after) {
						if after++; err != nil || c.Seq != after {
							t.Errorf("follower %d: change %d, want %d: %v", i, c.Seq, after, err)
							return
						}
						if got++; got == most {
							return
						}
					}
					if after != n {
						t.Errorf("follower %d ended at %d of %d", i, after, n)
					}
				})
			}
			wg.Wait()
		})
	}
	t.Run("stopped", func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		r := readTogether(ctx, roomyReader{w.store}, 0)
		defer r.end()
		defer r.of(1).leave()
		stop()
		for _, err := range r.of(0).Follow(ctx, 0) {
			if err != nil {
				if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				return
			}
		}
	})
}
