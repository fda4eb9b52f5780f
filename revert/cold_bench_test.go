package revert

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"recourse/audit"
	"recourse/store"
)

// manyChanges are an attack on records, each made by ann, changed by eve, and
// touched by bob afterwards.
func manyChanges(records int) []audit.Change {
	body := func(i int, email, city string) audit.Value {
		return audit.Object(map[string]audit.Value{"id": audit.Int(int64(i)), "email": audit.Text(email), "city": audit.Text(city),
			"name": audit.Text(fmt.Sprintf("customer %d", i)), "balance": audit.Float(float64(i) + .25), "active": audit.Bool(true),
			"note": audit.Text("a note of some length, as people write them")})
	}
	var out []audit.Change
	for turn, who := range []string{"ann", "eve", "bob"} {
		for i := range records {
			email, city := fmt.Sprintf("c%d@example.com", i), "Rome"
			if turn > 0 {
				email = "eve@evil"
			}
			if turn > 1 {
				city = "Oslo"
			}
			out = append(out, audit.Change{Time: audit.Time(1_795_470_000_000 + float64(turn*records+i)*7.25), User: who,
				Op: []audit.Op{audit.OpInsert, audit.OpUpdate, audit.OpUpdate}[turn], Key: audit.Key{Table: dogs, ID: audit.ID(fmt.Sprint(i))},
				After: audit.PresentImage(body(i, email, city), audit.Logged, audit.Exact)})
			last := &out[len(out)-1]
			last.ID = last.Identify()
		}
	}
	return out
}

// BenchmarkColdStore plans an attack of 100,000 changes from a store that was
// just opened, and writes the plan's file.
func BenchmarkColdStore(b *testing.B) {
	ctx, dir := context.Background(), b.TempDir()
	db, err := store.Open(dir, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	const attacked = 100_000
	changes := manyChanges(attacked)
	for len(changes) > 0 {
		n := min(len(changes), 5_000)
		if _, err := db.Append(ctx, audit.Batch{Changes: changes[:n]}); err != nil {
			b.Fatal(err)
		}
		changes = changes[n:]
	}
	sel, err := Select(Criteria{}, each(manyChanges(attacked), eves))
	if err != nil {
		b.Fatal(err)
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	start := cpuTime(b)
	for b.Loop() {
		db, err := store.Open(dir, store.Options{})
		if err != nil {
			b.Fatal(err)
		}
		temp := tempIn(b.TempDir())
		p, err := MakeDraft(ctx, Request{Selection: sel}, Records(ctx, db, sel.Changes, temp), temp)
		if err == nil {
			err = errors.Join(p.Write(io.Discard), p.Close())
		}
		if err != nil || p.Header.Counts.Patch != attacked {
			b.Fatal(err)
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(attacked*float64(b.N)/b.Elapsed().Seconds(), "selected/s")
	reportCPU(b, start, 3*attacked, "cpu-µs/change")
}
