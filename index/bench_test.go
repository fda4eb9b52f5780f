package index_test

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"recourse/audit"
	"recourse/internal/querytest"
)

// ordinary are changes as a shop makes them, about 400 bytes a record, of
// which an update edits two attributes.
func ordinary(n int) memory {
	r := rand.New(rand.NewPCG(1, 1))
	live := map[audit.ID]audit.Value{}
	changes := make(memory, n)
	for i := range changes {
		id := audit.ID(fmt.Sprintf(`"o-%d"`, r.IntN(n/5+1)))
		before, known := live[id]
		after := before.With("status", audit.Text(pick(r, "new", "paid", "sent", "returned"))).With("updated", audit.Int(int64(querytest.Start)+int64(i)))
		if !known {
			after = after.With("email", audit.Text(fmt.Sprintf("person%d@mail%d.example", r.IntN(n), r.IntN(9)))).
				With("address", audit.Text(fmt.Sprintf("%d Long Street, Town %d", r.IntN(900), r.IntN(500)))).
				With("total", audit.Float(float64(r.IntN(100000))/100)).With("note", audit.Text("please leave it at the door, and ring the bell twice")).
				With("session", audit.Text(fmt.Sprintf("%08x-%04x-%04x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<16)))).
				With("lines", audit.Array(audit.Text(fmt.Sprintf("sku%d", r.IntN(3000))), audit.Int(int64(r.IntN(9)))))
		}
		c := audit.Change{
			Seq: audit.Seq(i + 1), Time: audit.Time(querytest.Start + float64(i)*86), Op: audit.OpUpdate,
			Key:    audit.Key{Table: audit.Table{Database: "shop", Name: "orders"}, ID: id},
			Before: audit.PresentImage(before, audit.Folded, audit.Exact), After: audit.PresentImage(after, audit.Logged, audit.Exact),
		}
		if !known {
			c.Op, c.Before = audit.OpInsert, audit.AbsentImage(audit.Logged, audit.Exact)
		}
		live[id], changes[i] = after, c
	}
	return changes
}

// BenchmarkFollow indexes changes that are in memory, a chunk and a half at once.
// A round's merges may end in the next one.
func BenchmarkFollow(b *testing.B) {
	m := ordinary(audit.ChunkSize * 3 / 2)
	b.ReportAllocs()
	size := 0
	for b.Loop() {
		b.StopTimer()
		dir := b.TempDir()
		x := openIndex(b, dir)
		b.StartTimer()
		follow(b, x, m)
		b.StopTimer()
		size = sizeOf(b, dir)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(len(m)), "µs/change")
	b.ReportMetric(float64(size)/float64(len(m)), "B/change")
}

func sizeOf(t testing.TB, dir string) int {
	t.Helper()
	size := 0
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += int(info.Size())
		}
		return nil // a segment that was merged may just have gone
	})
	if err != nil {
		t.Fatal(err)
	}
	return size
}

// BenchmarkBlocks looks words up among those of a chunk and a half.
func BenchmarkBlocks(b *testing.B) {
	x := openIndex(b, b.TempDir())
	follow(b, x, ordinary(audit.ChunkSize*3/2))
	for _, q := range []struct {
		word  string
		fuzzy int
	}{{"person777", 0}, {"paid", 0}, {"absent", 0}, {"person77*", 0}, {"p*7?7", 0}, {"*7f3a*", 0}, {"*ment", 0}, {"person777", 1}, {"person777", 2}} {
		b.Run(fmt.Sprintf("%s~%d", q.word, q.fuzzy), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok, err := x.Blocks(context.Background(), q.word, q.fuzzy); err != nil || !ok {
					b.Fatal(ok, err)
				}
			}
		})
	}
}
