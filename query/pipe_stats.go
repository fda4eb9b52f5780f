package query

import (
	"math"
	"slices"
)

// A grouping is stats at work: one group for each combination of values.
type grouping struct {
	sink
	x       *execution
	by      []PipeField
	places  []int
	figures []Figure
	at      []int // of the figures' fields
	groups  map[string]*statsGroup
	finish  func(rows [][]any) [][]any // nil: all rows, the largest group first
}

type statsGroup struct {
	values []any
	tally  []tally
}

// A tally is one figure of one group in the making.
type tally struct {
	n       int
	sum     exactSum
	best    any
	numbers []any
	seen    map[string]bool
}

func newStats(x *execution, p PipeStats, columns []string, to sink) sink {
	fields := make([]PipeField, len(p.Figures))
	for i, f := range p.Figures {
		fields[i] = f.Field
	}
	at := make([]int, len(fields))
	if columns != nil {
		at = placesOf(fields, columns)
	}
	g := &grouping{sink: to, x: x, by: p.By, places: placesOf(p.By, columns), figures: p.Figures, at: at, groups: map[string]*statsGroup{}}
	if len(p.By) == 0 {
		g.groups[tupleKey(nil)] = &statsGroup{tally: make([]tally, len(p.Figures))} // of nothing there are figures too
	}
	return g
}

func (g *grouping) put(f flow) error {
	values := make([]any, len(g.by))
	return g.each(f, values, 0)
}

// each goes through the combinations of the values of a flow: a field may have
// several, or none.
func (g *grouping) each(f flow, values []any, i int) error {
	if i == len(g.by) {
		return g.add(f, values)
	}
	x := f.of(g.by[i], g.places[i])
	list, many := x.([]string)
	if !many {
		values[i] = x
		return g.each(f, values, i+1)
	}
	for _, one := range list {
		values[i] = one
		if err := g.each(f, values, i+1); err != nil {
			return err
		}
	}
	return nil
}

func (g *grouping) add(f flow, values []any) error {
	keys := make([]string, len(values))
	for i, v := range values {
		keys[i] = cellKey(v)
	}
	key := tupleKey(keys)
	group := g.groups[key]
	if group == nil {
		group = &statsGroup{values: slices.Clone(values), tally: make([]tally, len(g.figures))}
		g.groups[key] = group
		size := int64(128+len(key)) + 160*int64(len(g.figures))
		for _, v := range values {
			size += cellSize(v)
		}
		if err := g.x.keep(size); err != nil {
			return err
		}
	}
	for i, fig := range g.figures {
		var x any
		if figureFuncs[fig.Func] {
			x = f.of(fig.Field, g.at[i])
		}
		if err := g.x.keep(group.tally[i].add(fig.Func, x)); err != nil {
			return err
		}
	}
	return nil
}

// add takes a value into account, and tells how many bytes that takes.
func (t *tally) add(fn string, x any) int64 {
	switch fn {
	case "count":
		t.n++
	case "distinct":
		return t.distinct(x)
	case "min", "max":
		if rankOf(asValue(x)) >= rankNone {
			return 0
		}
		if t.best == nil {
			t.best = x
			return cellSize(x)
		}
		if c, _ := compareCells(x, t.best); c < 0 == (fn == "min") && c != 0 {
			t.best = x
		}
	default:
		return t.number(fn, x)
	}
	return 0
}

func (t *tally) distinct(x any) int64 {
	list, many := x.([]string)
	if !many {
		if rankOf(asValue(x)) >= rankNone {
			return 0
		}
		return t.see(cellKey(x))
	}
	size := int64(0)
	for _, one := range list {
		size += t.see(cellKey(one))
	}
	return size
}

func (t *tally) see(key string) int64 {
	if t.seen == nil {
		t.seen = map[string]bool{}
	}
	if t.seen[key] {
		return 0
	}
	t.seen[key] = true
	return 48 + int64(len(key))
}

// number takes a number into account; what is none is left out.
func (t *tally) number(fn string, x any) int64 {
	v := asValue(x)
	f, _ := v.Float64()
	if !isNumber(v.Kind()) || !finite(f) {
		return 0
	}
	t.n++
	if fn == "sum" || fn == "avg" {
		t.sum.add(v)
		return 0
	}
	t.numbers = append(t.numbers, x)
	return 32 + cellSize(x)
}

// result is the figure.
func (t *tally) result(fn string) any {
	switch fn {
	case "count":
		return t.n
	case "distinct":
		return len(t.seen)
	case "min", "max":
		return t.best
	}
	if t.n == 0 {
		return nil
	}
	switch fn {
	case "sum":
		return t.sum.value()
	case "avg":
		return t.sum.over(t.n)
	}
	return t.percentile(map[string]float64{"p50": 50, "p95": 95, "p99": 99}[fn])
}

// percentile is the least value that so many of a hundred do not exceed: one of
// those that were given.
func (t *tally) percentile(p float64) any {
	slices.SortFunc(t.numbers, func(a, b any) int {
		c, _ := compareCells(a, b)
		return c
	})
	i := int(math.Ceil(p/100*float64(len(t.numbers)))) - 1
	return t.numbers[max(i, 0)]
}

func (g *grouping) end() error {
	rows := make([][]any, 0, len(g.groups))
	for _, group := range g.groups {
		row := group.values
		for i, fig := range g.figures {
			row = append(row, group.tally[i].result(fig.Func))
		}
		rows = append(rows, row)
	}
	largestFirst(rows, len(g.by))
	if g.finish != nil {
		rows = g.finish(rows)
	}
	for _, row := range rows {
		if err := g.sink.put(flow{row: row}); err != nil {
			return endAfter(g.sink, err)
		}
	}
	return g.sink.end()
}

// largestFirst orders rows by a column, and of those alike by the columns before.
func largestFirst(rows [][]any, column int) {
	slices.SortFunc(rows, func(a, b []any) int {
		if c, none := compareCells(a[column], b[column]); c != 0 {
			if none {
				return c
			}
			return -c
		}
		for i := range column {
			if c, _ := compareCells(a[i], b[i]); c != 0 {
				return c
			}
		}
		return 0
	})
}

// newTop counts the values of a field, and names the most frequent.
func newTop(x *execution, p PipeTop, columns []string, to sink) sink {
	g := newStats(x, PipeStats{By: []PipeField{p.Field}, Figures: []Figure{{Func: "count"}}}, columns, to).(*grouping)
	g.finish = func(rows [][]any) [][]any { return topRows(rows, p.N) }
	return g
}

// topRows leaves the first rows of a value and a count, and says of each how many
// the others have together.
func topRows(rows [][]any, most int) [][]any {
	others := 0
	for _, r := range rows[min(most, len(rows)):] {
		others += r[1].(int)
	}
	rows = rows[:min(most, len(rows))]
	for i := range rows {
		rows[i] = append(rows[i], others)
	}
	return rows
}
