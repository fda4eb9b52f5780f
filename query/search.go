package query

import (
	"context"
	"iter"
	"slices"

	"recourse/audit"
)

// A search is one run of an Engine: candidates from a scan and from the index,
// in the order of the answer.
type search struct {
	store      Store
	index      Finder // nil if everything was scanned
	expr       Expr
	after      Position
	limits     limits
	hits       []Position             // matches of the scan, newest first
	scanned    map[audit.Seq]struct{} // what the index need not propose
	total      int
	totalExact bool
}

// scan looks at all changes after a number, up to another if that is not 0,
// and at the changes that follow one of them in the life of a record: their
// image before may be another than the index knows.
func (s *search) scan(ctx context.Context, after, upTo audit.Seq) error {
	s.scanned = map[audit.Seq]struct{}{}
	look := func(c *audit.Change) {
		if _, again := s.scanned[c.Seq]; again {
			return
		}
		s.scanned[c.Seq] = struct{}{}
		if s.expr.Match(c) {
			s.hits = append(s.hits, PositionOf(c))
		}
	}
	for c, err := range s.store.Follow(ctx, after) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if upTo > 0 && c.Seq > upTo {
			break
		}
		look(&c)
		if s.index == nil || after == 0 {
			continue
		}
		next, ok, err := Affected(ctx, s.store, c)
		if err != nil {
			return err
		}
		if ok {
			look(&next)
		}
	}
	slices.SortFunc(s.hits, Position.Compare)
	return nil
}

// Affected is the change whose image before depends on c, if it was stored
// earlier than c and may therefore have been read with another one.
func Affected(ctx context.Context, store Reader, c audit.Change) (audit.Change, bool, error) {
	seq, ok, err := store.Next(ctx, c)
	if err != nil || !ok || seq > c.Seq {
		return audit.Change{}, false, err
	}
	next, err := store.Get(ctx, seq)
	return next, err == nil, err
}

// A found is a change that was looked at.
type found struct {
	change audit.Change
	match  bool
}

// changes yields what comes after the search's place, in the order of the
// answer, with all that was only proposed.
func (s *search) changes(ctx context.Context) iter.Seq2[found, error] {
	return func(yield func(found, error) bool) {
		for pos, err := range s.places(ctx) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(found{}, err)
				return
			}
			c, err := s.store.Get(ctx, pos.Seq)
			if err != nil {
				yield(found{}, errStale(pos.Seq, err))
				return
			}
			if !yield(found{c, s.expr.Match(&c)}, nil) {
				return
			}
		}
	}
}

// places merges the places of the scan's hits and of the index's candidates.
func (s *search) places(ctx context.Context) iter.Seq2[Position, error] {
	return func(yield func(Position, error) bool) {
		hits := s.hits
		if s.after != (Position{}) {
			hits = slices.DeleteFunc(slices.Clone(hits), func(p Position) bool { return p.Compare(s.after) <= 0 })
		}
		for pos, err := range s.candidates(ctx) {
			if err != nil {
				yield(Position{}, err)
				return
			}
			for len(hits) > 0 && hits[0].Compare(pos) < 0 {
				if !yield(hits[0], nil) {
					return
				}
				hits = hits[1:]
			}
			if _, known := s.scanned[pos.Seq]; !known && !yield(pos, nil) {
				return
			}
		}
		for _, pos := range hits {
			if !yield(pos, nil) {
				return
			}
		}
	}
}

// candidates are those of the index, within the times that are asked for.
func (s *search) candidates(ctx context.Context) iter.Seq2[Position, error] {
	return func(yield func(Position, error) bool) {
		if s.index == nil {
			return
		}
		for pos, err := range s.index.Candidates(ctx, s.expr, s.limits.start(s.after)) {
			if err == nil && s.limits.before(pos) {
				return
			}
			if !yield(pos, err) {
				return
			}
		}
	}
}
