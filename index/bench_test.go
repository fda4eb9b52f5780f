package index_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"recourse/audit"
	"recourse/index"
	"recourse/query"
)

// ordinary are changes as a shop makes them, about 400 bytes a record, of
// which an update edits two attributes.
func ordinary(n int) []audit.Change {
	r := rand.New(rand.NewPCG(1, 1))
	live := map[audit.ID]audit.Value{}
	changes := make([]audit.Change, n)
	for i := range changes {
		id := audit.ID(fmt.Sprintf(`"o-%d"`, r.IntN(n/5+1)))
		before, known := live[id]
		after := before.With("status", audit.Text(pick(r, "new", "paid", "sent", "returned"))).With("updated", audit.Int(int64(start)+int64(i)))
		if !known {
			after = after.With("email", audit.Text(fmt.Sprintf("person%d@mail%d.example", r.IntN(n), r.IntN(9)))).
				With("address", audit.Text(fmt.Sprintf("%d Long Street, Town %d", r.IntN(900), r.IntN(500)))).
				With("total", audit.Float(float64(r.IntN(100000))/100)).With("note", audit.Text("please leave it at the door, and ring the bell twice")).
				With("session", audit.Text(fmt.Sprintf("%08x-%04x-%04x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<16)))).
				With("lines", audit.Array(audit.Text(fmt.Sprintf("sku%d", r.IntN(3000))), audit.Int(int64(r.IntN(9)))))
		}
		c := audit.Change{
			Seq: audit.Seq(i + 1), Time: audit.Time(start + float64(i)*86), Node: "n1", User: fmt.Sprintf("u%d", r.IntN(50)), Op: audit.OpUpdate,
			Key:    audit.Key{Table: audit.Table{Database: "shop", Name: pick(r, "orders", "customers", "products")}, ID: id},
			Before: audit.PresentImage(before, audit.Folded, audit.Exact), After: audit.PresentImage(after, audit.Logged, audit.Exact),
		}
		if !known {
			c.Op, c.Before = audit.OpInsert, audit.AbsentImage(audit.Logged, audit.Exact)
		}
		live[id], changes[i] = after, c
	}
	return changes
}

func BenchmarkAdd(b *testing.B) {
	x := openIndex(b, b.TempDir())
	changes := ordinary(b.N)
	b.ReportAllocs()
	b.ResetTimer()
	for len(changes) > 0 {
		n := min(1000, len(changes))
		add(b, x, changes[:n]...)
		changes = changes[n:]
	}
}

// BenchmarkSearch finds a page of 50 among 20,000 changes, and how many there
// are; candidates are read from memory, so that the index is what is measured.
func BenchmarkSearch(b *testing.B) {
	x := openIndex(b, b.TempDir())
	changes := ordinary(20_000)
	for i := 0; i < len(changes); i += 1000 {
		add(b, x, changes[i:i+1000]...)
	}
	for _, text := range []string{"user:u7", "user:u7 table:shop.orders @2026-08-01", "person777*", "paid", "carries:sku77", "attr:total -user:u3", "after.status:returned", "*"} {
		e, err := query.Parse(text, now)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(text, func(b *testing.B) {
			for b.Loop() {
				firstPage(b, x, changes, e)
			}
		})
	}
}

func firstPage(b *testing.B, x *index.Index, changes []audit.Change, e query.Expr) {
	b.Helper()
	if _, _, err := x.Count(context.Background(), e); err != nil {
		b.Fatal(err)
	}
	found := 0
	for pos, err := range x.Candidates(context.Background(), e, query.Position{}) {
		if err != nil {
			b.Fatal(err)
		}
		if e.Match(&changes[pos.Seq-1]) {
			if found++; found == 50 {
				return
			}
		}
	}
}
