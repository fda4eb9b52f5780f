package store

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"recourse/audit"
)

// TestDoubtAfterSeal: of a change in the last chunk that is full more is learned
// when no chunk is open.
func TestDoubtAfterSeal(t *testing.T) {
	ctx := context.Background()
	db, err := Open(t.TempDir(), Options{NoSync: true, layout: small()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var all []audit.Change
	for i := range small().size {
		c := made(fmt.Sprint(i), audit.Time(1e12+float64(i)), audit.OpUpsert, object(i))
		c.After.Trust = audit.Provisional
		all = append(all, c)
	}
	appendAll(t, db, all...)
	better := all[3]
	better.After = audit.PresentImage(audit.Object(map[string]audit.Value{"other": audit.Int(1)}), audit.Logged, audit.Exact)
	appendAll(t, db, better)
	sets, err := db.Doubtful(ctx)
	if err != nil || len(sets) != 1 || !sets[0].Contains(3) {
		t.Fatalf("doubtful: %v, %v", sets, err)
	}
	other := func() uint64 {
		t.Helper()
		v, err := db.View(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		b, err := v.Set(ctx, 0, audit.FacetAttribute, "other")
		if err != nil {
			t.Fatal(err)
		}
		return b.GetCardinality()
	}
	if n := other(); n != 0 {
		t.Errorf("%d changes of an attribute that nobody knew of", n)
	}
	mustBeWhole(t, db)
	if err := db.Resum(ctx, 0, sets[0]); err != nil {
		t.Fatal(err)
	}
	if n := other(); n != 1 {
		t.Errorf("%d changes of the attribute, want 1", n)
	}
	if sets, err := db.Doubtful(ctx); err != nil || len(sets) != 0 {
		t.Errorf("doubtful still: %v, %v", sets, err)
	}
	mustBeWhole(t, db)
}

// TestVersionOfTwo: a baseline's version names a change until another of the same
// time comes; what the first left is then unknown again, also in the sums.
func TestVersionOfTwo(t *testing.T) {
	ctx := context.Background()
	for _, op := range []audit.Op{audit.OpUpdate, audit.OpMessage} {
		db, err := Open(t.TempDir(), Options{NoSync: true, layout: small()})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var all []audit.Change
		for i := range small().size {
			c := made(fmt.Sprint(i), audit.Time(1e12+float64(i)), audit.OpUpdate, object(i))
			c.After = audit.Image{}
			all = append(all, c)
		}
		seen := audit.BaseRecord{Baseline: "b", Key: all[3].Key, Version: all[3].Time, Seen: 2e12, Until: 2e12, Body: object(3)}
		if _, err := db.Append(ctx, audit.Batch{Changes: all, Records: []audit.BaseRecord{seen}}); err != nil {
			t.Fatal(err)
		}
		if c := mustGet(t, db, 4); c.After.State != audit.Present {
			t.Fatalf("%s: the baseline tells nothing of the change that it saw: %+v", op, c.After)
		}
		second := made("3", all[3].Time, op, object(4))
		second.Nth = 1
		second.ID = second.Identify()
		appendAll(t, db, second)
		if c := mustGet(t, db, 4); c.After.State != audit.Unknown {
			t.Errorf("%s: a version of two changes tells something of one: %+v", op, c.After)
		}
		mustBeWhole(t, db)
	}
}

// TestBehind: a batch that is on disk and could not be summed up is not left out
// of an answer: until it can be, there is none.
func TestBehind(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	appendAll(t, db, made("1", 10, audit.OpUpsert, object(1)), made("2", 20, audit.OpUpsert, object(2)))
	var good []byte
	rewrite(t, db, blockKey(0), func(v []byte) []byte { good = v; return append([]byte{v[0] ^ 1}, v[1:]...) })
	// As a batch leaves it whose changes could not be read again.
	db.writer = nil
	db.behind.Store(true)
	db.sums.open.apply(func([]*sums) []*sums { return nil })
	if _, err := db.View(ctx); !errors.Is(err, ErrCorrupt) {
		t.Errorf("view: %v", err)
	}
	if _, err := db.Users(ctx); !errors.Is(err, ErrCorrupt) {
		t.Errorf("users: %v", err)
	}
	rewrite(t, db, blockKey(0), func([]byte) []byte { return good })
	v, err := db.View(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if v.Last() != 2 || len(v.Chunks()) != 1 {
		t.Errorf("the view ends at %d", v.Last())
	}
	mustBeWhole(t, db)
}
