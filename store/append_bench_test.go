//go:build unix

package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"syscall"
	"testing"

	"recourse/audit"
	"recourse/bench/gen"
)

// generated are changes as the generator has them, a group after the other:
// three of four edit a record that was written before.
func generated(b *testing.B, n int) []audit.Change {
	b.Helper()
	var lines bytes.Buffer
	if _, err := gen.Write(&lines, gen.Config{Groups: n, Seed: 1}); err != nil {
		b.Fatal(err)
	}
	changes := make([]audit.Change, 0, n)
	for line := range bytes.Lines(lines.Bytes()) {
		v, err := audit.FromJSON(line)
		if err != nil {
			b.Fatal(err)
		}
		changes = append(changes, changeOfGroup(b, v, len(changes)))
	}
	return changes
}

// changeOfGroup is the one change of a group.
func changeOfGroup(b *testing.B, group audit.Value, n int) audit.Change {
	b.Helper()
	text := func(name string) string { return group.Get(name).Text() }
	at, _ := group.Get("timestamp").Float64()
	c := audit.Change{Time: audit.Time(at), User: text("user_name"), Op: audit.Op(text("operation")), Reported: audit.Op(text("operation")),
		Node: "n1", Group: audit.Group{Size: 1}, Observed: audit.Time(1795500000000 + n/4096*900),
		Key: audit.Key{Table: audit.Table{Database: text("database"), Name: text("table")}}}
	for v := range group.Get("hash_values").Elems() {
		id, err := audit.IDOf(v)
		if err != nil {
			b.Fatal(err)
		}
		c.Key.ID = id
	}
	for v := range group.Get("records").Elems() {
		c.After = audit.PresentImage(slices.Clone(v), audit.Logged, audit.Exact)
	}
	if c.Op.Kind() == audit.KindDelete {
		c.After = audit.AbsentImage(audit.Logged, audit.Exact)
	}
	c.ID = c.Identify()
	return c
}

// cpu is what this process has used of the processors, in microseconds.
func cpu() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return 1e6*float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec) + float64(u.Stime.Usec)
}

// BenchmarkAppend imports four chunks in batches as an import has them.
func BenchmarkAppend(b *testing.B) {
	changes := generated(b, 4*audit.ChunkSize)
	var used float64
	for range b.N {
		b.StopTimer()
		db, err := Open(b.TempDir(), Options{Memory: 192 << 20})
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		from := cpu()
		for batch := range slices.Chunk(changes, 4096) {
			appendAll(b, db, batch...)
		}
		used += cpu() - from
		b.StopTimer()
		if s, err := db.Stats(context.Background()); err == nil {
			b.ReportMetric(float64(s.Disk)/float64(s.Changes), "B/change")
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	n := float64(b.N * len(changes))
	b.ReportMetric(used/n, "cpu-us/change")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/n, "us/change")
}

// BenchmarkAppendFew appends to a store of some changes as a tail does.
func BenchmarkAppendFew(b *testing.B) {
	changes := generated(b, 2*audit.ChunkSize)
	for _, each := range []int{1, 10, 100} {
		for _, noSync := range []bool{true, false} {
			b.Run(fmt.Sprintf("%d/nosync=%v", each, noSync), func(b *testing.B) {
				db, err := Open(b.TempDir(), Options{NoSync: noSync})
				if err != nil {
					b.Fatal(err)
				}
				defer func() { _ = db.Close() }()
				const begun = 20 * audit.BlockSize
				appendAll(b, db, changes[:begun]...)
				rest := changes[begun:]
				b.ResetTimer()
				from := cpu()
				for range b.N {
					if len(rest) < each {
						b.Fatal("more runs than there are changes")
					}
					appendAll(b, db, rest[:each]...)
					rest = rest[each:]
				}
				b.ReportMetric((cpu()-from)/float64(b.N), "cpu-us/append")
			})
		}
	}
}
