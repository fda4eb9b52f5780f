package store

import (
	"context"
	"slices"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"recourse/audit"
)

// TestCompareSums: sums that are not those of the changes are told, unless they
// are known to be doubtful.
func TestCompareSums(t *testing.T) {
	m, _ := damagedSums(t)
	ctx := context.Background()
	compare := func(chunk int, otherwise func(c *summedChange, off int)) (problems []string) {
		v, err := m.sums.view(ctx, m.db)
		m.must(err)
		defer v.Close()
		s := newSums(small(), chunk)
		for off := range 8 {
			c := m.changes[chunk*8+off]
			if !m.doubts[audit.Seq(chunk*8+off+1)] {
				otherwise(&c, off)
			}
			s.addWith(&c.Change, appendList(nil, c.attributes...))
		}
		m.must(v.compare(ctx, s.freeze(), func(p string) { problems = append(problems, p) }))
		return problems
	}
	for chunk := range 6 {
		if p := compare(chunk, func(*summedChange, int) {}); len(p) > 0 {
			t.Fatalf("chunk %d is whole: %q", chunk, p)
		}
		for name, f := range map[string]func(*summedChange){
			"user":      func(c *summedChange) { c.User += "x" },
			"attribute": func(c *summedChange) { c.attributes = append(slices.Clone(c.attributes), "zz") },
			"time":      func(c *summedChange) { c.Time = 77 },
			"record":    func(c *summedChange) { c.Key.ID += "7" },
			"id":        func(c *summedChange) { c.ID[0]++ },
		} {
			if p := compare(chunk, func(c *summedChange, _ int) { f(c) }); len(p) == 0 {
				t.Errorf("chunk %d with another %s: no problem", chunk, name)
			}
		}
	}
	// All of a chunk's changes are doubtful: nothing of their readings is told.
	var all []audit.Seq
	for off := range 8 {
		all = append(all, audit.Seq(off+1))
	}
	m.must(m.commit(func(txn *badger.Txn) error { return addDoubtful(txn, small(), all) }))
	if p := compare(0, func(c *summedChange, _ int) { c.User = "somebody" }); len(p) > 0 {
		t.Errorf("of doubtful changes: %q", p)
	}
}

// TestSumsFind: the one who adds changes finds those there are, by record and
// by id, the newest first.
func TestSumsFind(t *testing.T) {
	s := newSums(small(), 3)
	k := audit.Key{Table: shop, ID: "1"}
	if slices.Collect(s.recordOffsets(k)) != nil {
		t.Fatal("a change was found before there was one")
	}
	for i := range 8 {
		c := momentChange(i, "ann")
		s.add(&c)
	}
	if got := slices.Collect(s.recordOffsets(k)); !slices.Equal(got, []int{6, 1}) {
		t.Errorf("changes of the record: %v", got)
	}
	for i := range 8 {
		c := momentChange(i, "ann")
		if got := slices.Collect(s.idOffsets(c.ID)); !slices.Equal(got, []int{i}) {
			t.Errorf("changes of id %d: %v", i, got)
		}
	}
	if !s.full() {
		t.Error("it is not full")
	}
}
