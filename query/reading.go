package query

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"recourse/audit"
)

// A Log tells how far the audit logs were read.
type Log interface {
	// Gaps are the stretches of the logs that could not be read, healed ones too.
	Gaps(context.Context) ([]audit.Gap, error)
	// Spans are the stretches that were read.
	Spans(context.Context) ([]audit.Span, error)
	// Cursors say where the reading of each log stands.
	Cursors(context.Context) ([]audit.Cursor, error)
	// Tables counts the stored changes by table.
	Tables(context.Context) (map[audit.Table]int, error)
}

// Reading is how far all logs were read, at one moment.
type Reading struct {
	Now    audit.Time // by our clock
	Spans  []audit.Span
	Gaps   []audit.Gap   // healed ones too
	Tables []audit.Table // all that are known, sorted

	cursors []audit.Cursor
	newest  map[audit.Table]audit.Time // where reading stands, by the server's clock
}

// ReadLog finds out how far the logs were read.
func ReadLog(ctx context.Context, log Log, now time.Time) (*Reading, error) {
	r := &Reading{Now: audit.TimeOf(now)}
	var err error
	if r.Gaps, err = log.Gaps(ctx); err != nil {
		return nil, err
	}
	if r.Spans, err = log.Spans(ctx); err != nil {
		return nil, err
	}
	if r.cursors, err = log.Cursors(ctx); err != nil {
		return nil, err
	}
	counts, err := log.Tables(ctx)
	if err != nil {
		return nil, err
	}
	return r.sum(slices.Collect(maps.Keys(counts))), nil
}

// sum works out what follows from the rest; stored are tables of which there
// are changes.
func (r *Reading) sum(stored []audit.Table) *Reading {
	r.newest, r.Tables = map[audit.Table]audit.Time{}, stored
	for _, g := range r.Gaps {
		r.Tables = append(r.Tables, g.Table)
	}
	for _, c := range r.cursors {
		r.Tables = append(r.Tables, c.Table)
		r.newest[c.Table] = max(r.newest[c.Table], c.Time)
	}
	for _, s := range r.Spans {
		r.Tables = append(r.Tables, s.Table)
		r.newest[s.Table] = max(r.newest[s.Table], s.To)
	}
	slices.SortFunc(r.Tables, compareTables)
	r.Tables = slices.Compact(r.Tables)
	return r
}

// On is how far the logs of one node were read.
func (r *Reading) On(node string) *Reading {
	n := &Reading{Now: r.Now}
	for _, s := range r.Spans {
		if s.Node == node {
			n.Spans = append(n.Spans, s)
		}
	}
	for _, g := range r.Gaps {
		if g.Node == node {
			n.Gaps = append(n.Gaps, g)
		}
	}
	for _, c := range r.cursors {
		if c.Node == node {
			n.cursors = append(n.cursors, c)
		}
	}
	return n.sum(nil)
}

// Nodes are those whose logs were read, sorted.
func (r *Reading) Nodes() []string {
	var out []string
	for _, s := range r.Spans {
		out = append(out, s.Node)
	}
	for _, g := range r.Gaps {
		out = append(out, g.Node)
	}
	for _, c := range r.cursors {
		out = append(out, c.Node)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func compareTables(a, b audit.Table) int {
	return cmp.Or(strings.Compare(a.Database, b.Database), strings.Compare(a.Name, b.Name))
}

// ReadTo is the moment, by the server's clock, up to which a table's log was
// last read; 0: it never was.
func (r *Reading) ReadTo(t audit.Table) audit.Time { return r.newest[t] }
