package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// A summedUp is changes to be summed up, with what each edited: as a shop has
// them, of 500 users of whom few do most, 12 tables of 11 attributes, every
// fifth change an insert.
type summedUp struct {
	changes    []audit.Change
	attributes [][]byte
}

func shopChanges(n int) summedUp {
	r := rand.New(rand.NewPCG(1, 1))
	users := rand.NewZipf(r, 1.2, 8, 499)
	ops := []audit.Op{audit.OpUpdate, audit.OpUpdate, audit.OpUpdate, audit.OpUpsert, audit.OpDelete}
	var all summedUp
	at := 1.795392e12
	for i := range n {
		at += r.ExpFloat64() * 90
		table := r.IntN(12)
		names := make([]string, 11)
		for a := range names {
			names[a] = fmt.Sprintf("attribute%02d_%02d", table, a)
		}
		c := audit.Change{Time: audit.Time(at), User: fmt.Sprint("u", users.Uint64()), Op: pick(r, ops), Node: "n1", Nth: i,
			Key: audit.Key{Table: audit.Table{Database: "shop", Name: fmt.Sprint("table", table)}, ID: audit.ID(fmt.Sprintf(`"r-%06d"`, r.IntN(200_000)))}}
		if i%200 == 7 {
			c.Time -= 1e6
			c.Late = true
		}
		if i%5 == 0 {
			c.Op = audit.OpInsert
		} else {
			a := r.IntN(len(names) - 2)
			names = names[a : a+1+r.IntN(2)]
		}
		c.ID = c.Identify()
		all.changes, all.attributes = append(all.changes, c), append(all.attributes, appendList(nil, names...))
	}
	return all
}

func (a summedUp) sum(chunk int) *sums {
	s := newSums(standard(), chunk)
	for i := range a.changes {
		s.addWith(&a.changes[i], a.attributes[i])
	}
	return s
}

func BenchmarkSumsAdd(b *testing.B) {
	all := shopChanges(audit.ChunkSize)
	b.ReportAllocs()
	for b.Loop() {
		all.sum(0)
	}
	perChange(b, audit.ChunkSize)
}

func BenchmarkSumsSeal(b *testing.B) {
	z := shopChanges(audit.ChunkSize).sum(0).freeze()
	size := map[keyKind]int{}
	b.ReportAllocs()
	for b.Loop() {
		entries, err := z.seal(1)
		if err != nil {
			b.Fatal(err)
		}
		clear(size)
		for _, e := range entries {
			size[keyKind(e.key[0])] += len(e.key) + sealSize + len(e.payload)
		}
	}
	perChange(b, audit.ChunkSize)
	for kind, n := range size {
		b.ReportMetric(float64(n)/audit.ChunkSize, fmt.Sprintf("B-%c/change", kind))
	}
}

// sealedView is a view of two sealed chunks and no cache.
func sealedView(b *testing.B) *View {
	b.Helper()
	g := newSumming(standard(), -1)
	db, err := openRaw(b.TempDir(), g)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	commit := func(f func(*badger.Txn) error) error { return db.update(context.Background(), f) }
	all := shopChanges(audit.ChunkSize)
	for chunk := range 2 {
		if err := sealChunk(commit, all.sum(chunk).freeze(), nil); err != nil {
			b.Fatal(err)
		}
	}
	if err := commit(func(txn *badger.Txn) error { return set(txn, headKey(), uintPayload(2*audit.ChunkSize)) }); err != nil {
		b.Fatal(err)
	}
	if err := db.setHead(); err != nil {
		b.Fatal(err)
	}
	v, err := g.view(context.Background(), db)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(v.Close)
	return v
}

func BenchmarkView(b *testing.B) {
	v := sealedView(b)
	ctx := context.Background()
	all := shopChanges(audit.ChunkSize)
	i := 0
	for name, f := range map[string]func() error{
		"set of a user":      func() error { _, err := v.Set(ctx, 1, audit.FacetUser, "u7"); return err },
		"set of a table":     func() error { _, err := v.Set(ctx, 1, audit.FacetTable, "shop.table7"); return err },
		"counts of users":    func() error { _, err := v.Counts(ctx, 1, audit.FacetUser); return err },
		"column of users":    func() error { _, _, err := v.Column(ctx, 1, audit.FacetUser); return err },
		"column of ops":      func() error { _, _, err := v.Column(ctx, 1, audit.FacetOp); return err },
		"times":              func() error { _, err := v.Times(ctx, 1); return err },
		"times, then sorted": func() error { _, err := v.ByTime(ctx, 1); return err },
		"record": func() error {
			i = (i + 1) % len(all.changes)
			_, err := v.Record(ctx, all.changes[i].Key)
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
