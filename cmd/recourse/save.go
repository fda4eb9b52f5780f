package main

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/query"
)

// saved carries out | save.
func (w *workspace) saved(c *cli.Context, e *env, engine *query.Engine, pipeline *query.Pipeline, o query.PipeOptions, pipe query.PipeSave) error {
	before := &query.Pipeline{Filter: pipeline.Filter, Pipes: pipeline.Pipes[:len(pipeline.Pipes)-1]}
	switch pipe.What {
	case "list":
		return w.saveList(c, e, engine, before, o, pipe)
	case "rule":
		return w.saveRule(c, e, engine, before, pipe.Name)
	}
	if _, err := engine.Names.Bind(c.Context, before.Filter); err != nil {
		return queryError(err) // a query that names what there is not would fail whenever it is used
	}
	version, err := w.queries().save(savedFile{Name: pipe.Name, Query: pipe.Text}) // as it was written, so that -2h stays two hours ago
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stderr, "saved query %s, version %d; @q:%s stands for it in others\n", pipe.Name, version, pipe.Name)
	return err
}

// saveList makes a list of the values of a field.
func (w *workspace) saveList(c *cli.Context, e *env, engine *query.Engine, before *query.Pipeline, o query.PipeOptions, pipe query.PipeSave) error {
	o.Limit = 0
	before.Pipes = append(slices.Clip(before.Pipes), query.PipeStats{By: []query.PipeField{pipe.Field}, Figures: []query.Figure{{Func: "count"}}})
	out, err := engine.Pipe(c.Context, before, o)
	if err != nil {
		return pipeError(err)
	}
	if out.Summary.Partial != "" {
		return &exitError{code: exitInterrupted, err: fmt.Errorf("save list: %s: nothing was written, as a part is no list", out.Summary.Partial)}
	}
	var items []string
	for _, row := range out.Table.Rows {
		items = append(items, listItem(row[0]))
	}
	slices.Sort(items)
	version, err := w.lists().save(savedFile{Name: pipe.Name, Items: items})
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stderr, "list %s, version %d: %d items; in(list:%s) stands for them\n", pipe.Name, version, len(items), pipe.Name)
	return covered(c, out.Summary.Complete, foundAny(len(items)))
}

// listItem is a value as a list has it: text as it is, all else as JSON.
func listItem(x any) string {
	switch x := x.(type) {
	case string:
		return x
	case audit.ID:
		return listItem(x.Value())
	case audit.Value:
		if x.Kind() == audit.KindText {
			return x.Text()
		}
		return x.JSON()
	case nil:
		return ""
	}
	return fmt.Sprint(x)
}
