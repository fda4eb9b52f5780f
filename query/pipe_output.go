package query

import (
	"context"
	"slices"

	"recourse/audit"
)

// deliver hands the answer over.
func (x *execution) deliver(ctx context.Context) error {
	out := &output{x: x}
	if x.columns != nil && x.out.Table == nil {
		x.out.Table = &Table{Columns: x.columns}
	}
	q, page := Query{}, x.onlyFields()
	if page {
		q = Query{Limit: x.options.Limit, After: x.options.After, Skip: x.options.Skip, Asked: x.options.Asked}
	}
	sum, err := x.drain(ctx, out, q)
	if err != nil {
		return err
	}
	s := &x.out.Summary
	if page && s.Partial == "" { // a page of a search knows how many there are
		sum.Notes = s.Notes
		s.Summary = sum
		return nil
	}
	s.Count, s.Total = out.given, out.n
	s.TotalExact = s.Partial == ""
	return nil
}

// onlyFields says that each change of an expression makes one row.
func (x *execution) onlyFields() bool {
	if x.source.rows != nil || x.source.changes != nil {
		return false
	}
	for _, s := range x.stages {
		if _, ok := s.pipe.(PipeFields); !ok {
			return false
		}
	}
	return true
}

// output is the end of the pipes.
type output struct {
	x        *execution
	n, given int
	changes  []audit.Change
	rows     [][]any
}

const outputBatch = 256

func (o *output) put(f flow) error {
	o.n++
	if limit := o.x.options.Limit; limit > 0 && o.given >= limit {
		return nil
	}
	o.given++
	if f.change != nil {
		o.changes = append(o.changes, *f.change)
	} else {
		o.rows = append(o.rows, f.row)
	}
	if len(o.changes)+len(o.rows) >= outputBatch {
		return o.flush()
	}
	return nil
}

func (o *output) end() error { return o.flush() }

func (o *output) flush() error {
	opts := &o.x.options
	if len(o.changes) > 0 {
		if opts.Changes == nil {
			o.x.out.Changes = append(o.x.out.Changes, o.changes...)
		} else if err := opts.Changes(o.changes); err != nil {
			return err
		}
	}
	if len(o.rows) > 0 {
		if opts.Rows == nil {
			o.x.out.Table.Rows = append(o.x.out.Table.Rows, o.rows...)
		} else if err := opts.Rows(o.rows); err != nil {
			return err
		}
	}
	o.changes, o.rows = nil, nil
	return nil
}

// finish says how far the answer can be relied on: as far as what the filter was
// about, and what the verbs looked at beside it.
func (x *execution) finish(ctx context.Context, filter Expr) error {
	c, err := x.engine.coverage(context.WithoutCancel(ctx), filter)
	if err != nil {
		return err
	}
	for _, more := range x.covers {
		c = c.with(more)
	}
	x.out.Summary.Coverage = c
	if x.out.Histogram != nil {
		x.out.Histogram.Coverage = c
	}
	if x.out.Facets != nil {
		x.out.Facets.Coverage = c
	}
	x.out.Summary.Notes = append(x.out.Summary.Notes, x.engine.unknownAttributes(ctx, filter)...)
	return nil
}

// with is the coverage of an answer that rests on two.
func (c Coverage) with(d Coverage) Coverage {
	out := Coverage{Complete: c.Complete && d.Complete, From: min(c.From, d.From), To: max(c.To, d.To)}
	for _, s := range slices.Concat(c.Stretches, d.Stretches) {
		if !slices.ContainsFunc(out.Stretches, func(t TableStretch) bool {
			return t.Table == s.Table && t.From == s.From && t.To == s.To && t.Cover == s.Cover
		}) {
			out.Stretches = append(out.Stretches, s)
		}
	}
	for _, g := range slices.Concat(c.Gaps, d.Gaps) {
		if !slices.ContainsFunc(out.Gaps, func(h audit.Gap) bool {
			return h.Table == g.Table && h.Node == g.Node && h.Kind == g.Kind && h.From == g.From && h.To == g.To
		}) {
			out.Gaps = append(out.Gaps, g)
		}
	}
	return out
}

// unknownAttributes are notes on attributes that the filter names and that no
// stored change has.
func (e *Engine) unknownAttributes(ctx context.Context, filter Expr) []string {
	named := attributesNamed(filter.Root(), nil)
	if len(named) == 0 {
		return nil
	}
	known, err := e.Attributes(context.WithoutCancel(ctx))
	if err != nil {
		return nil // the answer stands without the notes
	}
	var out []string
	for _, name := range named {
		if _, found := slices.BinarySearch(known, name); found {
			continue
		}
		note := "no stored change wrote an attribute named " + quote(name)
		if like := suggest(name, known); like != "" {
			note += "; did you mean " + quote(like) + "?"
		}
		out = append(out, note)
	}
	return out
}

// Attributes are the names of all attributes that stored changes have edited,
// sorted.
func (e *Engine) Attributes(ctx context.Context) ([]string, error) {
	v, err := e.Store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	return v.Values(ctx, audit.FacetAttribute)
}

// attributesNamed adds the attributes that an expression names in full.
func attributesNamed(n Node, names []string) []string {
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	switch n := n.(type) {
	case And:
		for _, part := range n {
			names = attributesNamed(part, names)
		}
	case Or:
		for _, part := range n {
			names = attributesNamed(part, names)
		}
	case Not:
		names = attributesNamed(n.Node, names)
	case Attribute:
		add(n.Path[0])
	case Delta:
		add(n.Path[0])
	case Field:
		if text, one := n.Pattern.Literal(); one && (n.Name == FieldAttr || n.Name == FieldSet || n.Name == FieldUnset) {
			add(text)
		}
	}
	return names
}
