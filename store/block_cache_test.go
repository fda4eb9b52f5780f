package store

import (
	"fmt"
	"sync"
	"testing"

	"recourse/audit"
)

// TestOpenedBlocksAreOfTheirSnapshot: the last block is written anew whenever
// changes are added. Whoever reads it, before and after, and whatever others have
// read meanwhile, gets the one of its moment.
func TestOpenedBlocksAreOfTheirSnapshot(t *testing.T) {
	db := open(t)
	next := 0
	add := func(n int) {
		var batch []audit.Change
		for range n {
			next++
			batch = append(batch, made(fmt.Sprint(next%7), audit.Time(1e12+float64(next)), audit.OpUpsert, audit.Int(int64(next))))
		}
		appendAll(t, db, batch...)
	}
	// whole reads all that a view has, one by one and as blocks.
	whole := func(v *View) error {
		var all []audit.Seq
		for s := audit.Seq(1); s <= v.Last(); s++ {
			all = append(all, s)
		}
		got, err := v.Read(t.Context(), all)
		for n := 0; err == nil && n <= audit.BlockOf(v.Last()); n++ {
			var of []audit.Change
			of, err = v.Block(t.Context(), n)
			got = append(got, of...)
		}
		if err != nil || len(got) != 2*len(all) {
			return fmt.Errorf("up to %d: %d changes, %v", v.Last(), len(got), err)
		}
		for i := range got {
			want := all[i%len(all)]
			if n, _ := got[i].After.Body.Int64(); got[i].Seq != want || n != int64(want) {
				return fmt.Errorf("change %d is %d: %s", want, got[i].Seq, got[i].After.Body.JSON())
			}
		}
		return nil
	}
	read := func(v *View) {
		t.Helper()
		if err := whole(v); err != nil {
			t.Error(err)
		}
	}
	add(3)
	first, err := db.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				v, err := db.View(t.Context())
				if err == nil {
					err = whole(v)
					v.Close()
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 40 {
		read(first)
		add(1 + next%17)
		now, err := db.View(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		read(now)
		read(first)
		now.Close()
	}
	close(stop)
	readers.Wait()
	if first.Last() != 3 || len(db.opens.byName) == 0 {
		t.Errorf("the first view has %d changes; %d blocks are open", first.Last(), len(db.opens.byName))
	}
}
