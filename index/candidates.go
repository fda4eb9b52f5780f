package index

import (
	"context"
	"fmt"
	"iter"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search"

	"recourse/audit"
	"recourse/query"
)

// Pages begin small, for searches that want few changes, and grow, because
// bleve looks at all matches for each page.
const (
	firstPage  = 128
	largest    = 1 << 17
	pageGrowth = 8
)

// Candidates yields the places of changes that may match, newest first, from
// the first after a place. What is indexed meanwhile may be among them.
func (x *Index) Candidates(ctx context.Context, e query.Expr, after query.Position) iter.Seq2[query.Position, error] {
	return func(yield func(query.Position, error) bool) {
		p, err := x.plan(ctx, e)
		if err != nil {
			yield(query.Position{}, err)
			return
		}
		for size := firstPage; ; size = min(size*pageGrowth, largest) {
			page, err := x.page(ctx, p, after, size)
			if err != nil {
				yield(query.Position{}, err)
				return
			}
			for _, pos := range page {
				if !yield(pos, nil) {
					return
				}
			}
			if len(page) < size {
				return
			}
			after = page[len(page)-1]
		}
	}
}

func (x *Index) page(ctx context.Context, p plan, after query.Position, size int) ([]query.Position, error) {
	r := request(p, size)
	r.SortByCustom(search.SortOrder{&search.SortDocID{Desc: true}})
	if after != (query.Position{}) {
		r.SetSearchAfter([]string{name(after)})
	}
	found, err := x.search(ctx, r)
	if err != nil {
		return nil, err
	}
	page := make([]query.Position, len(found.Hits))
	for i, hit := range found.Hits {
		pos, ok := placeOf(hit.ID)
		if !ok {
			return nil, fmt.Errorf("search index: %w: it names a change %q", ErrRebuild, hit.ID)
		}
		page[i] = pos
	}
	return page, nil
}

func request(p plan, size int) *bleve.SearchRequest {
	r := bleve.NewSearchRequestOptions(p.query(), size, 0, false)
	r.Score = "none"
	return r
}

func (x *Index) search(ctx context.Context, r *bleve.SearchRequest) (found *bleve.SearchResult, err error) {
	defer guard(&err)
	found, err = x.bleve.SearchInContext(ctx, r)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("search index: %w", err)
	}
	return found, nil
}

// Count is how many candidates there are, and whether exactly those match.
func (x *Index) Count(ctx context.Context, e query.Expr) (n int, exact bool, err error) {
	p, err := x.plan(ctx, e)
	if err != nil {
		return 0, false, err
	}
	if !p.exact {
		return 0, false, nil
	}
	n, err = x.count(ctx, p)
	return n, true, err
}

func (x *Index) count(ctx context.Context, p plan) (int, error) {
	found, err := x.search(ctx, request(p, 0))
	if err != nil {
		return 0, err
	}
	return int(found.Total), nil
}

// plan translates an expression.
func (x *Index) plan(ctx context.Context, e query.Expr) (plan, error) {
	messages, err := x.count(ctx, fact(factKind, string(audit.KindMessage)))
	if err != nil {
		return plan{}, err
	}
	p := translator{messages: messages > 0}.node(e.Root(), false)
	if q := times(e.Times()); q != nil {
		p = allOf(p, plan{q, true})
	}
	return p, nil
}
