package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"recourse/audit"
)

// filled is a store of n changes of n/5 records, five users, bodies of about
// 300 bytes.
func filled(b *testing.B, n int) *DB {
	b.Helper()
	db, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	for from := 0; from < n; from += 500 {
		appendAll(b, db, benchBatch(from, n/5)...)
	}
	return db
}

func benchBatch(from, records int) []audit.Change {
	batch := make([]audit.Change, 500)
	for i := range batch {
		n := from + i
		r := rand.New(rand.NewPCG(1, uint64(n)))
		fields := map[string]audit.Value{}
		for f := range 10 {
			fields[fmt.Sprint("attribute", f)] = audit.Text(fmt.Sprintf("value %x", r.Uint64()>>40))
		}
		batch[i] = made(fmt.Sprint(r.IntN(max(records, 1))), audit.Time(1.79e12+float64(n)), audit.OpUpsert, audit.Object(fields))
	}
	return batch
}

func BenchmarkGet(b *testing.B) {
	db := filled(b, 50_000)
	r := rand.New(rand.NewPCG(1, 1))
	for b.Loop() {
		mustGet(b, db, audit.Seq(1+r.IntN(50_000)))
	}
}

func BenchmarkHistory(b *testing.B) {
	db := filled(b, 50_000)
	r := rand.New(rand.NewPCG(1, 1))
	for b.Loop() {
		collect(b, db.History(context.Background(), audit.Key{Table: shop, ID: audit.ID(fmt.Sprint(r.IntN(10_000)))}))
	}
}

func BenchmarkFollow(b *testing.B) {
	db := filled(b, 50_000)
	for b.Loop() {
		collect(b, db.Follow(context.Background(), 0))
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*50_000), "us/change")
}

func BenchmarkByTime(b *testing.B) {
	db := filled(b, 50_000)
	for b.Loop() {
		collect(b, db.ByTime(context.Background(), 0, 1e13, true))
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*50_000), "us/change")
}
