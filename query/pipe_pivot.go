package query

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// pivot goes from the changes to others, and on from these.
func (x *execution) pivot(ctx context.Context, p PipePivot) error {
	hub := cmp.Or(p.Hub, defaultHub)
	expr := x.source.expr
	for range max(p.Depth, 1) {
		next, err := x.step(ctx, expr, p.To, hub)
		if err != nil {
			return err
		}
		if x.out.Summary.Partial != "" {
			break
		}
		expr = next
	}
	x.source, x.stages = source{expr: expr}, nil
	return nil
}

// step is the changes of the actors, records or transactions of those of an
// expression.
func (x *execution) step(ctx context.Context, expr Expr, to string, hub int) (Expr, error) {
	switch to {
	case "actors":
		return x.toActors(ctx, expr, hub)
	case "txns":
		return x.toTransactions(ctx, expr)
	case "touching":
		records, err := x.toRecords(ctx, expr, hub)
		if err != nil || x.out.Summary.Partial != "" {
			return records, err
		}
		return x.toActors(ctx, records, hub)
	}
	return x.toRecords(ctx, expr, hub)
}

func (x *execution) toActors(ctx context.Context, expr Expr, hub int) (Expr, error) {
	f, err := x.engine.Facets(ctx, expr, []audit.Facet{audit.FacetUser}, 0)
	if x.interruptedBy(ctx, err) {
		return expr, nil
	}
	if err != nil {
		return expr, err
	}
	x.met(f.Answer)
	var users []string
	for _, v := range f.Facets[0].Top {
		one := Of(Field{FieldUser, Exactly(v.Value)})
		a, err := x.engine.Count(ctx, one)
		if x.interruptedBy(ctx, err) {
			return expr, nil
		}
		if err != nil {
			return expr, err
		}
		if a.Total > hub {
			x.note("user %s has %d changes: a hub, of which only those found are taken (hub %d)", quote(v.Value), a.Total, hub)
			continue
		}
		users = append(users, v.Value)
	}
	return Of(or(Field{FieldUser, Pattern{kind: among, set: newTextSet(users)}}, expr.Root())), nil
}

func (x *execution) toRecords(ctx context.Context, expr Expr, hub int) (Expr, error) {
	found := map[audit.Key]bool{}
	matched, err := x.each(ctx, expr, func(c *audit.Change) error {
		if found[c.Key] || c.Op.Kind() == audit.KindMessage {
			return nil
		}
		found[c.Key] = true
		return x.keep(100 + int64(len(c.Key.ID)))
	})
	if err != nil || x.out.Summary.Partial != "" {
		return expr, err
	}
	x.meet(matched)
	n := ofRecords{keys: found, hub: hub}
	if err := x.cutHubs(ctx, &n); err != nil {
		return expr, err
	}
	return Of(or(n, expr.Root())), nil
}

// cutHubs leaves out records with very many changes.
func (x *execution) cutHubs(ctx context.Context, n *ofRecords) error {
	v, err := x.engine.Store.View(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	for k := range n.keys {
		seqs, err := v.Record(ctx, k)
		if err != nil {
			return err
		}
		if len(seqs) > n.hub { // there may be those of others among them
			a, err := x.engine.Count(ctx, Of(Record{k}))
			if err != nil {
				return err
			}
			if a.Total > n.hub {
				x.note("record %s has %d changes: a hub, of which only those found are taken (hub %d)", k, a.Total, n.hub)
				delete(n.keys, k)
				continue
			}
		}
		if err := x.keep(8 * int64(len(seqs))); err != nil {
			return err
		}
		n.seqs = append(n.seqs, seqs...)
	}
	slices.Sort(n.seqs)
	n.seqs = slices.Compact(n.seqs)
	return nil
}

// toTransactions are the changes that have the time of one of them.
func (x *execution) toTransactions(ctx context.Context, expr Expr) (Expr, error) {
	seen := map[audit.Time]bool{}
	var times Or
	matched, err := x.each(ctx, expr, func(c *audit.Change) error {
		if seen[c.Time] {
			return nil
		}
		seen[c.Time] = true
		times = append(times, When{Is, c.Time})
		return x.keep(120)
	})
	x.meet(matched)
	return Of(or(append(times, expr.Root())...)), err
}

// each goes through the changes of an expression.
func (x *execution) each(ctx context.Context, expr Expr, do func(*audit.Change) error) (n int, err error) {
	_, err = x.engine.Stream(ctx, Query{Expr: expr}, func(changes []audit.Change) error {
		for i := range changes {
			n++
			if err := do(&changes[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if x.interruptedBy(ctx, err) {
		err = nil
	}
	return n, err
}

// ofRecords matches the changes of some records.
type ofRecords struct {
	keys map[audit.Key]bool
	hub  int
	seqs []audit.Seq // of their changes, sorted; there may be those of others
}

func (n ofRecords) String() string { return strconv.Itoa(len(n.keys)) + " records" }

func (n ofRecords) match(s *subject) bool { return n.keys[s.c.Key] }

func (n ofRecords) might(g *audit.Gap) (yes, no bool) {
	for k := range n.keys {
		if g.Table == (audit.Table{}) || k.Table == g.Table {
			return true, true
		}
	}
	return false, true
}

func (n ofRecords) part() part { return seqsPerhaps{n.seqs} }

// seqsPerhaps is changes that may match.
type seqsPerhaps struct{ seqs []audit.Seq }

func (seqsPerhaps) price() int { return priceFree }

func (p seqsPerhaps) judge(_ context.Context, _ *run, s *section, _ *roaring.Bitmap) (verdict, error) {
	return verdict{s.empty, s.among(p.seqs)}, nil
}
