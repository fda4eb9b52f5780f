package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"recourse/audit"
)

// PipeOptions say how a query with pipes is answered. The zero value is all of the
// answer, in memory.
type PipeOptions struct {
	Limit int       // changes or rows that are handed over; 0 is all. The others are counted
	After string    // the Next of the page before: only of a query whose pipes keep changes in order
	Skip  int       // as in Query, of the same
	Asked time.Time // as in Query
	// Memory is about how many bytes pipes may keep that must see all before they
	// give any, such as sort and stats; 0 is 256 MiB. What needs more is an error.
	Memory int64
	// Changes takes the changes of the answer, some at a time; nil: they are kept.
	Changes func([]audit.Change) error
	// Rows takes the rows of the answer; nil: they are kept.
	Rows func([][]any) error
}

// An Output is the answer to a query with pipes.
type Output struct {
	Changes []audit.Change // unless they are rows, or were handed over
	Table   *Table         // nil: the answer is changes
	// Histogram and Facets are the same as the rows, where a plain hist or facets
	// is the last pipe.
	Histogram *Histogram
	Facets    *Facets
	Sessions  *Sessions // as these, where sessions is the last pipe
	Summary   PipeSummary
	Explanation
}

// A PipeSummary says how far an output can be relied on. Its Count and Total are
// changes, or rows.
type PipeSummary struct {
	Summary
	Matched int // changes that the filter found, and that went into the first pipe
	Late    int // of those: found behind what had been read; -1: they were counted and not looked at
}

// Interrupted is the Partial of an answer that was not waited for.
const Interrupted = "interrupted"

// ErrMemory says that a pipe would have to keep more than it may.
var ErrMemory error = &hinted{"a pipe would keep more in memory than it may", "ask for less time, or put a | limit or | where before it; --memory gives more"}

// searchError says of an error that it is of a search, if it does not say so.
func searchError(err error) error {
	if strings.HasPrefix(err.Error(), "search: ") {
		return err
	}
	return fmt.Errorf("search: %w", err)
}

// Pipe answers a query with pipes. If ctx ends first, the answer is that of what
// was read until then, and its Partial says so.
func (e *Engine) Pipe(ctx context.Context, p *Pipeline, o PipeOptions) (*Output, error) {
	began := time.Now()
	filter, err := e.Names.Bind(ctx, p.Filter)
	if err != nil {
		return nil, searchError(err)
	}
	if o.Memory == 0 {
		o.Memory = 256 << 20
	}
	x := &execution{engine: e, options: o, left: o.Memory, notes: &notes{}, out: &Output{}, source: source{expr: filter}}
	if (o.After != "" || o.Skip > 0) && !pageable(p) {
		return nil, fmt.Errorf("search: %w", ErrPages)
	}
	if err := x.run(ctx, p); err != nil {
		if errors.Is(err, ErrCursor) || errors.Is(err, ErrMemory) {
			return nil, err
		}
		return nil, searchError(err)
	}
	if err := x.finish(ctx, filter); err != nil {
		return nil, searchError(err)
	}
	x.out.Summary.Took = time.Since(began)
	x.out.Explanation = x.notes.explanation()
	return x.out, nil
}

// ErrPages says that an answer has no pages.
var ErrPages error = &hinted{"only a search whose pipes are where and fields has pages to go on from", "leave --after and --skip out, or the other pipes"}

