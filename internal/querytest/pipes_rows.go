package querytest

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"

	"recourse/audit"
	"recourse/query"
)

// rank orders values of different types; what is none comes last, whichever way.
func rank(x any) (int, audit.Value) {
	v := toValue(x)
	f, _ := v.Float64()
	ms, _ := v.DateMillis()
	switch k := v.Kind(); {
	case v == nil:
		return 6, v
	case k == audit.KindNull:
		return 5, v
	case number(v) && !math.IsNaN(f):
		return 0, v
	case k == audit.KindDate && !math.IsNaN(ms):
		return 1, v
	case k == audit.KindText:
		return 2, v
	case k == audit.KindBool:
		return 3, v
	}
	return 4, v
}

func toValue(x any) audit.Value {
	switch x := x.(type) {
	case nil:
		return nil
	case audit.Value:
		return x
	case audit.ID:
		return x.Value()
	case audit.Seq:
		return audit.Int(int64(x))
	case audit.Time:
		return audit.Float(float64(x))
	case []string:
		var all []audit.Value
		for _, s := range x {
			all = append(all, audit.Text(s))
		}
		return audit.Array(all...)
	}
	v, err := audit.Of(x)
	if err != nil {
		panic(err)
	}
	return v
}

func order(a, b any, desc bool) int {
	r, v := rank(a)
	s, w := rank(b)
	c := cmp.Compare(r, s)
	if r >= 5 || s >= 5 {
		return c
	}
	if c == 0 {
		switch r {
		case 0:
			c = exactly(v).Cmp(exactly(w))
		case 1:
			x, _ := v.DateMillis()
			y, _ := w.DateMillis()
			c = cmp.Compare(x, y)
		case 2:
			c = strings.Compare(v.Text(), w.Text())
		default:
			c = strings.Compare(v.JSON(), w.JSON()) // false before true as well
		}
	}
	if desc {
		return -c
	}
	return c
}

// exactly is a number as a float of any precision; infinities are further than all
// others.
func exactly(v audit.Value) *big.Float {
	if n := v.Big(); n != nil {
		return new(big.Float).SetPrec(3000).SetInt(n)
	}
	f, _ := v.Float64()
	return new(big.Float).SetPrec(3000).SetFloat64(f)
}

func (e *evaluation) sort(p query.PipeSort) {
	less := func(value func(query.PipeField) (a, b any)) int {
		for _, k := range p.Keys {
			a, b := value(k.Field)
			if c := order(a, b, k.Desc); c != 0 {
				return c
			}
		}
		return 0
	}
	if e.columns == nil {
		slices.SortStableFunc(e.changes, func(a, b audit.Change) int {
			return less(func(f query.PipeField) (any, any) { return valueAt(&a, f.Name), valueAt(&b, f.Name) })
		})
		return
	}
	slices.SortStableFunc(e.rows, func(a, b []any) int {
		return less(func(f query.PipeField) (any, any) { i := slices.Index(e.columns, f.Name); return a[i], b[i] })
	})
}

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

// anyOf says whether a value passes, or one in it if it is an array.
func anyOf(v audit.Value, pass func(audit.Value) bool) bool {
	if v != nil && pass(v) {
		return true
	}
	for e := range v.Elems() {
		if anyOf(e, pass) {
			return true
		}
	}
	return false
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
