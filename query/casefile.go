package query

import (
	"context"
	"fmt"
	"time"

	"recourse/audit"
)

// CaseOptions say how much a case report tells. The zero value tells the first 500
// changes.
type CaseOptions struct {
	Limit int           // changes in the timeline, the oldest; 0 is 500, below 0 all
	Gap   time.Duration // of the sessions; 0 is 15 minutes
	Title string        // of the report; empty: the query
}

// A Case is what a responder attaches to a ticket: all that is known of the changes
// that match, and what is not.
type Case struct {
	Title     string
	Query     string
	Made      audit.Time // by the engine's clock
	First     *Ref       // the earliest and the latest change that match
	Last      *Ref
	Histogram *Histogram
	Facets    *Facets // user, table, op, attr, node, rule
	Sessions  *Sessions
	Blast     *Blast
	Alerts    []ActorAlert
	Changes   []audit.Change // oldest first
	Left      int            // later changes that are left out of Changes
	Questions []string       // what is open, as sentences
	Coverage
	Partial bool
}

// Case gathers what is known of the changes that match. If ctx ends first, what was
// gathered is returned beside the error; parts that are missing are nil.
func (e *Engine) Case(ctx context.Context, expr Expr, o CaseOptions) (*Case, error) {
	now := time.Now
	if e.Now != nil {
		now = e.Now
	}
	c := &Case{Title: o.Title, Query: expr.String(), Made: audit.TimeOf(now())}
	if c.Title == "" {
		c.Title = c.Query
	}
	expr, err := e.Names.Bind(ctx, expr)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	g := &gathering{c: c, expr: expr, options: o}
	err = g.run(ctx, e)
	if err != nil && !interrupted(ctx, err) {
		return nil, fmt.Errorf("report: %w", err)
	}
	c.Partial = err != nil
	reading, failed := e.reading(ctx)
	if failed != nil {
		return nil, fmt.Errorf("report: %w", failed)
	}
	c.Coverage = reading.OfExpr(expr)
	g.ask()
	return c, err
}

// gathering is a case in the making.
type gathering struct {
	c       *Case
	expr    Expr
	options CaseOptions

	seqs                                         map[audit.Seq]bool
	unknown, doubtful, unnamed, late, lossy, odd int
	elsewhere                                    []Counted // by user: changes that are not in the case
}

func (g *gathering) run(ctx context.Context, e *Engine) error {
	var err error
	if g.c.Histogram, err = e.Histogram(ctx, g.expr, HistogramOptions{}); err != nil {
		return err
	}
	by := []audit.Facet{audit.FacetUser, audit.FacetTable, audit.FacetOp, audit.FacetAttribute, audit.FacetNode, audit.FacetRule}
	if g.c.Facets, err = e.Facets(ctx, g.expr, by, 20); err != nil {
		return err
	}
	if err := g.walk(ctx, e); err != nil {
		return err
	}
	if err := g.timeline(ctx, e); err != nil {
		return err
	}
	if g.c.Blast, err = e.Blast(ctx, g.expr); err != nil {
		return err
	}
	if err := g.alerts(ctx, e); err != nil {
		return err
	}
	return g.others(ctx, e)
}

// walk goes through all changes that match.
func (g *gathering) walk(ctx context.Context, e *Engine) error {
	by, err := newSessions(SessionOptions{Gap: g.options.Gap})
	if err != nil {
		return err
	}
	g.seqs = map[audit.Seq]bool{}
	_, err = e.Stream(ctx, Query{Expr: g.expr}, func(changes []audit.Change) error {
		for i := range changes {
			by.add(&changes[i])
			g.see(&changes[i])
		}
		return nil
	})
	g.c.Sessions = by.finish()
	return err
}

func (g *gathering) see(c *audit.Change) {
	if g.c.Last == nil {
		g.c.Last = refPtr(c)
	}
	g.c.First = refPtr(c)
	g.seqs[c.Seq] = true
	for _, x := range []struct {
		n  *int
		is bool
	}{
		{&g.unnamed, c.User == ""}, {&g.late, c.Late}, {&g.lossy, c.Lossy}, {&g.odd, c.Note != ""},
		{&g.unknown, c.Op.Kind() != audit.KindMessage && (c.Before.State == audit.Unknown || c.After.State == audit.Unknown)},
		{&g.doubtful, c.Op.Kind() != audit.KindMessage && trustOfChange(c) == audit.Provisional},
	} {
		if x.is {
			*x.n++
		}
	}
}

// timeline reads the changes that are told one by one.
func (g *gathering) timeline(ctx context.Context, e *Engine) error {
	limit := g.options.Limit
	if limit == 0 {
		limit = 500
	}
	q := Query{Expr: g.expr}
	if n := len(g.seqs); limit > 0 && n > limit {
		q.Skip = n - limit
		g.c.Left = q.Skip
	}
	r, err := e.Search(ctx, q)
	if err != nil {
		return err
	}
	for i := len(r.Changes) - 1; i >= 0; i-- {
		g.c.Changes = append(g.c.Changes, r.Changes[i])
	}
	return nil
}

// alerts finds those that rest on the changes.
func (g *gathering) alerts(ctx context.Context, e *Engine) error {
	archive, err := e.archive()
	if err != nil {
		return err
	}
	g.c.Alerts, err = alertsOn(ctx, archive, g.seqs)
	return err
}

// others counts what the users of the case did besides.
func (g *gathering) others(ctx context.Context, e *Engine) error {
	for _, v := range g.c.Facets.Facets[0].Top {
		if v.Value == "" {
			continue
		}
		n, err := e.Count(ctx, ofUser(v.Value))
		if err != nil {
			return err
		}
		if n.Total > v.N {
			g.elsewhere = append(g.elsewhere, Counted{v.Value, n.Total - v.N})
		}
	}
	return nil
}
