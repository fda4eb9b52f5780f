package revert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// Make plans. Which attributes the server assigns itself it learns from the records
// as it goes; where one that it has met late says otherwise of a table than those
// before, it reads all of them once more. So records must yield the same every time;
// what it yields must stay as it is, and its order does not matter, but that of the
// keys is cheaper. A selected change that is in none of the records is ErrIncomplete.
// Make writes nothing and asks no server.
func Make(ctx context.Context, req Request, records iter.Seq2[Record, error]) (*Plan, error) {
	if err := req.Policy.Check(); err != nil {
		return nil, fmt.Errorf("plan revert: %w", err)
	}
	req.takeLedger()
	p, err := req.readOnce(ctx, records, nil)
	if errors.Is(err, errNotAtOnce) {
		p, err = req.readTwice(ctx, records, nil)
	}
	if err == nil {
		err = p.end(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("plan revert: %w", err)
	}
	return &p.plan, nil
}

// errNotAtOnce says that what was planned was planned with too little known.
var errNotAtOnce = errors.New("the records must be read twice")

// readOnce plans the records, read once; lines go to the spool, nil: into memory. It
// is errNotAtOnce where once was not enough. The records are read, and looked at, on
// another processor than they are planned on.
func (req *Request) readOnce(ctx context.Context, records iter.Seq2[Record, error], s *spool) (*planner, error) {
	p, err := newPlanner(req, true, s)
	if err != nil {
		return nil, err
	}
	o := newOnce(req)
	err = beside((*prepared).weight, func(give func(prepared) error) error {
		for rec, err := range records {
			if err := cmp.Or(err, ctx.Err()); err != nil {
				return err
			}
			if err := o.take(rec, give); err != nil {
				return err
			}
		}
		return o.flush(give)
	}, p.add)
	return p, err
}

// readTwice reads all records before it plans the first.
func (req *Request) readTwice(ctx context.Context, records iter.Seq2[Record, error], s *spool) (*planner, error) {
	var m managed
	order := inOrder{sorted: true}
	for rec, err := range records {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return nil, err
		}
		own, _ := rec.split(req.Policy.Cluster)
		m.learn(own)
		order.see(rec.Key)
	}
	if s != nil && !order.sorted {
		return nil, errWhole
	}
	p, err := newPlanner(req, order.sorted, s)
	if err != nil {
		return nil, err
	}
	names, prepare := m.names(&req.Policy, req.Schema), newPreparer()
	for rec, err := range records {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return nil, err
		}
		rec := prepare.record(rec.split(req.Policy.Cluster))
		rec.managed = names(rec.Key.Table)
		if err := p.add(&rec); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// complete says that all selected changes were met.
func (p *planner) complete() error {
	if p.missing > 0 {
		return fmt.Errorf("%w: %d of %d selected changes are not in it", ErrIncomplete, p.missing, len(p.req.Selection.Changes))
	}
	return nil
}

// end makes the plan, when all records are in it.
func (p *planner) end(ctx context.Context) error {
	if err := p.complete(); err != nil {
		return err
	}
	if err := cmp.Or(p.surroundings(ctx), p.undecided()); err != nil {
		return err
	}
	return p.finish()
}

// finish sorts, numbers, counts and seals.
func (p *planner) finish() error {
	plan := &p.plan
	slices.SortFunc(plan.Actions, func(a, b Action) int {
		return cmp.Or(cmp.Compare(a.Phase, b.Phase), cmp.Compare(a.Level, b.Level), compareKeys(a.Key(), b.Key()))
	})
	slices.SortFunc(plan.Conflicts, func(a, b Conflict) int {
		return cmp.Or(compareKeys(a.Key(), b.Key()), cmp.Compare(a.Class, b.Class))
	})
	slices.SortFunc(plan.Kept, func(a, b Kept) int { return compareKeys(a.Key(), b.Key()) })
	n := 0
	next := func() int { n++; return n }
	for i := range plan.Actions {
		plan.Actions[i].N = next()
	}
	for i := range plan.Conflicts {
		plan.Conflicts[i].N = next()
	}
	for i := range plan.Kept {
		plan.Kept[i].N = next()
	}
	if p.req.Contain {
		plan.Containment = containment(p.req.Selection)
	}
	for i := range plan.Containment {
		plan.Containment[i].N = next()
	}
	if err := p.header(); err != nil {
		return err
	}
	return plan.sealOnce()
}
