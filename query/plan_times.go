package query

import (
	"cmp"
	"context"
	"sort"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// times is a comparison of times, by the chunk's own limits where they tell.
type times When

func (times) price() int { return priceFree }

func (t times) judge(ctx context.Context, r *run, s *section, _ *roaring.Bitmap) (verdict, error) {
	low, high := cmp.Compare(s.Min, t.At), cmp.Compare(s.Max, t.At)
	switch {
	case t.Op.admits(low) && t.Op.admits(high) && (t.Op != Is || low == 0 && high == 0):
		return settled(s.full), nil
	case low > 0 && !t.Op.admits(1), high < 0 && !t.Op.admits(-1):
		return settled(s.empty), nil
	}
	set, err := r.timed(ctx, s, func(at audit.Time) int { return cmp.Compare(at, t.At) }, t.Op)
	return settled(set), err
}

// timed is the changes of a section whose times compare so.
func (r *run) timed(ctx context.Context, s *section, compare func(audit.Time) int, op Op) (*roaring.Bitmap, error) {
	at, err := r.view.Times(ctx, s.Index)
	if err != nil {
		return nil, err
	}
	set := roaring.New()
	if s.Ordered {
		// Of times that do not fall, those that compare so stand side by side.
		from := sort.Search(len(at), func(i int) bool { return compare(at[i]) >= 0 })
		to := sort.Search(len(at), func(i int) bool { return compare(at[i]) > 0 })
		for _, b := range [...]struct{ from, to, sign int }{{0, from, -1}, {from, to, 0}, {to, len(at), 1}} {
			if op.admits(b.sign) {
				set.AddRange(uint64(b.from), uint64(b.to))
			}
		}
		return set, nil
	}
	few := make([]uint32, 0, 1024)
	for i, t := range at {
		if op.admits(compare(t)) {
			few = append(few, uint32(i))
		}
	}
	set.AddMany(few)
	return set, nil
}

// later is the changes of a section that come after a place in the answer; nil
// for all of them.
func (r *run) later(ctx context.Context, s *section) (*roaring.Bitmap, error) {
	p := r.after
	switch {
	case p == (Position{}) || s.Max < p.Time:
		return nil, nil
	case s.Min > p.Time:
		return s.empty, nil
	}
	set, err := r.timed(ctx, s, func(at audit.Time) int { return cmp.Compare(at, p.Time) }, Less)
	if err != nil || p.Seq <= s.First {
		return set, err
	}
	same, err := r.timed(ctx, s, func(at audit.Time) int { return cmp.Compare(at, p.Time) }, Is)
	if err != nil {
		return nil, err
	}
	same.And(s.span(0, p.Seq-1))
	set.Or(same)
	return set, nil
}
