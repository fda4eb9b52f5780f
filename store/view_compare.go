package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// compare reports how the sums of a chunk differ from those that were made anew
// of its changes, but for what they say of doubtful ones.
func (v *View) compare(ctx context.Context, z *frozen, report func(problem string)) error {
	doubtful, err := v.Doubtful(ctx, z.chunk)
	if err != nil {
		return err
	}
	times, err := v.Times(ctx, z.chunk)
	if err != nil {
		return err
	}
	if !slices.EqualFunc(times, z.times, func(a, b audit.Time) bool { return bits(a) == bits(b) }) {
		report(fmt.Sprintf("chunk %d: its times are not those of its changes", z.chunk))
	}
	for d := range dimensions {
		if err := v.compareSets(ctx, z, d, doubtful, report); err != nil {
			return err
		}
	}
	for kind, want := range map[keyKind][]uint32{kindRecordHash: z.records, kindIDHash: z.ids} {
		got, err := v.hashesOf(kind, z.chunk)
		if err != nil {
			return err
		}
		if z.chunk < len(v.sealed.chunks) && !slices.Equal(got, z.hashedOf(want)) {
			report(fmt.Sprintf("chunk %d: the hashes of its records or ids are not those of its changes", z.chunk))
		}
	}
	return nil
}

// hashesOf is all hashes of a sealed chunk, in order; none of an open one.
func (v *View) hashesOf(kind keyKind, chunk int) (all []hashed, err error) {
	l, of, number, first := v.sums.layout, levelChunk, chunk, 0
	switch {
	case chunk >= len(v.sealed.chunks):
		return nil, nil
	case chunk/l.shelf < len(v.sealed.shelves):
		of, number, first = levelShelf, chunk/l.shelf, chunk%l.shelf*l.size
	}
	for group := range 1 << l.groupBits(of) {
		payload, found, err := get(v.r.txn, groupKey(kind, of, group, number))
		if err == nil && !found {
			err = missingGroup(number)
		}
		if err == nil {
			err = l.decodeGroup(of, group, payload, func(e hashed) {
				below := l.offsetBits(of)
				if off := int(e&(1<<below-1)) - first; off >= 0 && off < l.size {
					all = append(all, e>>below<<l.offsetBits(levelChunk)|hashed(off))
				}
			})
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (v *View) compareSets(ctx context.Context, z *frozen, d dimension, doubtful *roaring.Bitmap, report func(problem string)) error {
	f := dimensionFacets[d]
	counts, err := v.Counts(ctx, z.chunk, f)
	if err != nil {
		return err
	}
	check := func(value string, want *roaring.Bitmap) error {
		got, err := v.Set(ctx, z.chunk, f, value)
		if err != nil {
			return err
		}
		if n := int(got.GetCardinality()); n != counts[value] {
			report(fmt.Sprintf("chunk %d: %d changes have the %s %.100q, and %d are counted", z.chunk, n, f, value, counts[value]))
		}
		delete(counts, value)
		if wrong := roaring.AndNot(roaring.Xor(got, want), doubtful); !wrong.IsEmpty() {
			s := z.first(z.chunk) + audit.Seq(wrong.Minimum())
			report(fmt.Sprintf("chunk %d: of change %d and %d others it is wrong whether they have the %s %.100q", z.chunk, s, wrong.GetCardinality()-1, f, value))
		}
		return nil
	}
	for value, want := range z.sets(d) {
		if err := check(value, want); err != nil {
			return err
		}
	}
	for value := range counts { // of no change
		if err := check(value, roaring.New()); err != nil {
			return err
		}
	}
	return v.compareColumn(ctx, z, d, doubtful, report)
}

func (v *View) compareColumn(ctx context.Context, z *frozen, d dimension, doubtful *roaring.Bitmap, report func(problem string)) error {
	if d.lists() {
		return nil
	}
	codes, values, err := v.Column(ctx, z.chunk, dimensionFacets[d])
	if err != nil {
		return err
	}
	for off, code := range codes {
		if values[code] != z.columns[d].values[z.columns[d].codes[off]] && !doubtful.Contains(uint32(off)) {
			report(fmt.Sprintf("change %d: the column of its chunk has another %s", z.first(z.chunk)+audit.Seq(off), dimensionFacets[d]))
		}
	}
	return nil
}
