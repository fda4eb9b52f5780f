package query_test

import (
	"context"
	"errors"
	"testing"

	"recourse/audit"
	"recourse/internal/querytest"
	"recourse/query"
)

// A faulty store panics where its changes are read, which several goroutines do.
type faulty struct{ *querytest.Memory }

type faultyView struct{ query.View }

func (f faulty) View(ctx context.Context) (query.View, error) {
	v, err := f.Memory.View(ctx)
	return faultyView{v}, err
}

func (faultyView) Block(context.Context, int) ([]audit.Change, error)            { panic("block") }
func (faultyView) Read(context.Context, []audit.Seq) ([]audit.Change, error)     { panic("read") }
func (faultyView) Outlines(context.Context, []audit.Seq) ([]audit.Change, error) { panic("outlines") }

// TestPanicInGoroutine: a defect that shows in a goroutine of a question is the error of
// that question.
func TestPanicInGoroutine(t *testing.T) {
	ctx := t.Context()
	e := &query.Engine{Store: faulty{newWorld(3, 3000).store}, Parallel: 4}
	expr := query.Expr{}
	for name, ask := range map[string]func() error{
		"search":   func() error { _, err := e.Search(ctx, query.Query{Expr: expr}); return err },
		"page":     func() error { _, err := e.Search(ctx, query.Query{Expr: expr, Limit: 10}); return err },
		"sessions": func() error { _, err := e.Sessions(ctx, expr, query.SessionOptions{}); return err },
		"actor": func() error {
			_, err := e.Actor(ctx, newWorld(3, 3000).store.Changes()[0].User, query.ActorOptions{})
			return err
		},
		"blast": func() error { _, err := e.Blast(ctx, expr); return err },
	} {
		if p, ok := errors.AsType[*audit.Panic](ask()); !ok || len(p.Stack) == 0 {
			t.Errorf("%s: %v", name, ask())
		}
	}
}
