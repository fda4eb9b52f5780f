package query

import (
	"context"
	"slices"

	"recourse/audit"
)

// answer does what a pipe asks of the whole set of changes, if they are those of an
// expression: what follows are rows or other changes. It says whether it did.
func (x *execution) answer(ctx context.Context, pipe Pipe) (bool, error) {
	if !x.plain() {
		return false, nil
	}
	switch p := pipe.(type) {
	case PipeStats:
		return x.countedStats(ctx, p)
	case PipeTop:
		return x.countedTop(ctx, p)
	case PipeHist:
		return true, x.histogram(ctx, p)
	case PipeFacets:
		return true, x.facets(ctx, p)
	case PipeContext:
		return true, x.context(p)
	case PipePivot:
		return true, x.pivot(ctx, p)
	case PipeHistory:
		return true, x.histories(ctx)
	case PipeSessions:
		return true, x.sessions(ctx, p)
	case PipeBlame, PipeAsOf, PipeDiff:
		return true, x.records(ctx, p)
	case PipeBlast:
		return true, x.blast(ctx)
	case PipeCompare:
		return true, x.compare(ctx, p)
	}
	return false, nil
}

// give has rows that are known follow.
func (x *execution) give(rows [][]any) {
	x.stages = nil
	x.source = source{rows: func(_ context.Context, yield func([]any) error) error {
		for _, r := range rows {
			if err := yield(r); err != nil {
				return err
			}
		}
		return nil
	}}
}

// met notes how many changes the filter found, if this is the first that counts
// them.
func (x *execution) met(a Answer) {
	for _, s := range a.Steps {
		x.notes.add(s)
	}
	if !x.began {
		x.began = true
		x.out.Summary.Matched, x.out.Summary.Late = a.Total, -1
	}
}

// interruptedBy says whether an error is that the answer was not waited for, and
// notes it.
func (x *execution) interruptedBy(ctx context.Context, err error) bool {
	if !interrupted(ctx, err) {
		return false
	}
	x.out.Summary.Partial = Interrupted
	return true
}

// countedStats counts by one facet, or not at all, without reading.
func (x *execution) countedStats(ctx context.Context, p PipeStats) (bool, error) {
	if len(p.Figures) != 1 || p.Figures[0].Func != "count" || len(p.By) > 1 {
		return false, nil
	}
	if len(p.By) == 0 {
		a, err := x.engine.Count(ctx, x.source.expr)
		if err != nil && !x.interruptedBy(ctx, err) {
			return true, err
		}
		x.met(a)
		x.give([][]any{{a.Total}})
		return true, nil
	}
	facet := facetNamed(p.By[0].Name)
	if facet == 0 {
		return false, nil
	}
	rows, err := x.facetRows(ctx, facet)
	x.give(rows)
	return true, err
}

func (x *execution) countedTop(ctx context.Context, p PipeTop) (bool, error) {
	facet := facetNamed(p.Field.Name)
	if facet == 0 {
		return false, nil
	}
	rows, err := x.facetRows(ctx, facet)
	x.give(topRows(rows, p.N))
	return true, err
}

// facetRows are the values of a facet and how many changes have each.
func (x *execution) facetRows(ctx context.Context, facet audit.Facet) ([][]any, error) {
	f, err := x.engine.Facets(ctx, x.source.expr, []audit.Facet{facet}, 0)
	if x.interruptedBy(ctx, err) && f == nil {
		return nil, nil
	}
	if f == nil {
		return nil, err
	}
	x.met(f.Answer)
	rows := make([][]any, 0, len(f.Facets[0].Top))
	for _, v := range f.Facets[0].Top {
		rows = append(rows, []any{v.Value, v.N})
	}
	largestFirst(rows, 1)
	return rows, nil
}

func (x *execution) facets(ctx context.Context, p PipeFacets) error {
	by, n := p.By, p.N
	if by == nil {
		by = []audit.Facet{audit.FacetUser, audit.FacetOp, audit.FacetTable, audit.FacetAttribute}
	}
	if n == 0 {
		n = 10
	}
	top := n
	if p.Rare {
		top = 0
	}
	f, err := x.engine.Facets(ctx, x.source.expr, by, top)
	if x.interruptedBy(ctx, err) && f == nil {
		x.give(nil)
		return nil
	}
	if f == nil {
		return err
	}
	x.met(f.Answer)
	var rows [][]any
	for i := range f.Facets {
		c := &f.Facets[i]
		if p.Rare {
			leastFirst(c, n)
		}
		for _, v := range c.Top {
			rows = append(rows, []any{c.Facet.String(), v.Value, v.N, c.Distinct})
		}
	}
	x.out.Facets = f
	x.give(rows)
	return nil
}

// leastFirst leaves the n least frequent values of a facet, the least first.
func leastFirst(c *FacetCounts, n int) {
	slices.SortStableFunc(c.Top, func(a, b ValueCount) int { return a.N - b.N })
	for _, v := range c.Top[min(n, len(c.Top)):] {
		c.Others += v.N
	}
	c.Top = c.Top[:min(n, len(c.Top))]
}

// chosen is changes that were found, as an expression.
type chosen struct {
	Node
	seqs   []audit.Seq // sorted
	tables map[audit.Table]bool
}

func (n chosen) String() string { return n.Node.String() }

func (n chosen) match(s *subject) bool {
	_, found := slices.BinarySearch(n.seqs, s.c.Seq)
	return found
}

func (n chosen) might(g *audit.Gap) (yes, no bool) { return n.tables[g.Table], true }

// gather has the changes that are being read go through the stages, and makes an
// expression of those that come out.
func (x *execution) gather(ctx context.Context) (Expr, error) {
	g := &collecting{x: x, of: chosen{Node: x.source.expr.Root(), tables: map[audit.Table]bool{}}}
	if _, err := x.drain(ctx, g, Query{}); err != nil {
		return Expr{}, err
	}
	slices.Sort(g.of.seqs)
	g.of.seqs = slices.Compact(g.of.seqs)
	return Of(And{g.of, When{AtLeast, g.from}, When{AtMost, g.to}}), nil
}

type collecting struct {
	x        *execution
	of       chosen
	from, to audit.Time
}

func (g *collecting) put(f flow) error {
	c := f.change
	if len(g.of.seqs) == 0 {
		g.from, g.to = c.Time, c.Time
	}
	g.from, g.to = min(g.from, c.Time), max(g.to, c.Time)
	g.of.seqs = append(g.of.seqs, c.Seq)
	g.of.tables[c.Key.Table] = true
	return g.x.keep(16)
}

func (g *collecting) end() error { return nil }

// OfSeqs is an expression of changes by their numbers, of those that another
// matches. Only an [Engine] takes it; it has no form in the language.
func OfSeqs(of Expr, seqs []audit.Seq, tables map[audit.Table]bool) Expr {
	sorted := slices.Clone(seqs)
	slices.Sort(sorted)
	return Of(chosen{Node: of.Root(), seqs: slices.Compact(sorted), tables: tables})
}
