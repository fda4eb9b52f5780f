package query

import (
	"context"
	"slices"
	"time"

	"recourse/audit"
)

// Of changes that must be read to be told, so many are taken at once: first few,
// for a page that is soon full, and then more.
const (
	leastBatch = 64
	mostBatch  = 8192
)

// A pager fills one page.
type pager struct {
	run   *run
	query Query
	take  func([]audit.Change) error
	// outline says that changes are wanted as View.Outlines has them, or whole where
	// they must be read to be told.
	outline bool

	merge   merge
	sum     Summary
	sure    int // changes that match by sums alone
	unsure  int // those that may, and are to be read
	read    int // of those: that were read
	matched int // and match
	last    Position
	more    bool // a change that matches comes after the page
}

func (p *pager) do(ctx context.Context) error {
	sections, err := p.run.plan(ctx)
	if err != nil {
		return err
	}
	for _, s := range sections {
		n := int(s.sure.GetCardinality())
		p.sure += n
		p.unsure += int(s.may.GetCardinality()) - n
	}
	p.merge = merge{run: p.run, waiting: sections}
	if err := p.skip(ctx); err != nil {
		return err
	}
	if p.query.Limit == 0 {
		err = p.all(ctx)
	} else {
		err = p.page(ctx)
	}
	if err == nil {
		err = p.count(ctx)
	}
	if p.more {
		p.sum.Next = p.query.cursor(p.last)
	}
	return err
}

// skip leaves out as many changes as are to be skipped: by the sums, and by
// reading where these do not tell.
func (p *pager) skip(ctx context.Context) error {
	left := p.query.Skip
	for left > 0 {
		n, err := p.merge.skip(ctx, left)
		if err != nil {
			return err
		}
		if left -= n; left == 0 {
			return nil
		}
		items, err := p.merge.take(ctx, min(max(left, leastBatch), mostBatch))
		if err != nil || len(items) == 0 {
			return err
		}
		match, err := p.told(ctx, items)
		if err != nil {
			return err
		}
		for i := range items {
			if left == 0 {
				// They are told now; those that do not match are not to come again.
				p.putBack(items[i:], match[i:])
				break
			}
			if match[i] {
				left--
			}
		}
	}
	return nil
}

func (p *pager) putBack(items []item, match []bool) {
	var back []item
	for i, x := range items {
		if match[i] {
			back = append(back, item{x.seq, true})
		}
	}
	p.merge.back = append(back, p.merge.back...)
}

// told says which of the items match, without reading those that surely do.
func (p *pager) told(ctx context.Context, items []item) ([]bool, error) {
	match := make([]bool, len(items))
	var places []int
	for i, x := range items {
		if match[i] = x.sure; !x.sure {
			places = append(places, i)
		}
	}
	_, err := p.fetch(ctx, items, places, func(_, i int, _ *audit.Change) { match[i] = true })
	return match, err
}

// fetch reads the items at these places and hands over those that match, in no
// order and by several workers at once, with their places. It tells how many do.
func (p *pager) fetch(ctx context.Context, items []item, places []int, keep func(worker, i int, c *audit.Change)) (int, error) {
	began := time.Now()
	slices.SortFunc(places, func(a, b int) int {
		if items[a].seq < items[b].seq {
			return -1
		}
		return 1
	})
	seqs := make([]audit.Seq, len(places))
	for i, at := range places {
		seqs[i] = items[at].seq
	}
	told := 0 // those that the sums do not tell
	for _, at := range places {
		if !items[at].sure {
			told++
		}
	}
	w := wanted{outline: p.outline && told == 0}
	if told == len(places) {
		w.word = p.run.word // else the others are wanted, whatever they have
	}
	tally := make([]struct{ matched, sure int }, p.run.parallel)
	subjects := make([]subject, p.run.parallel)
	blocks, err := p.run.look(ctx, seqs, w, func(worker, i int, c *audit.Change) error {
		t := &tally[worker]
		if items[places[i]].sure {
			t.sure++
			keep(worker, places[i], c)
			return nil
		}
		ok, err := p.run.decide(&subjects[worker], c)
		if ok && err == nil {
			t.matched++
			keep(worker, places[i], c)
		}
		return err
	})
	matched, sure := 0, 0
	for _, t := range tally {
		matched, sure = matched+t.matched, sure+t.sure
	}
	step := Step{What: StepRead, Blocks: blocks, Changes: len(places), Matched: sure + matched, Took: time.Since(began)}
	if told > 0 {
		step.What = StepScan
	}
	if blocks > 0 {
		p.run.notes.add(step)
	}
	p.read, p.matched = p.read+told, p.matched+matched
	return sure + matched, err
}

// changes reads the items and gives those that match, in the order of the items.
func (p *pager) changes(ctx context.Context, items []item) ([]audit.Change, error) {
	type placed struct {
		at int
		c  *audit.Change
	}
	places := make([]int, len(items))
	for i := range places {
		places[i] = i
	}
	of := make([][]placed, p.run.parallel)
	n, err := p.fetch(ctx, items, places, func(worker, i int, c *audit.Change) { of[worker] = append(of[worker], placed{i, c}) })
	if err != nil {
		return nil, err
	}
	found := slices.Concat(of...)
	slices.SortFunc(found, func(a, b placed) int { return a.at - b.at })
	out := make([]audit.Change, n)
	for i := range found {
		out[i] = *found[i].c
	}
	return out, nil
}

// page takes as many changes as the page may have, and finds out whether there
// are more.
func (p *pager) page(ctx context.Context) error {
	size := leastBatch
	if p.run.word.text != "" && p.counted() {
		size = countBlocks * audit.BlockSize / 4
	}
	for {
		items, err := p.merge.take(ctx, p.wanted(size))
		if err != nil || len(items) == 0 {
			return err
		}
		if size = min(2*size, mostBatch); p.sum.Count == p.query.Limit {
			if p.more = slices.ContainsFunc(items, func(x item) bool { return x.sure }); p.more {
				p.merge.back = append(slices.Clip(items), p.merge.back...)
				return nil
			}
		}
		changes, err := p.changes(ctx, items)
		if err != nil {
			return err
		}
		room := p.query.Limit - p.sum.Count
		if p.more = len(changes) > room; p.more {
			changes = changes[:room]
		}
		if err := p.hand(changes); err != nil || p.more {
			return err
		}
	}
}

// wanted is how many items to take: no more than are missing where all of them
// surely match, and one more to see whether there is one.
func (p *pager) wanted(size int) int {
	missing := p.query.Limit - p.sum.Count
	if p.unsure == 0 {
		return min(max(missing, 1), mostBatch)
	}
	return min(max(size, min(2*missing, mostBatch)), mostBatch)
}

func (p *pager) hand(changes []audit.Change) error {
	if len(changes) == 0 {
		return nil
	}
	p.sum.Count += len(changes)
	p.last = PositionOf(&changes[len(changes)-1])
	return p.take(changes)
}

// stopped notes that the page was not waited for: it goes on behind what was handed
// over.
func (p *pager) stopped() {
	p.sum.Partial, p.sum.Total, p.sum.TotalExact = Interrupted, max(p.sum.Total, p.sum.Count), false
	if p.sum.Count > 0 {
		p.sum.Next = p.query.cursor(p.last)
	}
}
