package query

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"recourse/audit"
)

// An Engine answers queries from a store and an index of it. What the store
// has and the index has not yet is scanned, so that an answer is never stale;
// without an index everything is.
type Engine struct {
	Store Store
	Index Finder // nil for none
	// Now is our clock, which says what has not been read yet; nil is time.Now.
	Now func() time.Time
}

var _ Searcher = (*Engine)(nil)

// countFurther is how many more candidates a search looks at, when its page is
// full, to tell the exact total.
const countFurther = 10_000

// Search answers one page. If ctx ends first, so does the search, with its
// error and without a result.
func (e *Engine) Search(ctx context.Context, q Query) (*Result, error) {
	start := time.Now()
	after, err := parseCursor(q.After)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	if q.Limit < 0 {
		return nil, fmt.Errorf("search: a limit of %d", q.Limit)
	}
	s, err := e.begin(ctx, q.Expr, after)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	r := &Result{}
	if err := r.fill(ctx, s, q); err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	if err := r.cover(ctx, e, q.Expr); err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	r.Summary.Took = time.Since(start)
	return r, nil
}

// All yields every change that matches, newest first.
func (e *Engine) All(ctx context.Context, expr Expr) iter.Seq2[audit.Change, error] {
	return func(yield func(audit.Change, error) bool) {
		s, err := e.begin(ctx, expr, Position{})
		if err != nil {
			yield(audit.Change{}, fmt.Errorf("search: %w", err))
			return
		}
		for found, err := range s.changes(ctx) {
			if err != nil {
				yield(audit.Change{}, fmt.Errorf("search: %w", err))
				return
			}
			if found.match && !yield(found.change, nil) {
				return
			}
		}
	}
}

// fill takes the page, and goes on to count.
func (r *Result) fill(ctx context.Context, s *search, q Query) error {
	sum := &r.Summary
	sum.Total, sum.TotalExact = s.total, s.totalExact
	seen, further := 0, 0
	ended := true
	for found, err := range s.changes(ctx) {
		if err != nil {
			return err
		}
		full := q.Limit > 0 && len(r.Changes) == q.Limit
		if full {
			further++
		}
		if found.match {
			seen++
			if !full {
				r.Changes = append(r.Changes, found.change)
			} else if sum.Next == "" {
				sum.Next = cursor(PositionOf(&r.Changes[q.Limit-1]))
			}
		}
		if sum.Next != "" && (sum.TotalExact || q.After != "" || further > countFurther) {
			ended = false
			break
		}
	}
	sum.Count = len(r.Changes)
	if !sum.TotalExact {
		sum.Total, sum.TotalExact = seen, ended && q.After == ""
	}
	return nil
}

// cover says how far the answer can be relied on to be whole.
func (r *Result) cover(ctx context.Context, e *Engine, expr Expr) error {
	now := time.Now
	if e.Now != nil {
		now = e.Now
	}
	reading, err := ReadLog(ctx, e.Store, now())
	if err != nil {
		return err
	}
	r.Summary.Coverage = reading.OfExpr(expr)
	return ctx.Err()
}

// MayHide says whether changes that the expression asks for may be among those
// that a gap hides.
func (e Expr) MayHide(g audit.Gap) bool {
	yes, _ := e.Root().might(&g)
	return yes
}

// begin scans what the index does not know and joins it with what it proposes.
func (e *Engine) begin(ctx context.Context, expr Expr, after Position) (*search, error) {
	s := &search{store: e.Store, expr: expr, after: after, limits: limitsOf(expr.Root())}
	if s.limits.high < s.limits.low {
		s.totalExact = true
		return s, nil
	}
	if s.limits.direct() {
		// A few numbers are read faster than searched for.
		return s, s.scan(ctx, s.limits.low-1, s.limits.high)
	}
	var done audit.Seq
	if e.Index != nil {
		// In this order: what is indexed meanwhile is then found twice, and
		// what is stored meanwhile belongs to a later answer.
		done = e.Index.Progress()
		if done > e.Store.Last() {
			return nil, ErrIndexAhead
		}
		s.index = e.Index
	}
	if err := s.scan(ctx, done, 0); err != nil {
		return nil, err
	}
	if s.index != nil && len(s.scanned) == 0 {
		n, exact, err := s.index.Count(ctx, expr)
		if err != nil {
			return nil, err
		}
		if exact {
			s.total, s.totalExact = n, true
		}
	}
	return s, nil
}

// errStale says that the index names a change that the store cannot give.
func errStale(seq audit.Seq, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("read change %d, which the index names: %w", seq, err)
}
