package query

import (
	"context"
	"fmt"
	"iter"
	"time"

	"recourse/audit"
)

// note keeps what else is to be known of the answer.
func (x *execution) note(format string, args ...any) {
	x.out.Summary.Notes = append(x.out.Summary.Notes, fmt.Sprintf(format, args...))
}

// footed notes what an answer of a verb says of itself, and whether it is an
// answer.
func (x *execution) footed(f Footing, err error) error {
	if f.Partial {
		x.out.Summary.Partial = Interrupted
		err = nil
	}
	x.covers = append(x.covers, f.Coverage.Coverage)
	return err
}

// meet counts the changes that the filter found, if nobody has.
func (x *execution) meet(n int) {
	if !x.began {
		x.began = true
		x.out.Summary.Matched, x.out.Summary.Late = n, -1
	}
}

func (x *execution) sessions(ctx context.Context, p PipeSessions) error {
	s, err := x.engine.Sessions(ctx, x.source.expr, p.Options)
	if s == nil {
		return err
	}
	if err := x.footed(s.Summary.Footing, err); err != nil {
		return err
	}
	x.meet(s.Summary.Changes)
	x.out.Sessions = s
	var rows [][]any
	for i := range s.Sessions {
		v := &s.Sessions[i]
		row := []any{userCell(v.User), textCell(v.Node), textCell(v.Table), timeCell(v.From), timeCell(v.To), v.Changes, v.Records,
			countedCell(v.Ops), countedCell(v.Tables), v.First, v.Last, v.Unknown}
		rows = append(rows, row)
	}
	x.give(rows)
	return nil
}

func userCell(user *string) any {
	if user == nil {
		return nil
	}
	return *user
}

func textCell(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func timeCell(t *audit.Time) any {
	if t == nil {
		return nil
	}
	return *t
}

func countedCell(counted []Counted) any {
	texts := make([]string, len(counted))
	for i, c := range counted {
		texts[i] = fmt.Sprintf("%s %d", c.Value, c.N)
	}
	return texts
}

func (x *execution) blast(ctx context.Context) error {
	var rows [][]any
	sum, err := x.engine.BlastEach(ctx, x.source.expr, func(r *BlastRecord) error {
		var paths, users []string
		for _, v := range r.Values {
			paths = append(paths, v.Path)
		}
		for _, w := range r.Writers {
			if w.User != nil {
				users = append(users, *w.User)
			} else {
				users = append(users, "")
			}
		}
		row := []any{r.Record().String(), string(r.Class), r.State.String(), r.Changes, refTime(r.First), refTime(r.Last), paths, users}
		rows = append(rows, row)
		return x.keep(flowSize(flow{row: row}))
	})
	if sum == nil {
		return err
	}
	if err := x.footed(sum.Footing, err); err != nil {
		return err
	}
	x.meet(sum.Changes + sum.Messages)
	x.give(rows)
	return nil
}

func refTime(r *Ref) any {
	if r == nil {
		return nil
	}
	return r.At()
}

func (x *execution) compare(ctx context.Context, p PipeCompare) error {
	var c *Comparison
	var err error
	if p.Versus > 0 {
		c, err = x.engine.CompareUsual(ctx, x.source.expr, time.Duration(p.Versus)*day, CompareOptions{})
	} else {
		var with Expr
		if with, err = x.engine.Names.Bind(ctx, p.With); err != nil {
			return err
		}
		c, err = x.engine.Compare(ctx, x.source.expr, with, CompareOptions{})
	}
	if c == nil {
		if x.interruptedBy(ctx, err) {
			x.give(nil)
			return nil
		}
		return err
	}
	if err := x.footed(c.Summary.Footing, err); err != nil {
		return err
	}
	if c.Summary.CoverageB != nil {
		x.covers = append(x.covers, c.Summary.CoverageB.Coverage)
	}
	if p.Versus > 0 {
		x.note("compared with %d of %d windows: of the others the log was not read whole", c.Summary.Windows, len(c.Windows))
	}
	x.meet(c.Summary.A)
	var rows [][]any
	for _, f := range c.Facets {
		for _, v := range f.Values {
			rows = append(rows, []any{f.Facet, v.Value, v.A, v.B, numberCell(v.Expected), numberCell(v.Lift), v.Score})
		}
	}
	x.give(rows)
	return nil
}

func numberCell(f *float64) any {
	if f == nil {
		return nil
	}
	return *f
}

// keysOf are the records of the changes, sorted.
func (x *execution) keysOf(ctx context.Context) ([]audit.Key, error) {
	set := map[audit.Key]bool{}
	_, err := x.drain(ctx, sinkOf(func(f flow) error {
		if set[f.change.Key] || f.change.Op.Kind() == audit.KindMessage {
			return nil
		}
		set[f.change.Key] = true
		return x.keep(100 + int64(len(f.change.Key.ID)))
	}), Query{})
	return sortedKeys(set), err
}

// sinkOf is a function as the end of the pipes.
type sinkOf func(flow) error

func (f sinkOf) put(x flow) error { return f(x) }

func (sinkOf) end() error { return nil }

// histories gives all changes of the records.
func (x *execution) histories(ctx context.Context) error {
	archive, ok := x.engine.Store.(interface {
		Histories(context.Context, []audit.Key) iter.Seq2[audit.Change, error]
	})
	if !ok {
		return errNoArchive
	}
	keys, err := x.keysOf(ctx)
	if err != nil {
		return err
	}
	x.stages = nil
	x.source = source{changes: func(ctx context.Context, yield func(*audit.Change) error) error {
		for c, err := range archive.Histories(ctx, keys) {
			if err != nil {
				return err
			}
			if err := yield(&c); err != nil {
				return err
			}
		}
		return nil
	}}
	return nil
}
