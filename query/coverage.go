package query

import (
	"math"
	"slices"

	"recourse/audit"
)

// A Coverage says how far an answer can be relied on to be whole.
type Coverage struct {
	// Complete: of every table that could have changes of the answer, all of the
	// time that it is about was read.
	Complete bool
	// From and To are the time that the answer is about. From 0 is since ever. An
	// answer without an end is about all that was read, and about what was not
	// read since if that is more than a minute: then To is infinite.
	From, To audit.Time
	// Stretches part that time, table by table. None: no account was kept of what
	// was read, as in stores of before there were spans.
	Stretches []TableStretch
	// Gaps are what could not be read and may hide changes of the answer.
	Gaps []audit.Gap
}

// A TableStretch is a part of one table's time of which one thing is known.
type TableStretch struct {
	Table audit.Table
	audit.Stretch
}

// recent is how long, in milliseconds, what happened may have gone unread and
// an answer still counts as up to date: a transaction may be seen so long after
// it began, and a tail reads again so far back.
const recent = 60_000

// forever is the end of an answer that has none.
var forever = audit.Time(math.Inf(1))

// Of is how far an answer can be relied on that is about tables and a stretch of
// time, from inclusive, to exclusive. A from that is not above 0 is since ever;
// a to that has not come yet is the newest that could have been read.
func (r *Reading) Of(tables []audit.Table, from, to audit.Time) Coverage {
	c := r.stretches(tables, from, to)
	for _, g := range r.Gaps {
		if slices.Contains(tables, g.Table) && g.From < c.To && g.End() > c.From && !r.mended(g) {
			c.Gaps = append(c.Gaps, g)
		}
	}
	return c.judge()
}

// OfExpr is how far the answer to an expression can be relied on.
func (r *Reading) OfExpr(e Expr) Coverage {
	from, to := e.Times()
	if from == to { // one instant
		to = audit.Time(math.Nextafter(float64(to), math.Inf(1)))
	}
	c := r.stretches(r.TablesOf(e), from, to)
	for _, g := range r.Gaps {
		// A log's begin is sharp: what has a later time was logged after it.
		begun := g.Kind == audit.GapBefore && g.To <= c.From
		if e.MayHide(g) && !begun && !r.mended(g) {
			c.Gaps = append(c.Gaps, g)
		}
	}
	return c.judge()
}

// TablesOf are the tables in which there could be changes that match: of those
// that are known and those that the expression names.
func (r *Reading) TablesOf(e Expr) []audit.Table {
	from, to := e.Times()
	tables := slices.Concat(r.Tables, tablesNamed(e.Root()))
	slices.SortFunc(tables, compareTables)
	return slices.DeleteFunc(slices.Compact(tables), func(t audit.Table) bool {
		return !e.MayHide(audit.Gap{Table: t, From: from, To: to})
	})
}

// tablesNamed are the tables that an expression names in full, be they asked for or
// not.
func tablesNamed(n Node) []audit.Table {
	var out []audit.Table
	switch n := n.(type) {
	case And:
		for _, part := range n {
			out = append(out, tablesNamed(part)...)
		}
	case Or:
		for _, part := range n {
			out = append(out, tablesNamed(part)...)
		}
	case Not:
		out = tablesNamed(n.Node)
	case Record:
		out = append(out, n.Key.Table)
	case Field:
		if text, literal := n.Pattern.Literal(); literal && n.Name == FieldTable {
			if t, err := audit.ParseTable(text); err == nil {
				out = append(out, t)
			}
		}
	}
	return out
}

func (r *Reading) stretches(tables []audit.Table, from, to audit.Time) Coverage {
	c := Coverage{From: max(from, 0)}
	for _, t := range tables {
		end := r.end(t, c.From, to)
		for _, s := range audit.CoverageOf(t, r.Spans, r.Gaps, c.From, end) {
			if s.Cover == audit.CoverUnread {
				s.Reason = r.unread(t, s)
				if s.To == end && to > max(r.Now, r.newest[t]) {
					s.To = forever
				}
			}
			c.To = max(c.To, s.To)
			c.Stretches = append(c.Stretches, TableStretch{t, s})
		}
	}
	if len(r.Spans) == 0 || len(tables) == 0 {
		c.Stretches, c.To = nil, to
		if to > r.Now {
			c.To = forever
		}
	}
	return c
}

// end is where the time ends in which something of a table could have been read:
// at to or, where that has not come yet, at the newest that was read, or now if
// that is not recent.
func (r *Reading) end(t audit.Table, from, to audit.Time) audit.Time {
	read := r.newest[t]
	now := max(r.Now, read) // the server's clock may be ahead of ours
	end := min(to, now)
	if read < end && read >= now-recent {
		end = read
	}
	if end <= from {
		// Nothing of what is asked for has been read, and something may be there.
		end = max(min(to, now), audit.Time(math.Nextafter(float64(from), math.Inf(1))))
	}
	return end
}

// unread says why a stretch of a table was not read.
func (r *Reading) unread(t audit.Table, s audit.Stretch) string {
	first := forever
	for _, sp := range r.Spans {
		if sp.Table == t {
			first = min(first, sp.From)
		}
	}
	switch {
	case math.IsInf(float64(first), 1):
		return "no reading of this table's log is on record"
	case s.From < first:
		return "before the log was first read"
	case s.From >= r.newest[t]:
		return "not read yet"
	}
	return "not read"
}

// mended says that a gap hides nothing: it was read after all, or on another
// node.
func (r *Reading) mended(g audit.Gap) bool {
	if g.Healed != 0 {
		return true
	}
	elsewhere := func(s audit.Span) bool {
		return s.Table == g.Table && s.Node != g.Node && s.From < g.End() && s.To > g.From
	}
	return slices.ContainsFunc(r.Spans, elsewhere) && !slices.ContainsFunc(audit.CoverageOf(g.Table, r.Spans, r.Gaps, g.From, g.End()), func(s audit.Stretch) bool {
		return s.Cover != audit.Covered
	})
}

func (c Coverage) judge() Coverage {
	c.Complete = len(c.Stretches) > 0 && len(c.Gaps) == 0 &&
		!slices.ContainsFunc(c.Stretches, func(s TableStretch) bool { return s.Cover != audit.Covered })
	return c
}

// Open are the stretches of which not all is known.
func (c Coverage) Open() []TableStretch {
	return slices.DeleteFunc(slices.Clone(c.Stretches), func(s TableStretch) bool { return s.Cover == audit.Covered })
}
