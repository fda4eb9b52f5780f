package store

import (
	"iter"
	"maps"
	"slices"
	"sync"

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
	grows    *growing // nil: the sums that these were are those of nobody else
	byTable  *tableCounts
}

// growing are the sums that some others were, which find a hash faster than these can.
type growing struct {
	*sums
	mu *sync.RWMutex
}

// tableCounts are how many changes each table has, which every question asks for,
// counted once.
type tableCounts struct {
	once   sync.Once
	counts map[string]int
}

// A frozenColumn is a column at one moment. Some values may be of no change any
// more.
type frozenColumn struct {
	codes  []uint32
	values []string
	lists  [][]uint32
	names  []string
	asked  *askedSets
}

// askedSets are all sets of a column, once some were asked for: whoever asks for
// many values would otherwise look through all changes for each.
type askedSets struct {
	n    int // how many were asked for
	sets map[string]*roaring.Bitmap
}

// fewSets are sooner found one by one.
const fewSets = 16

// freeze costs nothing until a change is replaced.
func (s *sums) freeze() *frozen {
	n := s.n()
	z := &frozen{layout: s.layout, chunk: s.chunk, n: n, times: s.times[:n:n],
		records: s.records.all[:n:n], ids: s.ids.all[:n:n], span: s.span, byTable: &tableCounts{}}
	for d := range s.columns {
		c := &s.columns[d]
		c.shared = true
		z.columns[d] = frozenColumn{c.codes[:n:n], slices.Clip(c.values), slices.Clip(c.lists), slices.Clip(c.names), &askedSets{}}
	}
	return z
}

// upTo is the sums of the first n changes alone, for one who asks for sets.
func (z *frozen) upTo(n int) *frozen {
	y := *z
	asked := new([dimensions]askedSets)
	for d := range y.columns {
		y.columns[d].asked = &asked[d]
	}
	if n >= z.n {
		return &y
	}
	y.n, y.times, y.records, y.ids, y.span, y.byTable = n, z.times[:n:n], z.records[:n:n], z.ids[:n:n], timeSpan{}, &tableCounts{}
	for d, c := range z.columns {
		y.columns[d].codes = c.codes[:n:n]
	}
	for i, t := range y.times {
		y.span.add(t, i == 0)
	}
	return &y
}

// tables is how many changes each table has. Shared.
func (z *frozen) tables() map[string]int {
	z.byTable.once.Do(func() { z.byTable.counts = z.counts(dimTable) })
	return z.byTable.counts
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
func (z *frozen) members(d dimension) (values []string, codes [][]uint32) {
	col := z.columns[d]
	if !d.lists() {
		codes = make([][]uint32, len(col.values))
		for code := range col.values {
			codes[code] = []uint32{uint32(code)}
		}
		return col.values, codes
	}
	codes = make([][]uint32, len(col.names))
	for code, list := range col.lists {
		for _, name := range list {
			codes[name] = append(codes[name], uint32(code))
		}
	}
	return col.names, codes
}

// set is the changes that have a value. It is for one goroutine, and shared.
func (z *frozen) set(d dimension, value string) *roaring.Bitmap {
	col := z.columns[d]
	if col.asked.n++; col.asked.n > fewSets {
		if col.asked.sets == nil {
			col.asked.sets = maps.Collect(z.sets(d))
		}
		if set := col.asked.sets[value]; set != nil {
			return set
		}
		return roaring.New()
	}
	has := make([]bool, len(col.values))
	if d.lists() {
		name := slices.Index(col.names, value)
		for code, list := range col.lists {
			has[code] = name >= 0 && slices.Contains(list, uint32(name))
		}
	} else if code := slices.Index(col.values, value); code >= 0 {
		has[code] = true
	}
	var p painter
	if slices.Contains(has, true) {
		for off, code := range col.codes {
			if has[code] {
				p.add(uint16(off))
			}
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
	of := z.codeCounts(d)
	values, codes := z.members(d)
	counts := make(map[string]int, len(values))
	for i, v := range values {
		n := 0
		for _, code := range codes[i] {
			n += of[code]
		}
		if n > 0 {
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

// sets yields each value of a dimension that changes have, and those.
func (z *frozen) sets(d dimension) iter.Seq2[string, *roaring.Bitmap] {
	return func(yield func(string, *roaring.Bitmap) bool) {
		lists := z.byCode(d)
		values, members := z.members(d)
		var p painter
		for i, v := range values {
			for _, code := range members[i] {
				p.addAll(lists[code])
			}
			if p.n > 0 && !yield(v, p.take()) {
				return
			}
		}
	}
}

// offsets is where a hash stands, ascending.
func (z *frozen) offsets(kind keyKind, hash uint32) (at []int) {
	if z.grows != nil {
		z.grows.mu.RLock()
		defer z.grows.mu.RUnlock()
		z.grows.hashes(kind).find(hash, func(off int) bool {
			if off < z.n { // else it came since
				at = append(at, off)
			}
			return true
		})
		slices.Reverse(at)
		return at
	}
	hashes := z.records
	if kind == kindIDHash {
		hashes = z.ids
	}
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
