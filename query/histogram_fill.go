package query

import (
	"context"
	"maps"
	"math"
	"slices"
	"sort"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// fill counts a section's matches into the buckets.
func (b *bucketing) fill(ctx context.Context, s *section, m outcome) error {
	if m.all.IsEmpty() || len(b.n) == 0 {
		b.out += int(m.all.GetCardinality())
		return nil
	}
	times, err := b.run.view.Times(ctx, s.Index)
	if err != nil {
		return err
	}
	b.out += int(m.all.GetCardinality()) - b.into(b.n, s, times, m.all)
	switch {
	case b.facet == 0:
		return nil
	case b.facet.Single():
		return b.fillColumn(ctx, s, times, m.trusted)
	case b.facet == audit.FacetRule:
		return b.fillSets(ctx, s, times, m.all)
	}
	return b.fillSets(ctx, s, times, m.trusted)
}

// into counts a set by the times of its changes, and tells how many have a
// bucket.
func (b *bucketing) into(to []int, s *section, times []audit.Time, set *roaring.Bitmap) int {
	counted := 0
	low, high := b.bucketOf(s.Min), b.bucketOf(s.Max)
	if s.Ordered && low >= 0 && high >= 0 && high-low < int(set.GetCardinality())/4 {
		// Between the places in the chunk where a bucket begins, nothing need be
		// looked at.
		before := 0
		for i := low; i <= high; i++ {
			end := sort.Search(len(times), func(j int) bool { return b.bucketOf(times[j]) > i })
			upTo := 0
			if end > 0 {
				upTo = int(set.Rank(uint32(end - 1)))
			}
			to[i] += upTo - before
			counted += upTo - before
			before = upTo
		}
		return counted
	}
	var buffer [1024]uint32
	for it := set.ManyIterator(); ; {
		n := it.NextMany(buffer[:])
		if n == 0 {
			return counted
		}
		for _, o := range buffer[:n] {
			if i := b.bucketOf(times[o]); i >= 0 {
				to[i]++
				counted++
			}
		}
	}
}

// fillColumn parts a set by the value that each change has.
func (b *bucketing) fillColumn(ctx context.Context, s *section, times []audit.Time, set *roaring.Bitmap) error {
	codes, values, err := b.run.view.Column(ctx, s.Index, b.facet)
	if err != nil {
		return err
	}
	series := make([][]int, len(values))
	// The bucket of the change before, and its limits, in which the next one mostly is.
	at, from, to := 0, audit.Time(math.Inf(1)), audit.Time(math.Inf(-1))
	var buffer [1024]uint32
	for it := set.ManyIterator(); ; {
		n := it.NextMany(buffer[:])
		if n == 0 {
			return nil
		}
		for _, o := range buffer[:n] {
			if t := times[o]; !(from <= t && t < to) {
				i := b.bucketOf(t)
				if i < 0 {
					continue
				}
				at = i
				from, to = b.limits(i)
			}
			code := codes[o]
			if series[code] == nil {
				series[code] = b.series(values[code])
			}
			series[code][at]++
		}
	}
}

// limits are times that are surely in a bucket: from the first to, exclusive, the
// last.
func (b *bucketing) limits(at int) (from, to audit.Time) {
	from = audit.Time(b.first+float64(at)) * b.step
	to = from + b.step
	if b.bucketOf(from) != at || b.bucketOf(audit.Time(math.Nextafter(float64(to), math.Inf(-1)))) != at {
		return audit.Time(math.Inf(1)), from // so far from 1970 that steps are not exact
	}
	return from, to
}

// fillSets parts a set by the values that its changes have, which may be several.
func (b *bucketing) fillSets(ctx context.Context, s *section, times []audit.Time, set *roaring.Bitmap) error {
	all, err := b.run.view.Counts(ctx, s.Index, b.facet)
	if err != nil {
		return err
	}
	for _, value := range slices.Sorted(maps.Keys(all)) {
		having, err := b.run.view.Set(ctx, s.Index, b.facet, value)
		if err != nil {
			return err
		}
		if part := roaring.And(having, set); !part.IsEmpty() {
			b.into(b.series(value), s, times, part)
		}
	}
	return nil
}
