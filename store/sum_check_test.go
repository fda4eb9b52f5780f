package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"testing"

	"recourse/audit"
)

// check compares a view with the changes: all of it, or two of its chunks.
func (m *sumModel) check(all bool) {
	m.t.Helper()
	v, err := m.sums.view(context.Background(), m.db)
	m.must(err)
	defer v.Close()
	if v.Last() != audit.Seq(len(m.changes)) || len(v.Chunks()) != (len(m.changes)+7)/8 {
		m.t.Fatalf("the view ends at %d in %d chunks, of %d changes", v.Last(), len(v.Chunks()), len(m.changes))
	}
	for i, c := range v.Chunks() {
		if n := len(v.Chunks()); all || m.r.IntN(n) < 2 {
			m.checkChunk(v, c, m.changes[i*8:min(i*8+8, len(m.changes))])
		}
	}
	if !all && m.r.IntN(4) != 0 {
		return
	}
	for _, f := range audit.Facets() {
		total := map[string]int{}
		for i := range m.changes {
			for _, value := range m.changes[i].values(f) {
				total[value]++
			}
		}
		got, err := v.Totals(context.Background(), f)
		m.must(err)
		if !maps.Equal(got, total) {
			m.t.Fatalf("%s: totals are %v, want %v", f, got, total)
		}
		values, err := v.Values(context.Background(), f)
		m.must(err)
		if !slices.IsSorted(values) || len(slices.Compact(slices.Clone(values))) != len(values) {
			m.t.Fatalf("values of %s are not sorted once: %q", f, values)
		}
		for value := range total {
			if _, ok := slices.BinarySearch(values, value); !ok {
				m.t.Fatalf("%q of %s is not among the values %q", value, f, values)
			}
		}
	}
	m.checkHashes(v)
}

func (m *sumModel) checkHashes(v *View) {
	m.t.Helper()
	records := map[audit.Key][]audit.Seq{}
	for i := range m.changes {
		c := &m.changes[i]
		records[c.Key] = append(records[c.Key], audit.Seq(i+1))
		if i%5 != 0 {
			continue
		}
		got, err := v.Identified(context.Background(), c.ID)
		m.must(err)
		if !slices.Contains(got, audit.Seq(i+1)) {
			m.t.Fatalf("change %d is not found by its id: %v", i+1, got)
		}
		if audit.Seq(i) < audit.Seq(len(v.sealed.chunks)*8) {
			got, err = m.sums.idAt(v.r.txn, v.sealed, c.ID, c.Time)
			m.must(err)
			if !slices.Contains(got, audit.Seq(i+1)) {
				m.t.Fatalf("change %d is not found by its id and time: %v", i+1, got)
			}
		}
	}
	for k, want := range records {
		got, err := v.Record(context.Background(), k)
		m.must(err)
		// Two records of a hash are one in 2^28.
		if !slices.Equal(got, want) {
			m.t.Fatalf("record %v has %v, want %v", k, got, want)
		}
	}
}

func (m *sumModel) checkChunk(v *View, c audit.Chunk, changes []summedChange) {
	m.t.Helper()
	ctx := context.Background()
	want := audit.Chunk{Index: c.Index, First: audit.Seq(c.Index*8 + 1), N: len(changes), Min: changes[0].Time, Max: changes[0].Time, Ordered: true}
	for i := range changes {
		at := changes[i].Time
		if sortable(at) < sortable(want.Min) {
			want.Min = at
		}
		if sortable(at) > sortable(want.Max) {
			want.Max = at
		}
		want.Ordered = want.Ordered && (i == 0 || sortable(changes[i-1].Time) <= sortable(at))
	}
	if c.First != want.First || c.N != want.N || bits(c.Min) != bits(want.Min) || bits(c.Max) != bits(want.Max) || c.Ordered != want.Ordered {
		m.t.Fatalf("the chunk is %+v, want %+v", c, want)
	}
	times, err := v.Times(ctx, c.Index)
	m.must(err)
	if !slices.EqualFunc(times, changes, func(t audit.Time, c summedChange) bool { return bits(t) == bits(c.Time) }) {
		m.t.Fatalf("times of chunk %d are %v", c.Index, times)
	}
	m.checkOrder(v, c, times)
	doubtful, err := v.Doubtful(ctx, c.Index)
	m.must(err)
	for i := range changes {
		if doubtful.Contains(uint32(i)) != m.doubts[c.First+audit.Seq(i)] {
			m.t.Fatalf("change %d: doubtful %v", c.First+audit.Seq(i), doubtful)
		}
	}
	for _, f := range audit.Facets() {
		m.checkFacet(v, c, f, changes)
	}
}

func (m *sumModel) checkOrder(v *View, c audit.Chunk, times []audit.Time) {
	m.t.Helper()
	got, err := v.ByTime(context.Background(), c.Index)
	m.must(err)
	var want []uint16
	if !c.Ordered {
		for i := range times {
			want = append(want, uint16(i))
		}
		slices.SortStableFunc(want, func(a, b uint16) int { return cmp.Compare(sortable(times[a]), sortable(times[b])) })
	}
	if !slices.Equal(got, want) {
		m.t.Fatalf("chunk %d by time is %v, want %v of %v", c.Index, got, want, times)
	}
}

func (m *sumModel) checkFacet(v *View, c audit.Chunk, f audit.Facet, changes []summedChange) {
	m.t.Helper()
	ctx := context.Background()
	of := map[string][]uint32{"no change has it": nil, "": nil}
	counts := map[string]int{}
	for i := range changes {
		for _, value := range changes[i].values(f) {
			of[value] = append(of[value], uint32(i))
			counts[value]++
		}
	}
	for value, want := range of {
		got, err := v.Set(ctx, c.Index, f, value)
		m.must(err)
		if !slices.Equal(got.ToArray(), want) {
			m.t.Fatalf("%s %q of chunk %d is of %v, want %v", f, value, c.Index, got, want)
		}
	}
	got, err := v.Counts(ctx, c.Index, f)
	m.must(err)
	if !maps.Equal(got, counts) {
		m.t.Fatalf("counts of %s in chunk %d are %v, want %v", f, c.Index, got, counts)
	}
	codes, values, err := v.Column(ctx, c.Index, f)
	if !f.Single() {
		if err == nil {
			m.t.Fatalf("there is a column of %s", f)
		}
		return
	}
	m.must(err)
	if !slices.EqualFunc(codes, changes, func(code uint32, c summedChange) bool { return values[code] == c.values(f)[0] }) {
		m.t.Fatalf("column of %s in chunk %d: %v of %q", f, c.Index, codes, values)
	}
}

// TestOrderByTime: late times anywhere are sorted in.
func TestOrderByTime(t *testing.T) {
	times := []audit.Time{5, 9, 7, 9, 1, 10, 2, 2, 11}
	if got, want := orderByTime(times), []uint16{4, 6, 7, 0, 2, 1, 3, 5, 8}; !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}
