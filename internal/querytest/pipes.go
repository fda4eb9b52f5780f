package querytest

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"recourse/audit"
	"recourse/query"
)

// Pipes makes pipes as text that may follow a query of the corpus.
func (g *Corpus) Pipes() string {
	var b strings.Builder
	for range g.R.IntN(3) {
		b.WriteString(" | " + g.changePipe())
	}
	if g.R.IntN(4) == 0 {
		return b.String()
	}
	pipe, columns := g.rowPipe()
	b.WriteString(" | " + pipe)
	for range g.R.IntN(3) {
		column := pick(g.R, columns...)
		b.WriteString(" | " + pick(g.R, "sort "+column, "sort -"+column, fmt.Sprintf("limit %d", 1+g.R.IntN(9)), "where "+column+">2", "where -"+column+":eve",
			"sort "+column+" | limit 3"))
	}
	return b.String()
}

var fieldsOf = []string{"user", "op", "kind", "table", "node", "id", "db", "after.status", "before.total", "delta.total", "late", "hour", "after.meta.c"}

func (g *Corpus) field() string { return pick(g.R, fieldsOf...) }

func (g *Corpus) changePipe() string {
	switch g.R.IntN(8) {
	case 0:
		return fmt.Sprintf("limit %d", 1+g.R.IntN(60))
	case 1:
		return "first by(" + g.field() + ")"
	case 2:
		a, b := g.field(), g.field()
		if a == b {
			return "last by(" + a + ")"
		}
		return "last by(" + a + "," + b + ")"
	case 3:
		return pick(g.R, "sort ", "sort -") + g.field()
	case 4:
		return "pivot " + pick(g.R, "actors hub 40", "records", "txns", "records hub 3", "touching hub 30")
	case 5:
		return fmt.Sprintf("limit 20 | context %d %d%s", g.R.IntN(3), g.R.IntN(4), pick(g.R, "", " same actor", " same record", " same txn", " same table"))
	case 6:
		return "history"
	}
	return "where " + Where
}

// Where is the one condition that Language knows.
const Where = "svc or || within (a | b)"

// Language reads the queries of a corpus.
func Language(now time.Time) query.Language {
	return query.Language{Now: now, Condition: func(string) (query.Expr, error) {
		return query.Of(query.Where{Text: "svc", Holds: func(c *audit.Change) (bool, error) { return holds(c), nil }}), nil
	}}
}

func holds(c *audit.Change) bool { return strings.HasPrefix(c.User, "svc") || c.Seq%3 == 0 }

func (g *Corpus) rowPipe() (pipe string, columns []string) {
	switch g.R.IntN(7) {
	case 0:
		return "fields seq,user,after.status,time", []string{"seq", "user", "after.status"}
	case 1:
		return fmt.Sprintf("top %d %s", 1+g.R.IntN(5), pick(g.R, "user", "attr", "table", "after.status", "mark", "op")), []string{"count", "others"}
	case 2:
		return "stats by(" + pick(g.R, "day", "table") + ") max(time) count", []string{"count"}
	case 3:
		return pick(g.R, "facets", "facets rare 3", "facets 2 by(user,attr,mark)", "facets by(op)"), []string{"count", "value", "distinct"}
	case 4:
		f := pick(g.R, "user", "user,op", "attr", "after.status", "attr,user", "hour,mark")
		return "stats by(" + f + ") count", []string{"count", strings.Split(f, ",")[0]}
	case 5:
		return "seq (" + g.step() + ") then (" + g.step() + ")" + pick(g.R, "", " then (op:update)", " not (op:delete)", " not (user:eve)") + " within " +
			pick(g.R, "1h", "1d", "30d") + pick(g.R, "", " by(user)", " by(id)", " by(user,table)"), []string{"from", "to"}
	}
	return "stats" + pick(g.R, "", " by(user)", " by(op,table)") + " count distinct(id) sum(after.total) min(after.total) max(before.status) avg(delta.total) p50(after.total) p95(seq) as tail",
		[]string{"count", "tail", "distinct(id)", "max(before.status)"}
}

func (g *Corpus) step() string {
	return pick(g.R, "op:update", "op:upsert", "kind:write", "user:svc-*", "attr:status", "paid", "op:delete or op:patch", "*")
}

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
