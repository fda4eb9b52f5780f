package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/harper"
	"recourse/internal/harpertest"
	"recourse/revert"
	"recourse/store"
)

// BenchmarkApply takes back patches of 1000 records, and beside it makes the same
// writes with a bare client that proves nothing: records a second of both, and how
// much longer an apply takes. With HARPER_TEST_URL and HARPER_TEST_REST_URL it is
// a live Harper's.
func BenchmarkApply(b *testing.B) {
	for _, line := range []harpertest.Line{harpertest.LMDB, harpertest.RocksDB} {
		b.Run(line.String(), func(b *testing.B) { benchmarkApply(b, builtin(b, line, "")) })
	}
	b.Run("live", func(b *testing.B) {
		r := live(b)
		if r.rest == "" {
			b.Skip("HARPER_TEST_REST_URL names no REST address")
		}
		benchmarkApply(b, r)
	})
}

func benchmarkApply(b *testing.B, r rig) {
	b.StopTimer()
	const n = 1000 // whatever b.N is: an apply is one apply
	if b.N > 1 {
		b.Fatal("run it with -benchtime 1x")
	}
	name := fmt.Sprintf("bench%06d", rand.IntN(1e6))
	admin := clientAs(b, r, r.user, r.password)
	for _, user := range []string{"mallory" + name, "svc" + name} {
		addUser(b, admin, user)
	}
	ids := make([]audit.ID, n)
	for i := range ids {
		ids[i] = audit.ID(audit.Text(fmt.Sprintf("%s-%d", name, i)).JSON())
	}
	patchAll(b, admin, r.restTable, ids, map[string]any{"name": "rex", "owner": "ann", "age": 3})
	patchAll(b, clientAs(b, r, "mallory"+name, "pw-mallory"+name), r.restTable, ids, map[string]any{"owner": "mallory"})
	svc := clientAs(b, r, "svc"+name, "pw-svc"+name)
	plan := planOf(b, svc, r.restTable, ids, "mallory"+name)
	db, err := store.Open(b.TempDir(), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	server, err := newHarperServer(b.Context(), svc, ingest.Stamp{Observed: audit.TimeOf(time.Now())}, steadyClock(time.Now))
	if err != nil {
		b.Fatal(err)
	}
	a := &revert.Applier{Server: server, Journal: db, Ledger: db}
	start := time.Now()
	b.StartTimer()
	res, err := a.Apply(b.Context(), plan, revert.ApplyOptions{User: "svc" + name})
	b.StopTimer()
	took := time.Since(start)
	if err != nil || res.Err() != nil || res.Verified != n {
		b.Fatalf("%v %v %+v", err, res.Err(), res.Classes)
	}
	start = time.Now()
	patchAll(b, svc, r.restTable, ids, map[string]any{"owner": "bob"})
	bare := time.Since(start)
	b.ReportMetric(float64(n)/took.Seconds(), "records/s")
	b.ReportMetric(float64(n)/bare.Seconds(), "bare/s")
	b.ReportMetric(took.Seconds()/bare.Seconds(), "times-bare")
}

// patchAll patches records, eight at a time.
func patchAll(t testing.TB, c *harper.Client, table audit.Table, ids []audit.ID, fields map[string]any) {
	t.Helper()
	set, err := audit.Of(fields)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	work := make(chan audit.ID)
	for range 8 {
		wg.Go(func() {
			for id := range work {
				if err := c.Patch(context.Background(), table, id, set); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, id := range ids {
		work <- id
	}
	close(work)
	wg.Wait()
}

// planOf plans what one user did to records, from Harper's own log.
func planOf(t testing.TB, c *harper.Client, table audit.Table, ids []audit.ID, user string) *revert.Plan {
	t.Helper()
	rows, err := c.RecordHistory(t.Context(), table, ids)
	if err != nil {
		t.Fatal(err)
	}
	var records []revert.Record
	for _, id := range ids {
		changes, err := ingest.RecordChanges(t.Context(), table, ingest.Stamp{Observed: audit.TimeOf(time.Now())}, rows[id])
		if err != nil {
			t.Fatal(err)
		}
		for i := range changes {
			changes[i].ID = changes[i].Identify()
			// Nobody else has written them, so the first patch made them.
			if i > 0 {
				changes[i].Before = changes[i-1].After
			} else {
				changes[i].Before = audit.AbsentImage(audit.Folded, audit.Exact)
			}
			changes[i].After.Trust = audit.Prompt
		}
		records = append(records, revert.Record{Key: audit.Key{Table: table, ID: id}, Changes: changes, Whole: true})
	}
	sel, err := revert.Select(revert.Criteria{User: []string{user}}, func(yield func(audit.Change, error) bool) {
		for _, r := range records {
			for _, c := range r.Changes {
				if c.User == user && !yield(c, nil) {
					return
				}
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := revert.Make(t.Context(), revert.Request{Selection: sel}, func(yield func(revert.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	})
	if err != nil || len(plan.Actions) != len(ids) {
		t.Fatalf("%v: %+v", err, plan)
	}
	return plan
}

func addUser(t testing.TB, admin *harper.Client, user string) {
	t.Helper()
	if _, err := admin.Call(t.Context(), map[string]any{
		"operation": "add_user", "username": user, "password": "pw-" + user, "role": "super_user", "active": true,
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = admin.Call(context.Background(), map[string]any{"operation": "drop_user", "username": user})
	})
}
