package rules

import (
	"cmp"
	"slices"

	"recourse/audit"
)

// LiveRows is how many records a table had after the change of that number, and
// whether that is known. It must always say the same of the same table and
// number.
type LiveRows func(table audit.Table, at audit.Seq) (rows int64, known bool)

// A tableRows is how many records a table has, as far as the changes tell from
// when it was known.
type tableRows struct {
	table audit.Table
	known bool
	rows  int64       // of before the watermark
	later []rowChange // by time: of the watermark and after
	dirty bool        // altered since the last State
}

type rowChange struct {
	time audit.Time
	by   int64
}

// countRows takes a change into the count of its table's records, if a rule
// wants to know that.
func (e *Engine) countRows(c *audit.Change) {
	if len(e.fractions) == 0 || !slices.ContainsFunc(e.fractions, func(r *ruleState) bool { return r.match.table(c.Key.Table) }) {
		return
	}
	t := e.tables[c.Key.Table]
	if t == nil {
		const most = 10_000 // tables are few, unless somebody makes them up
		if len(e.tables) >= most {
			return
		}
		t = &tableRows{table: c.Key.Table}
		e.tables[c.Key.Table] = t
		e.ask(t, c.Seq-1)
	}
	by, sure := rowsBy(c)
	switch {
	case !sure:
		t.known, t.later, t.dirty = false, nil, true
	case by == 0 || !t.known:
	case c.Time < e.watermark:
		t.rows, t.dirty = t.rows+by, true
	default:
		i, _ := slices.BinarySearchFunc(t.later, c.Time, func(r rowChange, at audit.Time) int { return cmp.Compare(r.time, at) })
		t.later, t.dirty = slices.Insert(t.later, i, rowChange{c.Time, by}), true
	}
}

// rowsBy is how many records a change adds to its table, if that is known.
func rowsBy(c *audit.Change) (by int64, sure bool) {
	if c.Op.Kind() == audit.KindMessage {
		return 0, true
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
		return 0, false
	case was == audit.Absent && is == audit.Present:
		return 1, true
	case was == audit.Present && is == audit.Absent:
		return -1, true
	}
	return 0, true
}

// ask has the caller say how many records a table had after change seq, which is
// the last that is in later, or none.
func (e *Engine) ask(t *tableRows, seq audit.Seq) {
	if e.opts.LiveRows == nil {
		return
	}
	rows, known := e.opts.LiveRows(t.table, seq)
	if !known {
		return
	}
	t.known, t.rows, t.later, t.dirty = true, rows, nil, true
}

// rowsAt is how many records a table had before t, which the watermark has just
// passed.
func (e *Engine) rowsAt(table audit.Table, at audit.Time) (int64, bool) {
	t := e.tables[table]
	if t == nil {
		return 0, false
	}
	if !t.known {
		e.ask(t, e.seq)
	}
	rows := t.rows
	for _, d := range t.later {
		if d.time >= at {
			break
		}
		rows += d.by
	}
	return rows, t.known
}

// settleRows puts what is before the watermark together.
func (e *Engine) settleRows() {
	if len(e.fractions) == 0 {
		return
	}
	for _, t := range e.tables {
		n := 0
		for n < len(t.later) && t.later[n].time < e.watermark {
			t.rows += t.later[n].by
			n++
		}
		if n > 0 {
			t.later, t.dirty = t.later[n:], true
		}
	}
}
