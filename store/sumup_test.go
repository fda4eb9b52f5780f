package store

import (
	"context"
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