// AskedWrongly says that an error of Pipe is of what was asked, and not of what
// happened.
func AskedWrongly(err error) bool {
	for _, e := range []error{errVersus, errContexts, errFirsts, ErrUsual, errBackwards} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// pageable says that each change of the filter makes at most one of the answer, in
// the same order.
func pageable(p *Pipeline) bool {
	for _, pipe := range p.Pipes {
		switch pipe.(type) {
		case PipeWhere, PipeFields, PipePlan, PipeSave:
		default:
			return false
		}
	}
	return true
}

// An execution is one query with pipes at work.
type execution struct {
	engine  *Engine
	options PipeOptions
	left    int64 // bytes that may still be kept
	notes   *notes
	out     *Output
	source  source
	stages  []pending
	columns []string // of the rows at this point; nil: they are changes
	began   bool     // the first changes were read, and Matched is known
	covers  []Coverage
	ended   bool // what was read of the source is all that is wanted
}

// A source is where changes or rows come from.
type source struct {
	expr Expr
	// rows gives rows in place of the changes of an expression.
	rows func(context.Context, func([]any) error) error
	// changes gives changes in an order of their own.
	changes func(context.Context, func(*audit.Change) error) error
}

// A pending stage is a pipe that passes on what it is given one by one.
type pending struct {
	pipe  Pipe
	begin func(next sink) sink
}

// A flow is what goes through a pipe: a change, or a row.
type flow struct {
	change *audit.Change
	row    []any
}

// of is a field's value, by its place among the columns if it is a row.
func (f flow) of(field PipeField, column int) any {
	if f.change != nil {
		return field.of(f.change)
	}
	return f.row[column]
}

// A sink takes what goes through a pipe. Put may return errEnded: no more is
// wanted.
type sink interface {
	put(flow) error
	end() error
}

// keep notes that so many bytes are kept.
func (x *execution) keep(bytes int64) error {
	if x.left -= bytes; x.left < 0 {
		return ErrMemory
	}
	return nil
}

func (x *execution) run(ctx context.Context, p *Pipeline) error {
	for i := 0; i < len(p.Pipes); i++ {
		pipe := p.Pipes[i]
		var next Pipe
		if i+1 < len(p.Pipes) {
			next = p.Pipes[i+1]
		}
		if err := x.add(ctx, pipe, next); err != nil {
			return err
		}
		x.columns = pipe.columns(x.columns)
	}
	return x.deliver(ctx)
}

// add takes a pipe: as a stage of what is being read, or by answering it.
func (x *execution) add(ctx context.Context, pipe, next Pipe) error {
	began := time.Now()
	switch p := pipe.(type) {
	case PipePlan, PipeSave:
		return nil // who asked carries them out
	case PipeSeq:
		bound, err := p.bound(ctx, x.engine.Names)
		if err != nil {
			return err
		}
		pipe = bound
	case PipeWhere:
		if x.plain() {
			if p.Where.needs != nil {
				x.source.expr = Conjunction(x.source.expr, Of(p.Where.needs))
			}
			x.source.expr = Conjunction(x.source.expr, Of(p.Where))
			return nil
		}
	}
	if done, err := x.answer(ctx, pipe); done || err != nil {
		x.notes.add(Step{What: StepPipe, Detail: pipe.String(), Took: time.Since(began)})
		return err
	}
	if err := x.reorder(ctx, pipe); err != nil {
		return err
	}
	if begin := x.stage(pipe, next); begin != nil {
		x.stages = append(x.stages, pending{pipe, begin})
		return nil
	}
	expr, err := x.gather(ctx)
	if err != nil {
		return err
	}
	x.source, x.stages = source{expr: expr}, nil
	_, err = x.answer(ctx, pipe)
	x.notes.add(Step{What: StepPipe, Detail: pipe.String(), Took: time.Since(began)})
	return err
}

// reorder has changes come newest first again before a pipe that relies on it.
func (x *execution) reorder(ctx context.Context, pipe Pipe) error {
	switch pipe.(type) {
	case PipeEnds, PipeSeq:
	default:
		return nil
	}
	if x.source.changes == nil && !slices.ContainsFunc(x.stages, func(s pending) bool { _, sorts := s.pipe.(PipeSort); return sorts }) {
		return nil
	}
	expr, err := x.gather(ctx)
	x.source, x.stages = source{expr: expr}, nil
	return err
}

// plain says that what comes next are the changes of an expression, as they are.
func (x *execution) plain() bool {
	return len(x.stages) == 0 && x.source.rows == nil && x.source.changes == nil
}
