package store

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// Set is the changes of a chunk that have a value of a facet. It is shared and
// must not be changed.
func (v *View) Set(ctx context.Context, chunk int, f audit.Facet, value string) (*roaring.Bitmap, error) {
	b, err := v.set(ctx, chunk, f, value)
	if err != nil {
		return nil, fmt.Errorf("read set of %s %.100q in chunk %d: %w", f, value, chunk, err)
	}
	return b, nil
}

func (v *View) set(ctx context.Context, chunk int, f audit.Facet, value string) (*roaring.Bitmap, error) {
	z, err := v.at(ctx, chunk)
	if err != nil {
		return nil, err
	}
	d, ok := dimensionOf(f)
	switch {
	case f == audit.FacetRule:
		b, _, err := readHits(v.r.txn, v.sums.layout, value, chunk)
		if err == nil && z != nil {
			b.RemoveRange(uint64(z.n), uint64(v.sums.size))
		}
		return b, err
	case !ok:
		return nil, fmt.Errorf("there is no facet %d", f)
	case z != nil:
		return z.set(d, value), nil
	}
	return v.sealedSet(chunk, f, value)
}

func (v *View) sealedSet(chunk int, f audit.Facet, value string) (*roaring.Bitmap, error) {
	c := v.sealed.chunks[chunk]
	if c.shelved {
		part, err := v.shelved(chunk, f, value)
		if err != nil || part == nil {
			return roaring.New(), err
		}
		return decodeSet(part, v.sums.size)
	}
	return through(v.sums.cache, cached{what: kindChunk, facet: f, value: value, number: chunk, as: c.counts}, func() (*roaring.Bitmap, int, error) {
		part, err := chunkPart(v.r.txn, f, value, chunk, c.counts)
		if err == nil && part == nil {
			return roaring.New(), 0, v.checkNone(levelChunk, chunk, f, value, c.counts)
		}
		if err != nil {
			return nil, 0, err
		}
		b, err := decodeSet(part, v.sums.size)
		return b, len(part) + 200, err
	})
}

// shelved is the set of a chunk on a shelf as it is written, nil if it is empty.
// All of the shelf is kept: who asks for one chunk will ask for the others.
func (v *View) shelved(chunk int, f audit.Facet, value string) ([]byte, error) {
	shelf, n := chunk/v.sums.shelf, v.sums.shelf
	g := v.sealed.shelves[shelf].Counts
	payload, err := through(v.sums.cache, cached{what: kindSet, facet: f, value: value, number: shelf, as: g}, func() ([]byte, int, error) {
		payload, found, err := get(v.r.txn, setKey(f, value, levelShelf, shelf, g))
		if err == nil && !found {
			err = v.checkNone(levelShelf, shelf, f, value, g)
		}
		return payload, len(payload), err
	})
	if err != nil || payload == nil {
		return nil, err
	}
	return shelfPart(payload, n, chunk%n)
}

// checkNone makes sure that a set which is not there is of no change.
func (v *View) checkNone(l level, number int, f audit.Facet, value string, g generation) error {
	counts, err := v.sortedCounts(l, number, f, g)
	if slices.ContainsFunc(counts, func(c valueCount) bool { return c.value == value }) {
		return fmt.Errorf("%w: it is missing", ErrCorrupt)
	}
	return err
}

// Values are all values of a facet that any change of the view may have, sorted.
func (v *View) Values(ctx context.Context, f audit.Facet) ([]string, error) {
	values, err := v.values(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("read values of %s: %w", f, err)
	}
	return values, nil
}

func (v *View) values(ctx context.Context, f audit.Facet) ([]string, error) {
	if f == audit.FacetRule {
		return rulesHit(v.r.txn)
	}
	if _, ok := dimensionOf(f); !ok {
		return nil, fmt.Errorf("there is no facet %d", f)
	}
	totals, err := v.Totals(ctx, f)
	return slices.Sorted(maps.Keys(totals)), err
}

// Counts is how many changes of a chunk have each value of a facet.
func (v *View) Counts(ctx context.Context, chunk int, f audit.Facet) (map[string]int, error) {
	counts, err := v.countsOf(ctx, chunk, f)
	if err != nil {
		return nil, fmt.Errorf("read counts of %s in chunk %d: %w", f, chunk, err)
	}
	return counts, nil
}

func (v *View) countsOf(ctx context.Context, chunk int, f audit.Facet) (map[string]int, error) {
	z, err := v.at(ctx, chunk)
	if err != nil {
		return nil, err
	}
	if f == audit.FacetRule {
		return v.ruleCounts(ctx, chunk)
	}
	d, ok := dimensionOf(f)
	switch {
	case !ok:
		return nil, fmt.Errorf("there is no facet %d", f)
	case z != nil:
		return z.counts(d), nil
	}
	sorted, err := v.sortedCounts(levelChunk, chunk, f, v.sealed.chunks[chunk].counts)
	counts := make(map[string]int, len(sorted))
	for _, c := range sorted {
		counts[c.value] = c.n
	}
	return counts, err
}

func (v *View) ruleCounts(ctx context.Context, chunk int) (map[string]int, error) {
	rules, err := v.values(ctx, audit.FacetRule)
	counts := map[string]int{}
	for _, rule := range rules {
		var b *roaring.Bitmap
		if err == nil {
			b, err = v.set(ctx, chunk, audit.FacetRule, rule)
		}
		if err == nil && !b.IsEmpty() {
			counts[rule] = int(b.GetCardinality())
		}
	}
	return counts, err
}

// sortedCounts is the counts of a sealed chunk or a shelf. Shared.
func (v *View) sortedCounts(l level, number int, f audit.Facet, g generation) ([]valueCount, error) {
	name := cached{what: kindCounts, facet: f, value: string(rune(l)), number: number, as: g}
	return through(v.sums.cache, name, func() ([]valueCount, int, error) {
		counts, _, err := readCounts(v.r.txn, f, l, number, g, true)
		size := 0
		for _, c := range counts {
			size += 24 + len(c.value)
		}
		return counts, size, err
	})
}

// Totals is how many changes of the view have each value of a facet: the sum of
// the counts of all its chunks.
func (v *View) Totals(ctx context.Context, f audit.Facet) (map[string]int, error) {
	totals := map[string]int{}
	for chunk := 0; chunk < len(v.chunks); chunk++ {
		if n := v.sums.shelf; f != audit.FacetRule && chunk%n == 0 && v.wholeShelf(chunk/n) {
			counts, err := v.sortedCounts(levelShelf, chunk/n, f, v.sealed.shelves[chunk/n].Counts)
			if err != nil {
				return nil, fmt.Errorf("read counts of %s in shelf %d: %w", f, chunk/n, err)
			}
			for _, c := range counts {
				totals[c.value] += c.n
			}
			chunk += n - 1
			continue
		}
		counts, err := v.Counts(ctx, chunk, f)
		if err != nil {
			return nil, err
		}
		for value, n := range counts {
			totals[value] += n
		}
	}
	return totals, nil
}

// wholeShelf says that a shelf is there and none of its chunks was summed up
// again since.
func (v *View) wholeShelf(shelf int) bool {
	if shelf >= len(v.sealed.shelves) {
		return false
	}
	for _, c := range v.sealed.chunks[shelf*v.sums.shelf : (shelf+1)*v.sums.shelf] {
		if !c.shelved {
			return false
		}
	}
	return true
}
