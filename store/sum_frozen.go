package store

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// A frozen is the sums of the first n changes of a chunk at one moment. What it
// holds is never changed any more, so it may be read while the sums grow.
type frozen struct {
	layout
	chunk, n int
	times    []audit.Time
	records  []uint32
	ids      []uint32
	columns  [dimensions]frozenColumn
	span     timeSpan
}

type frozenColumn struct {
	codes  []uint32
	values []string // some may be of no change any more
}

// freeze costs nothing until a change is replaced.
func (s *sums) freeze() *frozen {
	n := s.n()
	z := &frozen{layout: s.layout, chunk: s.chunk, n: n, times: s.times[:n:n],
		records: s.records.all[:n:n], ids: s.ids.all[:n:n], span: s.span}
	for d := range s.columns {
		c := &s.columns[d]
		c.shared = true
		z.columns[d] = frozenColumn{c.codes[:n:n], c.values[:len(c.values):len(c.values)]}
	}
	return z
}

// upTo is the sums of the first n changes alone.
func (z *frozen) upTo(n int) *frozen {
	if n >= z.n {
		return z
	}
	y := *z
	y.n, y.times, y.records, y.ids, y.span = n, z.times[:n:n], z.records[:n:n], z.ids[:n:n], timeSpan{}
	for d, c := range z.columns {
		y.columns[d].codes = c.codes[:n:n]
	}
	for i, t := range y.times {
		y.span.add(t, i == 0)
	}
	return &y
}

func (z *frozen) describe() audit.Chunk {
	c := audit.Chunk{Index: z.chunk, First: z.first(z.chunk), N: z.n, Ordered: !z.span.falls}
	if z.n > 0 {
		c.Min, c.Max = unsortable(z.span.min), unsortable(z.span.max)
	}
	return c
}

// lists says which values stand for several or none.
func (d dimension) lists() bool { return d >= dimAttributes }

// members are the values of a facet, and for each the codes that mean it, among
// others or alone.
func (z *frozen) members(d dimension) map[string][]uint32 {
	of := make(map[string][]uint32, len(z.columns[d].values))
	for code, v := range z.columns[d].values {
		if !d.lists() {
			of[v] = []uint32{uint32(code)}
			continue
		}
		for _, m := range splitList(v) {
			of[m] = append(of[m], uint32(code))
		}
	}
	return of
}

// set is the changes that have a value.
func (z *frozen) set(d dimension, value string) *roaring.Bitmap {
	col := z.columns[d]
	has := make([]bool, len(col.values))
	for code, v := range col.values {
		has[code] = v == value
		if d.lists() {
			has[code] = slices.Contains(splitList(v), value)
		}
	}
	var p painter
	if !slices.Contains(has, true) {
		return p.take()
	}
	for off, code := range col.codes {
		if has[code] {
			p.add(uint16(off))
		}
	}
	return p.take()
}

// codeCounts is how many changes have each code.
func (z *frozen) codeCounts(d dimension) []int {
	counts := make([]int, len(z.columns[d].values))
	for _, code := range z.columns[d].codes {
		counts[code]++
	}
	return counts
}

// counts is how many changes have each value; values of none are left out.
func (z *frozen) counts(d dimension) map[string]int {
	counts := map[string]int{}
	for code, n := range z.codeCounts(d) {
		v := z.columns[d].values[code]
		switch {
		case n == 0:
		case d.lists():
			for _, m := range splitList(v) {
				counts[m] += n
			}
		default:
			counts[v] = n
		}
	}
	return counts
}

// byCode are the offsets of the changes that have each code, ascending.
func (z *frozen) byCode(d dimension) [][]uint16 {
	counts, codes := z.codeCounts(d), z.columns[d].codes
	all, lists := make([]uint16, len(codes)), make([][]uint16, len(counts))
	at := 0
	for code, n := range counts {
		lists[code] = all[at : at : at+n]
		at += n
	}
	for off, code := range codes {
		lists[code] = append(lists[code], uint16(off))
	}
	return lists
}

// offsetsOf is where a hash stands, ascending.
func offsetsOf(hashes []uint32, hash uint32) []int {
	var at []int
	for off, h := range hashes {
		if h == hash {
			at = append(at, off)
		}
	}
	return at
}

// A painter makes sets of offsets, one after another, of offsets in any order.
type painter struct {
	words [1 << 10]uint64
	n     int // how often one was added since the last set
}

func (p *painter) add(off uint16) {
	p.words[off>>6] |= 1 << (off & 63)
	p.n++
}

func (p *painter) addAll(offs []uint16) {
	for _, off := range offs {
		p.words[off>>6] |= 1 << (off & 63)
	}
	p.n += len(offs)
}

// take is the set of what was added, in memory of its own.
func (p *painter) take() *roaring.Bitmap {
	if p.n == 0 {
		return roaring.New()
	}
	b := roaring.FromDense(p.words[:], true)
	clear(p.words[:])
	p.n = 0
	return b
}
