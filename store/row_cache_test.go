package store

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"recourse/audit"
)

// TestHistoryAskedAgain: what is kept of changes that were read is what they are now,
// after one of them was read better, one was found late and others were appended,
// while others read them.
func TestHistoryAskedAgain(t *testing.T) {
	db := open(t)
	const versions = 40
	at := func(i int) audit.Time { return audit.Time(1e12 + 1000*i) }
	record := func(i int) audit.Change {
		c := made(`"worn"`, at(i), audit.OpUpsert, object(i))
		c.After.Trust = audit.Provisional
		return c
	}
	for i := range versions { // each in a block of its own
		batch := []audit.Change{record(i)}
		for j := range audit.BlockSize - 1 {
			batch = append(batch, made(fmt.Sprint(j), at(i)+audit.Time(1+j), audit.OpUpsert, audit.Int(int64(i))))
		}
		appendAll(t, db, batch...)
	}
	key := record(0).Key
	read := func() []audit.Change { return collect(t, db.History(t.Context(), key)) }
	for range 3 {
		if got := read(); len(got) != versions {
			t.Fatalf("%d changes", len(got))
		}
	}
	if len(db.recents.young)+len(db.recents.old) != versions {
		t.Errorf("%d changes are kept", len(db.recents.young)+len(db.recents.old))
	}
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for range 20 {
				read()
			}
		})
	}
	better := record(7)
	better.After = audit.PresentImage(object(700), audit.Logged, audit.Exact)
	late := record(0)
	late.Time += 500
	late.After.Body = object(500)
	late.ID = late.Identify()
	appendAll(t, db, better, late, record(versions))
	readers.Wait()
	got := read()
	want := []int{0, 500, 1, 2, 3, 4, 5, 6, 700, 8}
	if len(got) != versions+2 {
		t.Fatalf("%d changes", len(got))
	}
	for i, n := range want {
		if got[i].After.Body.JSON() != object(n).JSON() || i > 0 && got[i].Before.Body.JSON() != object(want[i-1]).JSON() {
			t.Errorf("change %d: from %s to %s", i, got[i].Before.Body.JSON(), got[i].After.Body.JSON())
		}
	}
	v, err := db.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	for range 2 {
		for i := range got {
			c, err := v.Read(t.Context(), []audit.Seq{got[i].Seq})
			if err != nil || !cmp.Equal(c[0], got[i]) {
				t.Errorf("change %d, read by its number: %v\n%s", got[i].Seq, err, cmp.Diff(got[i], c[0]))
			}
		}
	}
	if again := mustGet(t, db, got[8].Seq); again.After.Trust != audit.Exact || again.After.Body.JSON() != object(700).JSON() {
		t.Errorf("by its number: %+v", again)
	}
}

// TestRowCacheIsBounded: however much is put, no more than the limit is kept, what was
// asked for last among it.
func TestRowCacheIsBounded(t *testing.T) {
	const limit = 64 << 10
	c := newRowCache(limit)
	for i := range 1000 {
		w := row{c: made("1", audit.Time(i), audit.OpUpsert, noise(i))}
		w.c.Seq = audit.Seq(i + 1)
		c.put(&w)
		if _, kept := c.get(1); !kept {
			t.Fatalf("the first is gone after %d", i+1)
		}
		size := 0
		for _, part := range []map[audit.Seq]*row{c.young, c.old} {
			for _, w := range part {
				size += w.memory()
			}
		}
		if size > limit {
			t.Fatalf("%d bytes are kept", size)
		}
	}
	if _, kept := c.get(2); kept {
		t.Error("the second is kept")
	}
}

// TestLongListsKeepLittle: who reads many changes, or a table's, does not push out
// what was read before.
func TestLongListsKeepLittle(t *testing.T) {
	db := open(t)
	var batch []audit.Change
	for i := range 2 * mostListed * manyPlaces {
		batch = append(batch, made(fmt.Sprint(i), audit.Time(1e12+i), audit.OpUpsert, object(i)))
	}
	appendAll(t, db, batch...)
	v, err := db.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	for i := range 2 * mostListed {
		s := audit.Seq(i*manyPlaces + 1)
		if c, err := v.Read(t.Context(), []audit.Seq{s}); err != nil || c[0].Seq != s {
			t.Fatalf("change %d: %v", s, err)
		}
	}
	kept := len(db.recents.young) + len(db.recents.old)
	if kept != mostListed {
		t.Errorf("%d changes of the list are kept, want %d", kept, mostListed)
	}
	if n := len(collect(t, db.TableChanges(t.Context(), batch[0].Key.Table, 0, 2e12))); n != len(batch) {
		t.Errorf("%d changes of the table, want %d", n, len(batch))
	}
	if n := len(db.recents.young) + len(db.recents.old); n != kept {
		t.Errorf("%d changes are kept after a table was read, want %d", n, kept)
	}
}
