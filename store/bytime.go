package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"sort"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// ByTime yields the numbers of the changes from one time, inclusive, to
// another, exclusive, by time and then by number: the oldest first, or all the
// other way round. Infinities stand for no limit; an infinite to is inclusive.
// A change that is appended meanwhile may or may not be among them.
func (db *DB) ByTime(ctx context.Context, from, to audit.Time, newestFirst bool) iter.Seq2[audit.Seq, error] {
	return db.byTime(ctx, from, to, newestFirst, nil)
}

// A choice is the changes of a chunk that are wanted; nil for all of them.
type choice func(ctx context.Context, v *View, chunk int) (*roaring.Bitmap, error)

func (db *DB) byTime(ctx context.Context, from, to audit.Time, newestFirst bool, of choice) iter.Seq2[audit.Seq, error] {
	return func(yield func(audit.Seq, error) bool) {
		if math.IsNaN(float64(from)) || math.IsNaN(float64(to)) {
			yield(0, errors.New("scan by time: a limit is no number"))
			return
		}
		s := scanning{low: place{time: sortable(from)}, high: place{time: sortable(to)}, newestFirst: newestFirst, of: of}
		if math.IsInf(float64(from), -1) {
			s.low = place{}
		}
		if math.IsInf(float64(to), 1) {
			s.high = place{math.MaxUint64, math.MaxUint64}
		}
		pages(yield, "scan by time", func() ([]audit.Seq, bool, error) {
			page, err := s.page(ctx, db)
			return page, len(page) == pageKeys, err
		})
	}
}

// A scanning is what is still to be yielded of a stretch of time: the places from
// low to before high.
type scanning struct {
	low, high   place
	newestFirst bool
	of          choice
}

// page is the next places.
func (s *scanning) page(ctx context.Context, db *DB) ([]audit.Seq, error) {
	v, err := db.View(ctx)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	lanes, err := s.lanes(ctx, v)
	if err != nil {
		return nil, err
	}
	var page []audit.Seq
	for len(page) < pageKeys {
		p, ok, err := s.next(ctx, lanes)
		if err != nil || !ok {
			return page, err
		}
		page = append(page, p.seq)
		if s.newestFirst {
			s.high = p
		} else {
			s.low = place{p.time, p.seq + 1}
		}
	}
	return page, nil
}

// A lane is one chunk's places in the stretch, those that come first first.
type lane struct {
	view  *View
	chunk audit.Chunk
	edge  uint64 // the first time it may have
	open  bool
	times []audit.Time
	order []uint16
	set   *roaring.Bitmap
	at    int // in order
}

// lanes are the chunks that have times in the stretch, in the order in which they
// come.
func (s *scanning) lanes(ctx context.Context, v *View) ([]*lane, error) {
	var all []*lane
	for _, c := range v.Chunks() {
		least, most := sortable(c.Min), sortable(c.Max)
		if c.N == 0 || most < s.low.time || least > s.high.time {
			continue
		}
		l := &lane{view: v, chunk: c, edge: least}
		if s.newestFirst {
			l.edge = ^most
		}
		all = append(all, l)
	}
	slices.SortStableFunc(all, func(a, b *lane) int { return cmp.Compare(a.edge, b.edge) })
	return all, ctx.Err()
}

// next takes the place that comes first of those of all lanes. A lane is opened
// only when its turn may have come.
func (s *scanning) next(ctx context.Context, lanes []*lane) (place, bool, error) {
	var best place
	var from *lane
	for _, l := range lanes {
		if from != nil && !l.open && l.edge > s.rank(best.time) {
			break // nor any after it
		}
		p, ok, err := s.peek(ctx, l)
		if err != nil {
			return place{}, false, err
		}
		if ok && (from == nil || s.before(p, best)) {
			best, from = p, l
		}
	}
	if from == nil {
		return place{}, false, nil
	}
	from.at++
	return best, true, nil
}

func (s *scanning) rank(time uint64) uint64 {
	if s.newestFirst {
		return ^time
	}
	return time
}

func (s *scanning) before(p, q place) bool { return (p.compare(q) < 0) != s.newestFirst }

// peek is the lane's next place, if there is one in the stretch.
func (s *scanning) peek(ctx context.Context, l *lane) (place, bool, error) {
	if !l.open {
		if err := s.open(ctx, l); err != nil {
			return place{}, false, err
		}
	}
	for ; l.at < l.chunk.N; l.at++ {
		p, off := l.place(l.at, s.newestFirst)
		if s.newestFirst && p.compare(s.low) < 0 || !s.newestFirst && p.compare(s.high) >= 0 {
			l.at = l.chunk.N
			break
		}
		if l.set == nil || l.set.Contains(uint32(off)) {
			return p, true, nil
		}
	}
	return place{}, false, nil
}

// open reads a lane's times and goes to the first of its places in the stretch.
func (s *scanning) open(ctx context.Context, l *lane) (err error) {
	if l.times, err = l.view.Times(ctx, l.chunk.Index); err != nil {
		return err
	}
	if l.order, err = l.view.ByTime(ctx, l.chunk.Index); err != nil {
		return err
	}
	if s.of != nil {
		if l.set, err = s.of(ctx, l.view, l.chunk.Index); err != nil {
			return err
		}
	}
	l.open = true
	l.at = sort.Search(l.chunk.N, func(i int) bool {
		p, _ := l.place(i, s.newestFirst)
		if s.newestFirst {
			return p.compare(s.high) < 0
		}
		return p.compare(s.low) >= 0
	})
	return nil
}

// place is the i-th place of a lane, and its offset in the chunk.
func (l *lane) place(i int, newestFirst bool) (place, int) {
	if newestFirst {
		i = l.chunk.N - 1 - i
	}
	if l.order != nil {
		i = int(l.order[i])
	}
	return place{sortable(l.times[i]), l.chunk.First + audit.Seq(i)}, i
}

// TableChanges yields the changes of one table from one time, inclusive, to
// another, exclusive, of all clusters, by time and then by number, without their
// Before. Limits are those of ByTime.
func (db *DB) TableChanges(ctx context.Context, t audit.Table, from, to audit.Time) iter.Seq2[audit.Change, error] {
	of := func(ctx context.Context, v *View, chunk int) (*roaring.Bitmap, error) {
		return v.Set(ctx, chunk, audit.FacetTable, t.String())
	}
	return func(yield func(audit.Change, error) bool) {
		var seqs []audit.Seq
		fail := func(err error) { yield(audit.Change{}, fmt.Errorf("changes of %s: %w", t, err)) }
		send := func() bool {
			for len(seqs) > 0 {
				changes, n, err := db.ofTable(ctx, t, seqs)
				seqs = seqs[n:]
				for _, c := range changes {
					if !yield(c, nil) {
						return false
					}
				}
				if err != nil {
					fail(err)
					return false
				}
			}
			return true
		}
		for seq, err := range db.byTime(ctx, from, to, false, of) {
			if err != nil {
				fail(err)
				return
			}
			if seqs = append(seqs, seq); len(seqs) == pageKeys && !send() {
				return
			}
		}
		send()
	}
}
