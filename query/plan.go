package query

import (
	"context"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// A part is a node of an expression as it is answered for a chunk.
type part interface {
	// judge says which of the section's changes match. Of changes that are not in
	// within nobody wants to know: of these a part may say what it likes.
	judge(ctx context.Context, r *run, s *section, within *roaring.Bitmap) (verdict, error)
	// price orders the parts of a conjunction; it is not of a unit.
	price() int
}

// The prices of parts, the cheapest first.
const (
	priceFree = iota
	priceSums
	priceMany
	priceWords
	priceDictionary
	priceCarried
)

// plan makes parts of nodes.
func plan(n Node) part {
	switch n := n.(type) {
	case All:
		return everything{}
	case And:
		return allOf(plans(n))
	case Or:
		return anyOf(plans(n))
	case Not:
		return contrary{plan(n.Node)}
	case Field:
		return planField(n)
	case Flag:
		return planFlag(n)
	case Numbered:
		return numbers(n)
	case When:
		return times(n)
	case Record:
		return &records{key: n.Key, one: true}
	case ID:
		return planID(n.Test)
	case Words:
		return planWords(n)
	case Attribute:
		return planAttribute(n)
	case Alerted:
		return seqSet{n.seqs}
	case chosen:
		return seqSet{n.seqs}
	case ofRecords:
		return n.part()
	case First:
		return &firsts{of: n}
	case Shaped:
		return n.part()
	case Leaf:
		return planLeaf(n)
	case Delta:
		return planDelta(n)
	}
	return perhaps{}
}

func plans(nodes []Node) []part {
	parts := make([]part, len(nodes))
	for i, n := range nodes {
		parts[i] = plan(n)
	}
	slices.SortStableFunc(parts, func(a, b part) int { return a.price() - b.price() })
	return parts
}

// everything is all changes.
type everything struct{}

func (everything) price() int { return priceFree }

func (everything) judge(_ context.Context, _ *run, s *section, _ *roaring.Bitmap) (verdict, error) {
	return settled(s.full), nil
}

// perhaps is what only reading tells.
type perhaps struct{}

func (perhaps) price() int { return priceFree }

func (perhaps) judge(_ context.Context, _ *run, s *section, _ *roaring.Bitmap) (verdict, error) {
	return verdict{s.empty, s.full}, nil
}

// allOf is a conjunction; its parts are asked the cheapest first, as long as
// anything is left.
type allOf []part

func (a allOf) price() int { return dearest(a) }

func dearest(parts []part) int {
	p := priceFree
	for _, q := range parts {
		p = max(p, q.price())
	}
	return p
}

func (a allOf) judge(ctx context.Context, r *run, s *section, within *roaring.Bitmap) (verdict, error) {
	all := settled(s.full)
	for _, p := range a {
		v, err := p.judge(ctx, r, s, within)
		if err != nil {
			return v, err
		}
		if all = all.and(v); all.may.IsEmpty() {
			return settled(s.empty), nil
		}
		within = roaring.And(within, all.may)
	}
	return all, nil
}

// anyOf is a disjunction.
type anyOf []part

func (a anyOf) price() int { return dearest(a) }

func (a anyOf) judge(ctx context.Context, r *run, s *section, within *roaring.Bitmap) (verdict, error) {
	all := settled(s.empty)
	for _, p := range a {
		v, err := p.judge(ctx, r, s, within)
		if err != nil {
			return v, err
		}
		all = all.or(v)
		within = roaring.AndNot(within, all.sure)
		if within.IsEmpty() {
			break
		}
	}
	return all, nil
}

// contrary is a negation.
type contrary struct{ of part }

func (c contrary) price() int { return c.of.price() }

func (c contrary) judge(ctx context.Context, r *run, s *section, within *roaring.Bitmap) (verdict, error) {
	v, err := c.of.judge(ctx, r, s, within)
	if err != nil {
		return v, err
	}
	return v.not(s.full), nil
}

// numbers is a comparison of numbers.
type numbers Numbered

func (numbers) price() int { return priceFree }

func (n numbers) judge(_ context.Context, _ *run, s *section, _ *roaring.Bitmap) (verdict, error) {
	set := s.empty
	switch n.Op {
	case Is:
		set = s.span(n.N, n.N)
	case Less:
		if n.N > 0 {
			set = s.span(0, n.N-1)
		}
	case AtMost:
		set = s.span(0, n.N)
	case More:
		if n.N+1 > n.N {
			set = s.span(n.N+1, s.last())
		}
	case AtLeast:
		set = s.span(n.N, s.last())
	}
	return settled(set), nil
}
