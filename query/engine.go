package query

import (
	"context"
	"fmt"
	"iter"
	"time"

	"recourse/audit"
)

// A Store is what an Engine searches.
type Store interface {
	Viewer
	Log
}

// An Engine answers queries from what a store has summed up of its changes, from
// an index of their words, and where these do not tell from the changes. What
// the index does not know yet is read, so that an answer is never stale.
type Engine struct {
	Store Store
	Words WordFinder // nil for none: then words are looked for by reading
	// Now is our clock, which says what has not been read yet; nil is time.Now.
	Now func() time.Time
	// Names tell what lists, alerts and the like are; nil: none is known.
	Names *Names
	// Parallel is how many blocks are read at once; 0 is as many as there are
	// processors to use.
	Parallel int
}

var _ Searcher = (*Engine)(nil)

// Search answers one page. If ctx ends first, so does the search, with its error;
// the result beside it is what was found until then, and its Partial says so.
func (e *Engine) Search(ctx context.Context, q Query) (*Result, error) {
	r := &Result{}
	var err error
	r.Summary, r.Explanation, err = e.search(ctx, q, false, func(changes []audit.Change) error {
		r.Changes = append(r.Changes, changes...)
		return nil
	})
	return e.searched(ctx, q, r, err)
}

// searched says of a result what else is to be known.
func (e *Engine) searched(ctx context.Context, q Query, r *Result, err error) (*Result, error) {
	if err != nil {
		err = fmt.Errorf("search: %w", err)
		if r.Summary.Partial == "" {
			return nil, err
		}
	}
	r.Summary.Notes = e.unknownAttributes(ctx, q.Expr)
	return r, err
}

// Stream answers a page that need not fit into memory: it hands the changes over
// in the order of the answer, some at a time, and reads on meanwhile. The changes
// are the receiver's own, but not the list. The result has no changes;
// if ctx ends first, it is partial as that of Search is.
func (e *Engine) Stream(ctx context.Context, q Query, take func([]audit.Change) error) (*Result, error) {
	r := &Result{}
	var err error
	r.Summary, r.Explanation, err = e.search(ctx, q, false, take)
	return e.searched(ctx, q, r, err)
}

// outlines is Stream of all changes that match, as View.Outlines has them: some may
// be whole.
func (e *Engine) outlines(ctx context.Context, expr Expr, take func([]audit.Change) error) error {
	_, _, err := e.search(ctx, Query{Expr: expr}, true, take)
	if err != nil {
		err = fmt.Errorf("search: %w", err)
	}
	return err
}

// All yields every change that matches, newest first.
func (e *Engine) All(ctx context.Context, expr Expr) iter.Seq2[audit.Change, error] {
	return func(yield func(audit.Change, error) bool) {
		ended := false
		_, err := e.Stream(ctx, Query{Expr: expr}, func(changes []audit.Change) error {
			for _, c := range changes {
				if !yield(c, nil) {
					ended = true
					return errEnded
				}
			}
			return nil
		})
		if err != nil && !ended {
			yield(audit.Change{}, err)
		}
	}
}

// search hands over one page, whole or in outline.
func (e *Engine) search(ctx context.Context, q Query, outline bool, take func([]audit.Change) error) (Summary, Explanation, error) {
	began := time.Now()
	var sum Summary
	var why Explanation
	after, err := q.place()
	switch {
	case err != nil:
		return sum, why, err
	case q.Limit < 0:
		return sum, why, fmt.Errorf("a limit of %d", q.Limit)
	case q.Skip < 0:
		return sum, why, fmt.Errorf("%d changes to skip", q.Skip)
	}
	r, err := e.open(ctx, q.Expr, after)
	if err != nil {
		return sum, why, err
	}
	defer r.close()
	p := &pager{run: r, query: q, take: take, outline: outline}
	ended := p.do(ctx)
	if ended != nil && !interrupted(ctx, ended) {
		return sum, why, ended
	}
	if ended != nil {
		p.stopped()
	}
	covered, err := e.coverage(context.WithoutCancel(ctx), r.expr)
	if err != nil {
		return sum, why, err
	}
	sum = p.sum
	sum.Coverage, sum.Took = covered, time.Since(began)
	return sum, r.notes.explanation(), ended
}

// coverage is how far the answer can be relied on to be whole.
func (e *Engine) coverage(ctx context.Context, expr Expr) (Coverage, error) {
	now := time.Now
	if e.Now != nil {
		now = e.Now
	}
	reading, err := ReadLog(ctx, e.Store, now())
	if err != nil {
		return Coverage{}, err
	}
	return reading.OfExpr(expr), ctx.Err()
}

// MayHide says whether changes that the expression asks for may be among those
// that a gap hides.
func (e Expr) MayHide(g audit.Gap) bool {
	yes, _ := e.Root().might(&g)
	return yes
}
