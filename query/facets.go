package query

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// Facets are the changes that match, counted by what sets them apart.
type Facets struct {
	Answer
	Facets []FacetCounts // in the order in which they were asked for
}

// FacetCounts are the values of one facet.
type FacetCounts struct {
	Facet    audit.Facet
	Top      []ValueCount // the most frequent values, and of two alike the lesser
	Distinct int          // how many values there are
	// Others is how many times another value than those of Top was counted: of a
	// facet with several values a change counts once for each.
	Others int
}

// A ValueCount says how many of the changes have a value.
type ValueCount struct {
	Value string
	N     int
}

// Count is how many changes match, exactly. If ctx ends first, how many were found
// until then is returned beside the error, and its Partial says so.
func (e *Engine) Count(ctx context.Context, expr Expr) (Answer, error) {
	a, err := e.answer(ctx, expr, func(r *run, sections []*planned) (int, error) {
		total := 0
		for _, p := range sections {
			m, err := r.tell(ctx, p, nil)
			if total += int(m.all.GetCardinality()); err != nil {
				return total, err
			}
		}
		return total, nil
	})
	if err != nil {
		return a, fmt.Errorf("count: %w", err)
	}
	return a, nil
}

// Facets counts the values of facets among the changes that match, exactly, and
// names the top most frequent ones of each; 0 is all. If ctx ends first, the counts
// until then are returned beside the error, and their Partial says so.
func (e *Engine) Facets(ctx context.Context, expr Expr, facets []audit.Facet, top int) (*Facets, error) {
	out := &Facets{}
	counts := make([]map[string]int, len(facets))
	var err error
	out.Answer, err = e.answer(ctx, expr, func(r *run, sections []*planned) (int, error) {
		for i := range counts {
			counts[i] = map[string]int{}
		}
		return r.countFacets(ctx, sections, facets, counts)
	})
	if err != nil {
		err = fmt.Errorf("count facets: %w", err)
		if out.Partial == "" {
			return nil, err
		}
	}
	for i, f := range facets {
		out.Facets = append(out.Facets, topOf(f, counts[i], top))
	}
	return out, err
}

func topOf(f audit.Facet, counts map[string]int, top int) FacetCounts {
	out := FacetCounts{Facet: f, Distinct: len(counts)}
	for value, n := range counts {
		out.Top = append(out.Top, ValueCount{value, n})
	}
	slices.SortFunc(out.Top, func(a, b ValueCount) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Value, b.Value))
	})
	if top > 0 && len(out.Top) > top {
		for _, v := range out.Top[top:] {
			out.Others += v.N
		}
		out.Top = out.Top[:top:top]
	}
	return out
}

func (r *run) countFacets(ctx context.Context, sections []*planned, facets []audit.Facet, counts []map[string]int) (int, error) {
	total := 0
	for _, p := range sections {
		m, err := r.tell(ctx, p, func(c *audit.Change) {
			for i, f := range facets {
				for _, value := range valuesOf(c, f) {
					counts[i][value]++
				}
			}
		})
		if err != nil && !interrupted(ctx, err) {
			return 0, err
		}
		total += int(m.all.GetCardinality())
		for i, f := range facets {
			set := m.trusted
			if f == audit.FacetRule {
				set = m.all // nothing but the sums knows
			}
			if err := r.countValues(context.WithoutCancel(ctx), p.section, f, set, counts[i]); err != nil {
				return 0, err
			}
		}
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// valuesOf are a change's values of a facet; none of FacetRule, which no change
// knows.
func valuesOf(c *audit.Change, f audit.Facet) []string {
	switch f {
	case audit.FacetUser:
		return []string{c.User}
	case audit.FacetOp:
		return []string{string(c.Op)}
	case audit.FacetTable:
		return []string{c.Key.Table.String()}
	case audit.FacetNode:
		return []string{c.Node}
	case audit.FacetAttribute:
		return c.Attributes()
	case audit.FacetMark:
		var marks []string
		for _, m := range [...]struct {
			on   bool
			mark string
		}{{c.Late, audit.MarkLate}, {c.Lossy, audit.MarkLossy}, {c.Synthetic, audit.MarkSynthetic}} {
			if m.on {
				marks = append(marks, m.mark)
			}
		}
		return marks
	}
	return nil
}

// countValues adds the values of a facet among a section's changes, of which the
// sums are right, without reading them.
func (r *run) countValues(ctx context.Context, s *section, f audit.Facet, set *roaring.Bitmap, counts map[string]int) error {
	whole := int(set.GetCardinality()) == s.N
	if !whole && f.Single() {
		return r.countColumn(ctx, s, f, set, counts)
	}
	all, err := r.view.Counts(ctx, s.Index, f)
	if err != nil {
		return err
	}
	if whole {
		for value, n := range all {
			counts[value] += n
		}
		return nil
	}
	both := intersector{set: set}
	for _, value := range slices.Sorted(maps.Keys(all)) {
		having, err := r.view.Set(ctx, s.Index, f, value)
		if err != nil {
			return err
		}
		if n := both.count(having); n > 0 {
			counts[value] += n
		}
	}
	return nil
}

// An intersector counts what sets of a chunk have in common with one of them.
type intersector struct {
	set   *roaring.Bitmap
	dense []uint64 // the set, a bit a change; nil until it serves
}

func (i *intersector) count(other *roaring.Bitmap) int {
	const array = 4096 // roaring keeps fewer as a list, and two lists are merged step by step
	if other.GetCardinality() > array || i.set.GetCardinality() > array {
		return int(other.AndCardinality(i.set))
	}
	if i.dense == nil {
		i.dense = make([]uint64, audit.ChunkSize/64)
		i.set.WriteDenseTo(i.dense)
	}
	n := uint64(0)
	var buffer [1024]uint32
	for it := other.ManyIterator(); ; {
		got := it.NextMany(buffer[:])
		if got == 0 {
			return int(n)
		}
		for _, o := range buffer[:got] {
			n += i.dense[o/64] >> (o % 64) & 1
		}
	}
}

func (r *run) countColumn(ctx context.Context, s *section, f audit.Facet, set *roaring.Bitmap, counts map[string]int) error {
	codes, values, err := r.view.Column(ctx, s.Index, f)
	if err != nil {
		return err
	}
	tally := make([]int, len(values))
	var buffer [1024]uint32
	for i := set.ManyIterator(); ; {
		n := i.NextMany(buffer[:])
		if n == 0 {
			break
		}
		for _, o := range buffer[:n] {
			tally[codes[o]]++
		}
	}
	for code, n := range tally {
		if n > 0 {
			counts[values[code]] += n
		}
	}
	return nil
}
