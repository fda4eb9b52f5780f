package rules

import (
	"cmp"
	"math"
	"slices"

	"recourse/audit"
)

// Rows is how many records a table had at a time, as somebody counted them.
type Rows struct {
	At   audit.Time
	Rows int64
}

// A tableRows is how many records a table has, as far as the changes tell from
// when they were counted last.
type tableRows struct {
	table   audit.Table
	known   bool
	rows    int64       // of before settled
	settled audit.Time  // all decisions on what was before have been made
	later   []rowChange // by time: from settled on
	dirty   bool        // altered since the last State
}

type rowChange struct {
	time audit.Time
	by   int64 // unsure: nobody knows
}

// unsure is what a change adds of which nobody knows whether it made a record.
const unsure = math.MinInt64

// countRows takes a change into the count of its table's records, which a rule
// wants to know.
func (e *Engine) countRows(c *audit.Change) {
	t := e.tables[c.Key.Table]
	if t == nil {
		if len(e.tables) >= mostRemembered {
			return
		}
		t = &tableRows{table: c.Key.Table}
		e.tables[c.Key.Table] = t
	}
	e.settleRows(t, e.watermark)
	by := rowsBy(c)
	if by == 0 {
		return
	}
	t.dirty = true
	if c.Time < t.settled {
		t.take(by)
		return
	}
	i, _ := slices.BinarySearchFunc(t.later, c.Time, func(r rowChange, at audit.Time) int { return cmp.Compare(r.time, at) })
	t.later = slices.Insert(t.later, i, rowChange{c.Time, by})
}

func (t *tableRows) take(by int64) {
	if by == unsure {
		t.known, t.rows = false, 0
		return
	}
	t.rows += by
}

// settleRows puts together what is before a time, of which all that there will be
// has come. What was counted takes the place of what was known.
func (e *Engine) settleRows(t *tableRows, before audit.Time) {
	if before <= t.settled {
		return
	}
	var counted []Rows
	if e.opts.Baselines != nil {
		counted = e.opts.Baselines(t.table)
	}
	n := 0
	for _, c := range counted {
		if c.At < t.settled || c.At >= before {
			continue
		}
		for n < len(t.later) && t.later[n].time <= c.At {
			n++
		}
		t.known, t.rows = true, c.Rows
	}
	for ; n < len(t.later) && t.later[n].time < before; n++ {
		t.take(t.later[n].by)
	}
	t.later, t.settled, t.dirty = t.later[n:], before, true
}

// rowsBy is how many records a change adds to its table, or unsure.
func rowsBy(c *audit.Change) int64 {
	if c.Op.Kind() == audit.KindMessage {
		return 0
	}
	was, is := c.Before.State, c.After.State
	switch {
	case was == audit.Unknown && c.Op == audit.OpInsert:
		was = audit.Absent
	case was == audit.Unknown && (c.Op == audit.OpDelete || c.Op == audit.OpUpdate):
		was = audit.Present
	}
	if is == audit.Unknown {
		is = audit.Present
		if c.Op.Kind() == audit.KindDelete {
			is = audit.Absent
		}
	}
	switch {
	case was == audit.Unknown:
		return unsure
	case was == audit.Absent && is == audit.Present:
		return 1
	case was == audit.Present && is == audit.Absent:
		return -1
	}
	return 0
}

// rowsAt is how many records a table had before t, which the watermark has
// passed.
func (e *Engine) rowsAt(table audit.Table, at audit.Time) (int64, bool) {
	t := e.tables[table]
	if t == nil {
		return 0, false
	}
	e.settleRows(t, at)
	return t.rows, t.known
}
