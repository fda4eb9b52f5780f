package rules

import (
	"math"

	"recourse/audit"
)

// A Fraction makes a window fire on a share of the records that its table had
// when the window began.
type Fraction struct {
	Gte   float64 // of the table's live records, above 0 and up to 1
	Floor int     // and never on fewer changes than this
}

// mostFraction is how many changes the window of a fraction holds, and so the
// most that are ever asked of one.
const mostFraction = 200_000

// unknownRows is the weight of an entry when nobody knew how many records the
// table had. Otherwise it is one more than that number; 0 until it is decided.
const unknownRows = -1

// fraction decides entry i: whether the changes of the window that ends with it
// are such a share of the table.
func (e *Engine) fraction(r *ruleState, g *group, i int) {
	n := &g.entries[i]
	if g.weights[i] == 0 {
		g.altered(i)
		g.weights[i] = unknownRows
		db, name, _ := r.held.pool.keyAt(n.key)
		table := audit.Table{Database: string(db), Name: string(name)}
		if rows, known := e.rowsAt(table, n.time); known {
			g.weights[i] = 1 + float64(max(rows, 0))
		}
	}
	of := r.Window.Fraction
	low := after(g.entries, n.time-r.w.size)
	count := i - low + 1
	if count < of.Floor {
		return
	}
	want := of.Floor
	if begin := g.weights[low]; begin != unknownRows {
		want = max(want, int(math.Ceil(of.Gte*(begin-1))))
	} else if r.OnUnknown == Skip {
		r.stats.UnknownRows++
		return
	} else if r.OnUnknown == Flag {
		g.altered(i)
		n.unknown = true
	}
	if want = min(want, mostFraction); count < want { // and no more of them differ
		return
	}
	if r.w.distinct != "" {
		seen := counter{}
		for k := low; k <= i; k++ {
			seen.add(g.entries[k].counted, 1)
		}
		count = len(seen)
	}
	if count >= want {
		g.alert(low, i, nil, n, &r.w)
	}
}
