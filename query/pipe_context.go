package query

import (
	"context"
	"slices"
	"time"

	"recourse/audit"
)

// maxContexts is of how many changes neighbours are looked for.
const maxContexts = 1000

// errContexts says that there are too many changes to look around all of them.
var errContexts error = &hinted{"context looks around 1000 changes at most", "put a | limit before it"}

// context gives the changes with their neighbours, newest first, each once.
func (x *execution) context(p PipeContext) error {
	of := x.source
	x.source, x.stages = source{changes: func(ctx context.Context, yield func(*audit.Change) error) error {
		around := map[audit.Seq]audit.Change{}
		n, err := x.each(ctx, of.expr, func(c *audit.Change) error {
			if _, seen := around[c.Seq]; !seen {
				if len(around) == maxContexts {
					return errContexts
				}
				around[c.Seq] = *c
			}
			return x.keep(changeSize(c))
		})
		if err != nil {
			return err
		}
		x.meet(n)
		for _, c := range positions(around) {
			if err := x.neighbours(ctx, p, &c, around); err != nil && !x.interruptedBy(ctx, err) {
				return err
			}
		}
		for _, c := range positions(around) {
			if err := yield(&c); err != nil {
				return err
			}
		}
		return nil
	}}, nil
	return nil
}

// positions are changes in the order of answers.
func positions(set map[audit.Seq]audit.Change) []audit.Change {
	all := make([]audit.Change, 0, len(set))
	for _, c := range set {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b audit.Change) int { return PositionOf(&a).Compare(PositionOf(&b)) })
	return all
}

// neighbours adds those of one change.
func (x *execution) neighbours(ctx context.Context, p PipeContext, c *audit.Change, to map[audit.Seq]audit.Change) error {
	var same Node = All{}
	switch p.Same {
	case "actor":
		same = Field{FieldUser, Exactly(c.User)}
	case "record":
		same = Record{c.Key}
	case "txn":
		same = When{Is, c.Time}
	case "table":
		same = Field{FieldTable, Exactly(c.Key.Table.String())}
	}
	add := func(q Query) error {
		r, err := x.engine.Search(ctx, q)
		if err != nil {
			return err
		}
		for _, n := range r.Changes {
			if _, known := to[n.Seq]; !known {
				to[n.Seq] = n
				if err := x.keep(changeSize(&n)); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if p.Before > 0 {
		older := Query{Expr: Of(same), Limit: p.Before}
		older.After = older.cursor(PositionOf(c))
		if err := add(older); err != nil {
			return err
		}
	}
	if p.After == 0 {
		return nil
	}
	expr, newer, err := x.newer(ctx, same, c, p.After)
	if err != nil || newer == 0 {
		return err
	}
	return add(Query{Expr: expr, Skip: max(0, newer-p.After), Limit: min(newer, p.After)})
}

// newer is an expression of changes newer than one and as near as can be, and how
// many there are of them: enough, or all. Other changes that it finds are older.
func (x *execution) newer(ctx context.Context, same Node, c *audit.Change, enough int) (Expr, int, error) {
	older := And{same, When{Is, c.Time}, Numbered{AtMost, c.Seq}}
	a, err := x.engine.Count(ctx, Of(older))
	if err != nil {
		return Expr{}, 0, err
	}
	for wide := audit.Time(time.Minute / time.Millisecond); ; wide *= 16 {
		all := And{same, When{AtLeast, c.Time}}
		last := wide > audit.Time(100*365*day/time.Millisecond)
		if !last {
			all = append(all, When{AtMost, c.Time + wide})
		}
		b, err := x.engine.Count(ctx, Of(all))
		if err != nil {
			return Expr{}, 0, err
		}
		if newer := b.Total - a.Total; newer >= enough || last {
			return Of(all), newer, nil
		}
	}
}
