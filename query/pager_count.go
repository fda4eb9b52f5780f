package query

import (
	"context"

	"recourse/audit"
)

// To tell the exact total, a search looks at so many more changes in so many
// blocks when its page is full.
const (
	countFurther = 10_000
	countBlocks  = 64
)

// count tells the total: exactly if that costs little.
func (p *pager) count(ctx context.Context) error {
	left := p.unsure - p.read
	if left > 0 && left <= countFurther && p.query.After == "" {
		if err := p.countRest(ctx); err != nil {
			return err
		}
	}
	p.sum.Total, p.sum.TotalExact = p.sure+p.matched, p.read == p.unsure
	return nil
}

// counted says that all changes which may match are going to be read for the total,
// if the page does not, and are in few blocks.
func (p *pager) counted() bool {
	if p.unsure > countFurther || p.query.After != "" {
		return false
	}
	blocks := 0
	for _, s := range p.merge.waiting {
		for i := s.may.Iterator(); i.HasNext() && blocks <= countBlocks; blocks++ {
			i.AdvanceIfNeeded(uint32(firstOf(uint32(audit.BlockOf(s.First+audit.Seq(i.Next()))+1)) - s.First))
		}
	}
	return blocks <= countBlocks
}

// countRest reads what was not needed for the page, if it is in few blocks.
func (p *pager) countRest(ctx context.Context) error {
	var rest []item
	add := func(x item) {
		if !x.sure {
			rest = append(rest, x)
		}
	}
	for _, x := range p.merge.back {
		add(x)
	}
	for _, l := range p.merge.lanes {
		for _, o := range l.offsets {
			add(item{l.First + audit.Seq(o), l.sure == nil || l.sure.Contains(o)})
		}
	}
	for _, s := range p.merge.waiting {
		if s.exact() {
			continue
		}
		for _, o := range s.may.ToArray() {
			add(item{s.First + audit.Seq(o), s.sure.Contains(o)})
		}
	}
	blocks := map[int]bool{}
	for _, x := range rest {
		if blocks[audit.BlockOf(x.seq)] = true; len(blocks) > countBlocks {
			return nil
		}
	}
	_, err := p.told(ctx, rest)
	return err
}
