package query

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sort"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// inOrder sorts planned sections, the one with the latest time first, and finds
// out which of them can be gone through without a look at the others.
func inOrder(all []*planned) {
	slices.SortFunc(all, func(a, b *planned) int {
		return cmp.Or(cmp.Compare(b.Max, a.Max), cmp.Compare(b.Index, a.Index))
	})
	least := audit.Time(math.Inf(1)) // of those before
	for i, p := range all {
		p.alone = p.Max < least && (i+1 == len(all) || all[i+1].Max < p.Min)
		least = min(least, p.Min)
	}
}

// An item is a change that matches, or that may.
type item struct {
	seq  audit.Seq
	sure bool
}

// A lane is the changes of one section that are still to come, the newest first.
type lane struct {
	*planned
	offsets []uint32
	times   []audit.Time // of the whole chunk; nil where the section is alone
	sure    *roaring.Bitmap
}

func (l *lane) at(i int) Position {
	o := l.offsets[i]
	return Position{l.times[o], l.First + audit.Seq(o)}
}

// A merge is the changes of all sections in the order of the answer. A section
// is opened when its latest time can be the next.
type merge struct {
	run     *run
	back    []item // what was put back, to come first
	waiting []*planned
	lanes   []*lane
}

// take gives the next items, at least one; none at the end. They are about as many
// as are wanted: where they must be read to be told, the last block is taken whole,
// since it is opened anyway.
func (m *merge) take(ctx context.Context, most int) ([]item, error) {
	if len(m.back) > 0 {
		n := min(most, len(m.back))
		out := m.back[:n:n]
		m.back = m.back[n:]
		return out, nil
	}
	var out []item
	for len(out) < most {
		l, n, err := m.next(ctx)
		if err != nil || l == nil {
			return out, err
		}
		n = l.upTo(n, most-len(out))
		out = slices.Grow(out, n)
		for _, o := range l.offsets[:n] {
			out = append(out, item{l.First + audit.Seq(o), l.sure == nil || l.sure.Contains(o)})
		}
		m.drop(l, n)
	}
	return out, nil
}

// upTo is how many of the lane's next n changes to take if so many are wanted.
func (l *lane) upTo(n, wanted int) int {
	if n <= wanted || l.sure == nil {
		return min(n, wanted)
	}
	block := func(i int) int { return audit.BlockOf(l.First + audit.Seq(l.offsets[i])) }
	to := wanted
	for to < n && block(to) == block(to-1) {
		to++
	}
	return to
}

// skip leaves out as many of the next changes as surely match, up to most.
func (m *merge) skip(ctx context.Context, most int) (int, error) {
	skipped := 0
	for skipped < most && len(m.back) == 0 {
		if len(m.lanes) == 0 && len(m.waiting) > 0 && m.run.after == (Position{}) {
			if p := m.waiting[0]; p.alone && p.exact() && int(p.may.GetCardinality()) <= most-skipped {
				skipped += int(p.may.GetCardinality())
				m.waiting = m.waiting[1:]
				continue
			}
		}
		l, n, err := m.next(ctx)
		if err != nil || l == nil {
			return skipped, err
		}
		n = min(n, most-skipped)
		if l.sure != nil {
			if i := slices.IndexFunc(l.offsets[:n], func(o uint32) bool { return !l.sure.Contains(o) }); i == 0 {
				break
			} else if i > 0 {
				n = i
			}
		}
		m.drop(l, n)
		skipped += n
	}
	return skipped, nil
}

// drop takes the first changes off a lane.
func (m *merge) drop(l *lane, n int) {
	if l.offsets = l.offsets[n:]; len(l.offsets) == 0 {
		m.lanes = slices.DeleteFunc(m.lanes, func(x *lane) bool { return x == l })
	}
}

// next is the lane whose first change comes next, and how many of its changes
// come before any of another section; nil at the end.
func (m *merge) next(ctx context.Context) (*lane, int, error) {
	for {
		best, second := m.first()
		if len(m.waiting) > 0 {
			top := m.waiting[0].top()
			if best == nil || best.times != nil && top.Compare(best.at(0)) < 0 {
				if err := m.openNext(ctx); err != nil {
					return nil, 0, err
				}
				continue
			}
			if second == (Position{}) || top.Compare(second) < 0 {
				second = top
			}
		}
		switch {
		case best == nil:
			return nil, 0, nil
		case best.times == nil || second == (Position{}):
			return best, len(best.offsets), nil
		}
		n := sort.Search(len(best.offsets), func(i int) bool { return best.at(i).Compare(second) > 0 })
		return best, max(n, 1), nil
	}
}

// top is a place before that of any of the section's changes, or of its first.
func (p *planned) top() Position { return Position{p.Max, p.last()} }

// first is the lane with the next change, and the place of the first one after it
// that is of another; zero if there is none.
func (m *merge) first() (best *lane, second Position) {
	for _, l := range m.lanes {
		if l.times == nil {
			return l, Position{} // it is alone
		}
		at := l.at(0)
		switch {
		case best == nil:
			best = l
		case at.Compare(best.at(0)) < 0:
			best, second = l, best.at(0)
		case second == (Position{}) || at.Compare(second) < 0:
			second = at
		}
	}
	return best, second
}

// openNext makes a lane of the section that is next.
func (m *merge) openNext(ctx context.Context) error {
	p := m.waiting[0]
	m.waiting = m.waiting[1:]
	set := p.may
	later, err := m.run.later(ctx, p.section)
	if err != nil {
		return err
	}
	if later != nil {
		set = roaring.And(set, later)
	}
	l := &lane{planned: p}
	if !p.exact() {
		l.sure = p.verdict.sure
	}
	if !p.alone || !p.Ordered {
		if l.times, err = m.run.view.Times(ctx, p.Index); err != nil {
			return err
		}
	}
	if l.offsets, err = m.run.newestFirst(ctx, p.section, set, l.times); err != nil {
		return err
	}
	if p.alone {
		l.times = nil
	}
	if len(l.offsets) > 0 {
		m.lanes = append(m.lanes, l)
	}
	return nil
}

// newestFirst is a set of a section's changes in the order of the answer.
func (r *run) newestFirst(ctx context.Context, s *section, set *roaring.Bitmap, times []audit.Time) ([]uint32, error) {
	offsets := set.ToArray()
	if s.Ordered {
		slices.Reverse(offsets)
		return offsets, nil
	}
	if len(offsets) < s.N/16 {
		slices.SortFunc(offsets, func(a, b uint32) int {
			return cmp.Or(cmp.Compare(times[b], times[a]), cmp.Compare(b, a))
		})
		return offsets, nil
	}
	order, err := r.view.ByTime(ctx, s.Index)
	if err != nil {
		return nil, err
	}
	if order == nil {
		slices.Reverse(offsets)
		return offsets, nil
	}
	in := make([]bool, s.N)
	for _, o := range offsets {
		in[o] = true
	}
	offsets = offsets[:0]
	for _, o := range slices.Backward(order) {
		if in[o] {
			offsets = append(offsets, uint32(o))
		}
	}
	return offsets, nil
}
