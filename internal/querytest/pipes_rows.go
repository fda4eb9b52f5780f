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

// passes is what tests of rows mean, for those that Corpus makes: >2 and :eve.
func (e *evaluation) passes(p query.PipeRows, row []any) bool {
	for _, t := range p.Tests {
		x := row[slices.Index(e.columns, t.Column)]
		list, many := x.([]string)
		ok := slices.Contains(list, "eve")
		switch {
		case t.Test.Op == query.More:
			ok = anyOf(toValue(x), func(v audit.Value) bool {
				r, _ := rank(v)
				return r == 0 && exactly(v).Cmp(big.NewFloat(2)) > 0
			})
		case !many:
			ok = anyOf(toValue(x), func(v audit.Value) bool {
				return v.Equal(audit.Text("eve")) || v.Kind() == audit.KindBytes && v.JSON() == `"eve"`
			})
		}
		if ok == t.Not {
			return false
		}
	}
	return true
}

// groups parts changes by the values of fields; a change is in several groups if a
// field has several values.
func (e *evaluation) groups(by []query.PipeField) (keys [][]any, members map[string][]audit.Change) {
	members = map[string][]audit.Change{}
	for _, c := range e.changes {
		combinations := [][]any{{}}
		for _, f := range by {
			values := []any{valueAt(&c, f.Name)}
			if list, many := values[0].([]string); many {
				values = nil
				for _, v := range list {
					values = append(values, v)
				}
			}
			var next [][]any
			for _, head := range combinations {
				for _, v := range values {
					next = append(next, append(slices.Clone(head), v))
				}
			}
			combinations = next
		}
		for _, key := range combinations {
			name := groupName(key)
			if members[name] == nil {
				keys = append(keys, key)
			}
			members[name] = append(members[name], c)
		}
	}
	return keys, members
}

func groupName(key []any) string { return fmt.Sprintf("%q", Texts([][]any{key})) }

func (e *evaluation) stats(p query.PipeStats) {
	keys, members := e.groups(p.By)
	if len(p.By) == 0 {
		keys = [][]any{{}}
	}
	var rows [][]any
	for _, key := range keys {
		row := slices.Clone(key)
		for _, f := range p.Figures {
			row = append(row, figure(f, members[groupName(key)]))
		}
		rows = append(rows, row)
	}
	e.set(p, rows, len(p.By))
}

// set makes rows of a pipe, the largest first.
func (e *evaluation) set(p interface{ String() string }, rows [][]any, column int) {
	slices.SortFunc(rows, func(a, b []any) int {
		if c := order(a[column], b[column], true); c != 0 {
			return c
		}
		for i := range column {
			if c := order(a[i], b[i], false); c != 0 {
				return c
			}
		}
		return 0
	})
	e.rows = rows
	switch p := p.(type) {
	case query.PipeStats:
		e.columns = columnNames(p.By)
		for _, f := range p.Figures {
			name := f.As
			if name == "" {
				name = f.Func
				if f.Func != "count" {
					name += "(" + f.Field.Name + ")"
				}
			}
			e.columns = append(e.columns, name)
		}
	case query.PipeTop:
		e.columns = []string{p.Field.Name, "count", "others"}
	}
}

func figure(f query.Figure, changes []audit.Change) any {
	var values []any
	var numbers []any
	sum, whole := new(big.Float).SetPrec(3000), true
	distinct := map[string]bool{}
	for _, c := range changes {
		if f.Func == "count" {
			continue
		}
		x := valueAt(&c, f.Field.Name)
		r, v := rank(x)
		if r >= 5 {
			continue
		}
		distinct[text(x)] = true
		values = append(values, x)
		if r == 0 && !exactly(v).IsInf() {
			numbers = append(numbers, x)
			sum.Add(sum, exactly(v))
			whole = whole && v.Big() != nil
		}
	}
	byOrder := func(all []any) { slices.SortStableFunc(all, func(a, b any) int { return order(a, b, false) }) }
	byOrder(values)
	byOrder(numbers)
	switch {
	case f.Func == "count":
		return len(changes)
	case f.Func == "distinct":
		return len(distinct)
	case f.Func == "min" && len(values) > 0:
		return values[0]
	case f.Func == "max" && len(values) > 0:
		return values[len(values)-1]
	case len(numbers) == 0 || f.Func == "min" || f.Func == "max":
		return nil
	case f.Func == "avg":
		avg, _ := new(big.Float).SetPrec(3000).Quo(sum, big.NewFloat(float64(len(numbers)))).Float64()
		return avg
	case f.Func == "sum" && whole:
		n, _ := sum.Int(nil)
		return audit.BigInt(n)
	case f.Func == "sum":
		total, _ := sum.Float64()
		return total
	}
	share := map[string]int{"p50": 50, "p95": 95, "p99": 99}[f.Func]
	return numbers[max((share*len(numbers)+99)/100-1, 0)]
}

func (e *evaluation) top(p query.PipeTop) {
	keys, members := e.groups([]query.PipeField{p.Field})
	var rows [][]any
	for _, key := range keys {
		rows = append(rows, []any{key[0], len(members[groupName(key)])})
	}
	e.set(p, rows, 1)
	others := 0
	for _, r := range e.rows[min(p.N, len(e.rows)):] {
		others += r[1].(int)
	}
	e.rows = e.rows[:min(p.N, len(e.rows))]
	for i := range e.rows {
		e.rows[i] = append(e.rows[i], others)
	}
}

func (e *evaluation) facets(p query.PipeFacets) {
	by := p.By
	if by == nil {
		by = []audit.Facet{audit.FacetUser, audit.FacetOp, audit.FacetTable, audit.FacetAttribute}
	}
	e.rows, e.columns = nil, []string{"facet", "value", "count", "distinct"}
	for _, f := range by {
		counts := map[string]int{}
		for i := range e.changes {
			for _, v := range ValuesOf(&e.changes[i], f) {
				counts[v]++
			}
		}
		var rows [][]any
		for v, n := range counts {
			rows = append(rows, []any{f.String(), v, n, len(counts)})
		}
		slices.SortFunc(rows, func(a, b []any) int {
			c := cmp.Compare(b[2].(int), a[2].(int))
			if p.Rare {
				c = -c
			}
			return cmp.Or(c, strings.Compare(a[1].(string), b[1].(string)))
		})
		e.rows = append(e.rows, rows[:min(cmp.Or(p.N, 10), len(rows))]...)
	}
}
