package store

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"recourse/audit"
)

// benchRows are changes as a shop has them: most update one to three attributes
// of a record that was written before.
func benchRows(n int) []row {
	r := rand.New(rand.NewPCG(4, 6))
	pick := func(s ...string) audit.Value { return audit.Text(s[r.IntN(len(s))]) }
	words := []string{"the", "customer", "asked", "for", "refund", "after", "late", "delivery", "parcel", "check", "with", "warehouse", "before", "release", "driver", "route"}
	attributes := []func() audit.Value{
		func() audit.Value { return pick("active", "pending", "shipped", "closed", "review") },
		func() audit.Value {
			return audit.Text(fmt.Sprintf("%s %s", [...]string{"Ada", "Rob", "Chen", "Lena"}[r.IntN(4)], [...]string{"Okafor", "Wei", "Jones", "Thompson"}[r.IntN(4)]))
		},
		func() audit.Value { return audit.Float(float64(r.IntN(1e6)) / 100) },
		func() audit.Value { return audit.Int(1795300000000 + r.Int64N(9e7)) },
		func() audit.Value { return audit.Text(fmt.Sprintf("EF-%06x", r.Uint32()>>8)) },
		func() audit.Value {
			return audit.Text(fmt.Sprintf("10.%d.%d.%d", r.IntN(20), r.IntN(256), r.IntN(256)))
		},
		func() audit.Value { return audit.Bool(r.IntN(2) == 0) },
		func() audit.Value {
			s := words[r.IntN(len(words))]
			for range 4 + r.IntN(8) {
				s += " " + words[r.IntN(len(words))]
			}
			return audit.Text(s)
		},
	}
	name := func(table, i int) string {
		return fmt.Sprintf("%s_%d", [...]string{"order", "payer", "ship"}[table], i)
	}
	last := map[audit.Key]row{}
	rows := make([]row, n)
	for i := range rows {
		table, number := r.IntN(3), r.IntN(1+n/5)
		key := audit.Key{Table: audit.Table{Database: "shop", Name: [...]string{"orders", "payments", "shipments"}[table]}, ID: audit.ID(fmt.Sprintf(`"k-%06d"`, number))}
		before, known := last[key]
		fields := map[string]audit.Value{"id": audit.Text(fmt.Sprintf("k-%06d", number))}
		for a, f := range attributes {
			if old := before.c.After.Body.Get(name(table, a)); old != nil && r.IntN(4) > 0 {
				fields[name(table, a)] = old
			} else {
				fields[name(table, a)] = f()
			}
		}
		c := audit.Change{Seq: audit.Seq(i + 1), Node: "n1", Time: audit.Time(1795392000000 + 86.4*float64(i) + r.Float64()), User: fmt.Sprintf("u%d", r.IntN(1+r.IntN(300))),
			Op: audit.OpUpdate, Reported: audit.OpUpdate, Key: key, Group: audit.Group{Size: 1}, Observed: audit.Time(1795392000500 + i/500*1000),
			After: audit.PresentImage(audit.Object(fields), audit.Logged, audit.Exact)}
		c.ID = c.Identify()
		rows[i] = row{c: c}
		if known {
			rows[i].prev, rows[i].prevTime, rows[i].was = before.c.Seq, before.c.Time, before.c.After
		}
		last[key] = rows[i]
	}
	return rows
}

// benchBlocks are the rows by blocks, and the payloads of these.
func benchBlocks(b *testing.B) (blocks [][]row, payloads [][]byte) {
	b.Helper()
	rows := benchRows(32 * audit.BlockSize)
	for from := 0; from < len(rows); from += audit.BlockSize {
		blocks = append(blocks, rows[from:from+audit.BlockSize])
		payloads = append(payloads, mustEncode(b, blocks[len(blocks)-1]))
	}
	b.ReportAllocs()
	b.ResetTimer()
	return blocks, payloads
}

func perChange(b *testing.B, each int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/1e3/float64(b.N*each), "us/change")
}

func BenchmarkEncodeBlock(b *testing.B) {
	blocks, payloads := benchBlocks(b)
	for i := range b.N {
		mustEncode(b, blocks[i%len(blocks)])
	}
	perChange(b, audit.BlockSize)
	size := 0
	for _, p := range payloads {
		size += len(p)
	}
	b.ReportMetric(float64(size)/float64(len(payloads)*audit.BlockSize), "B/change")
}

func BenchmarkBlockRows(b *testing.B) {
	blocks, payloads := benchBlocks(b)
	for i := range b.N {
		at := i % len(blocks)
		if _, err := mustOpen(b, blocks[at][0].c.Seq, payloads[at]).rows(); err != nil {
			b.Fatal(err)
		}
	}
	perChange(b, audit.BlockSize)
}

// One change of a block that was not read before.
func BenchmarkBlockRow(b *testing.B) {
	blocks, payloads := benchBlocks(b)
	for i := range b.N {
		at := i % len(blocks)
		if _, err := mustOpen(b, blocks[at][0].c.Seq, payloads[at]).row(i * 37 % audit.BlockSize); err != nil {
			b.Fatal(err)
		}
	}
	perChange(b, 1)
}
