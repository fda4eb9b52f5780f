package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/internal/report"
	"recourse/query"
	"recourse/revert"
)

// runPipes answers a query with pipes.
func runPipes(c *cli.Context, e *env, p *report.Printer, pipeline *query.Pipeline, asked time.Time) (err error) {
	w, err := openToAsk(c, e)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	engine := w.engine()
	engine.Now = e.now
	return w.answerPipes(c, e, p, engine, pipeline, asked)
}

func (w *workspace) answerPipes(c *cli.Context, e *env, p *report.Printer, engine *query.Engine, pipeline *query.Pipeline, asked time.Time) error {
	o := query.PipeOptions{After: c.String("after"), Skip: c.Int("skip"), Asked: asked, Memory: w.cfg.Memory.forPipes()}
	if pipeline.Columns() == nil || c.IsSet("limit") {
		o.Limit = c.Int("limit")
	}
	last := pipeline.Pipes[len(pipeline.Pipes)-1]
	switch last.(type) {
	case query.PipePlan, query.PipeSave:
		if e.readOnly {
			return errReadOnly
		}
	}
	switch last := last.(type) {
	case query.PipePlan:
		return w.planned(c, e, p, engine, pipeline, o, last)
	case query.PipeSave:
		return w.saved(c, e, engine, pipeline, o, last)
	}
	if p.Format() == report.NDJSON {
		o.Changes = p.ChangeLines
		o.Rows = func(rows [][]any) error { return p.RowLines(pipeline.Columns(), rows) }
	}
	out, err := engine.Pipe(c.Context, pipeline, o)
	if err != nil {
		return pipeError(err)
	}
	if s := &out.Summary; s.Next != "" && findFlag(c.Command.Flags, "after") == nil {
		s.Next, s.Matched = "", s.Total // there are no pages to go on from
	}
	err = explained(c, e, p, out.Explanation, func() error { return printPiped(p, out, pipeline) })
	if err != nil {
		return err
	}
	if out.Summary.Partial != "" {
		return exit(exitInterrupted)
	}
	return covered(c, out.Summary.Complete, foundAny(out.Summary.Count))
}

// pipeError gives an error of a query with pipes its exit code.
func pipeError(err error) error {
	switch {
	case errors.Is(err, query.ErrCursor):
		return &exitError{code: exitUsage, err: err, hint: hintCursor}
	case errors.Is(err, query.ErrMemory), errors.Is(err, query.ErrBuckets), errors.Is(err, query.ErrPages), query.AskedWrongly(err):
		return &exitError{code: exitUsage, err: err}
	}
	return queryError(err)
}

// printPiped prints an answer; one that is a histogram, facets or sessions, as those.
func printPiped(p *report.Printer, out *query.Output, pipeline *query.Pipeline) error {
	whole := out.Summary.Partial == "" && len(out.Summary.Notes) == 0
	switch last := pipeline.Pipes[len(pipeline.Pipes)-1].(type) {
	case query.PipeHist:
		if out.Histogram != nil && whole && p.Format() == report.Table {
			by := ""
			if last.By != 0 {
				by = last.By.String()
			}
			return p.Histogram(out.Histogram, by)
		}
	case query.PipeSessions:
		if out.Sessions != nil && whole && p.Format() == report.Table && out.Summary.Count == out.Summary.Total {
			return p.Sessions(out.Sessions)
		}
	case query.PipeFacets:
		if out.Facets != nil && whole && p.Format() == report.Table {
			return p.Facets(out.Facets)
		}
	}
	if p.Format() == report.NDJSON {
		return p.PipedLine(out.Summary)
	}
	return p.Piped(out)
}

// planned freezes the changes of a query as a selection.
func (w *workspace) planned(c *cli.Context, e *env, p *report.Printer, engine *query.Engine, pipeline *query.Pipeline, o query.PipeOptions, pipe query.PipePlan) error {
	o.Limit = 0
	text := (&query.Pipeline{Filter: pipeline.Filter, Pipes: pipeline.Pipes[:len(pipeline.Pipes)-1]}).String()
	var out *query.Output
	var failed error
	sel, err := revert.Select(revert.Criteria{Query: text}, func(yield func(audit.Change, error) bool) {
		o.Changes = func(changes []audit.Change) error {
			for _, change := range changes {
				if !yield(change, nil) {
					return errors.New("ended")
				}
			}
			return nil
		}
		if out, failed = engine.Pipe(c.Context, pipeline, o); failed != nil {
			yield(audit.Change{}, failed)
		}
	})
	if err != nil {
		return pipeError(err)
	}
	if out.Summary.Partial != "" {
		return &exitError{code: exitInterrupted, err: fmt.Errorf("select: %s: nothing was written, as a part is no selection", out.Summary.Partial)}
	}
	if sel.Events == 0 {
		if err := p.Piped(out); err != nil {
			return err
		}
		return exit(exitNothing)
	}
	if err := writeFile(e, pipe.File, sel.Write); err != nil {
		return err
	}
	err = p.Selection(report.Selected{
		File: pipe.File, Digest: sel.Digest, Changes: sel.Events, Records: sel.Records, Users: sel.Users, Tables: sel.Tables, First: sel.First, Last: sel.Last,
		Next: "recourse revert plan " + pipe.File + " -o PLAN",
	}, out.Summary)
	if err != nil {
		return err
	}
	return covered(c, out.Summary.Complete, exitOK)
}
