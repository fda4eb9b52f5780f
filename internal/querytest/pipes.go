package querytest

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"recourse/audit"
	"recourse/query"
)

// An Outcome is what pipes make of changes: rows, whose values are texts, or the
// changes.
type Outcome struct {
	Rows    [][]string
	Changes []audit.Change
}

// Plain is the outcome of a pipeline, worked out from a list of all changes.
func Plain(all []audit.Change, p *query.Pipeline) Outcome {
	e := &evaluation{all: all, changes: Scan(all, p.Filter)}
	for _, pipe := range p.Pipes {
		e.pipe(pipe)
	}
	if e.columns == nil {
		return Outcome{Changes: e.changes}
	}
	return Outcome{Rows: Texts(e.rows)}
}

// Texts are the values of rows as texts.
func Texts(rows [][]any) [][]string {
	out := make([][]string, len(rows))
	for i, r := range rows {
		for _, x := range r {
			out[i] = append(out[i], text(x))
		}
	}
	return out
}

// text is a value as a text: numbers by what they are worth, whatever their type,
// and all else with its type.
func text(x any) string {
	v := toValue(x)
	switch v.Kind() {
	case audit.KindInt, audit.KindFloat:
		if f, _ := v.Float64(); v.Big() == nil && f-f != 0 {
			return v.JSON()
		}
		r, _ := exactly(v).Rat(nil)
		return r.RatString()
	case audit.KindArray:
		var all []string
		for e := range v.Elems() {
			all = append(all, text(e))
		}
		return fmt.Sprintf("%q", all)
	case audit.KindObject:
		var all []string
		for name, e := range v.Fields() {
			all = append(all, name, text(e))
		}
		return fmt.Sprintf("object %q", all)
	}
	if v == nil {
		return "nothing"
	}
	return v.Kind().String() + " " + v.JSON()
}

// An evaluation is pipes being worked out, one after the other, on all that there
// is.
type evaluation struct {
	all     []audit.Change
	changes []audit.Change
	columns []string // nil: changes
	rows    [][]any
}

func (e *evaluation) pipe(pipe query.Pipe) {
	switch p := pipe.(type) {
	case query.PipeWhere:
		e.changes = slices.DeleteFunc(slices.Clone(e.changes), func(c audit.Change) bool { return !holds(&c) })
	case query.PipeLimit:
		e.changes, e.rows = e.changes[:min(p.N, len(e.changes))], e.rows[:min(p.N, len(e.rows))]
	case query.PipeSort:
		e.sort(p)
	case query.PipeEnds:
		e.ends(p)
	case query.PipeHistory:
		e.history()
	case query.PipePivot:
		e.pivot(p)
	case query.PipeContext:
		e.context(p)
	case query.PipeRows:
		e.rows = slices.DeleteFunc(slices.Clone(e.rows), func(row []any) bool { return !e.passes(p, row) })
	default:
		e.toRows(pipe)
	}
}

func (e *evaluation) toRows(pipe query.Pipe) {
	switch p := pipe.(type) {
	case query.PipeFields:
		e.rows, e.columns = nil, columnNames(p.Fields)
		for i := range e.changes {
			e.rows = append(e.rows, valuesAt(&e.changes[i], p.Fields))
		}
	case query.PipeStats:
		e.stats(p)
	case query.PipeTop:
		e.top(p)
	case query.PipeFacets:
		e.facets(p)
	case query.PipeSeq:
		e.sequences(p)
	default:
		panic("no such pipe here: " + pipe.String())
	}
}

func columnNames(fields []query.PipeField) []string {
	var names []string
	for _, f := range fields {
		names = append(names, f.Name)
	}
	return names
}

func valuesAt(c *audit.Change, fields []query.PipeField) []any {
	var row []any
	for _, f := range fields {
		row = append(row, valueAt(c, f.Name))
	}
	return row
}

// valueAt is a field of a change, for those that Corpus names.
func valueAt(c *audit.Change, name string) any {
	side, path, dotted := strings.Cut(name, ".")
	if dotted {
		body := c.After.Body
		if side == "before" {
			body = c.Before.Body
		}
		if side == "delta" {
			a, b := c.Before.Body.Get(path), c.After.Body.Get(path)
			if !number(a) || !number(b) || c.Op.Kind() == audit.KindMessage {
				return nil
			}
			return difference(a, b)
		}
		for step := range strings.SplitSeq(path, ".") {
			body = body.Get(step)
		}
		if body == nil {
			return nil
		}
		return body
	}
	switch name {
	case "seq":
		return c.Seq
	case "time":
		return c.Time
	case "kind":
		return string(c.Op.Kind())
	case "id":
		return c.Key.ID
	case "db":
		return c.Key.Table.Database
	case "late":
		return c.Late
	case "day":
		return c.Time.Go().Format("2006-01-02")
	case "hour":
		return c.Time.Go().Hour()
	case "attr":
		return ValuesOf(c, audit.FacetAttribute)
	case "mark":
		return ValuesOf(c, audit.FacetMark)
	}
	return map[string]any{"user": c.User, "op": string(c.Op), "table": c.Key.Table.String(), "node": c.Node}[name]
}

func number(v audit.Value) bool { return v.Kind() == audit.KindInt || v.Kind() == audit.KindFloat }

// difference is b-a: of whole numbers of 64 bits exactly, else of their floats.
func difference(a, b audit.Value) any {
	if x, y := a.Big(), b.Big(); x != nil && y != nil && x.IsInt64() && y.IsInt64() {
		if d := new(big.Int).Sub(y, x); d.IsInt64() {
			return audit.BigInt(d)
		}
	}
	x, _ := a.Float64()
	y, _ := b.Float64()
	if d := y - x; d-d == 0 {
		return d
	}
	return nil
}

func (e *evaluation) ends(p query.PipeEnds) {
	newestFirst(e.changes)
	best := map[string]audit.Change{}
	for _, c := range e.changes {
		key := fmt.Sprintf("%q", Texts([][]any{valuesAt(&c, p.By)})[0])
		if _, seen := best[key]; !seen || !p.Last {
			best[key] = c
		}
	}
	e.changes = nil
	for _, c := range best {
		e.changes = append(e.changes, c)
	}
	newestFirst(e.changes)
}

func newestFirst(changes []audit.Change) {
	slices.SortFunc(changes, func(a, b audit.Change) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(b.Seq, a.Seq))
	})
}
