package query

import (
	"context"
	"errors"

	"recourse/audit"
)

// drain has all of the source go through the stages into the last one.
func (x *execution) drain(ctx context.Context, last sink, q Query) (Summary, error) {
	to := last
	for i := len(x.stages) - 1; i >= 0; i-- {
		to = x.counted(x.stages[i].pipe, x.stages[i].begin(to))
	}
	var sum Summary
	var err error
	switch {
	case x.source.rows != nil:
		err = x.source.rows(ctx, func(row []any) error { return to.put(flow{row: row}) })
	case x.source.changes != nil:
		err = x.source.changes(ctx, func(c *audit.Change) error { return to.put(flow{change: c}) })
	default:
		sum, err = x.stream(ctx, to, q)
	}
	switch {
	case errors.Is(err, errEnded):
		x.ended = true
	case err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()):
		x.out.Summary.Partial = Interrupted
	case err != nil:
		return sum, err
	}
	if err := to.end(); err != nil && !errors.Is(err, errEnded) {
		return sum, err
	}
	return sum, nil
}

// stream reads the changes of the expression, newest first.
func (x *execution) stream(ctx context.Context, to sink, q Query) (Summary, error) {
	q.Expr = x.source.expr
	first := !x.began
	x.began = true
	sum, why, err := x.engine.search(ctx, q, false, func(changes []audit.Change) error {
		for i := range changes {
			c := changes[i]
			if first {
				x.out.Summary.Matched++
				if c.Late {
					x.out.Summary.Late++
				}
			}
			if err := to.put(flow{change: &c}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Summary{}, err
	}
	for _, s := range why.Steps {
		x.notes.add(s)
	}
	return sum, nil
}

// counting notes what goes into a stage.
type counting struct {
	sink
	x    *execution
	pipe Pipe
	n    int
}

func (x *execution) counted(pipe Pipe, s sink) sink { return &counting{sink: s, x: x, pipe: pipe} }

func (s *counting) put(f flow) error {
	s.n++
	return s.sink.put(f)
}

func (s *counting) end() error {
	s.x.notes.add(Step{What: StepPipe, Detail: s.pipe.String(), Changes: s.n})
	return s.sink.end()
}
