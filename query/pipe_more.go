package query

import (
	"strconv"
	"strings"
	"time"

	"recourse/audit"
)

// PipeContext adds to each change those just before and after it, of the same
// user, record, transaction or table.
type PipeContext struct {
	Before, After int
	Same          string // of contexts; empty: whatever they are of
}

// contexts are what the neighbours of a change may have in common with it.
var contexts = []string{"actor", "record", "txn", "table"}

func (p PipeContext) String() string {
	s := "context " + strconv.Itoa(p.Before) + " " + strconv.Itoa(p.After)
	if p.Same != "" {
		s += " same " + p.Same
	}
	return s
}

func (PipeContext) columns([]string) []string { return nil }

// PipeSessions groups changes that follow one another.
type PipeSessions struct{ Options SessionOptions }

func (p PipeSessions) String() string {
	s := "sessions"
	if p.Options.Gap > 0 {
		s += " gap " + durationString(audit.Time(p.Options.Gap/time.Millisecond))
	}
	if p.Options.By != nil {
		names := make([]string, len(p.Options.By))
		for i, f := range p.Options.By {
			names[i] = f.String()
		}
		s += " by(" + strings.Join(names, ",") + ")"
	}
	return s
}

func (PipeSessions) columns([]string) []string {
	return []string{"user", "node", "table", "from", "to", "changes", "records", "ops", "tables", "first_seq", "last_seq", "unknown"}
}

// PipeSeq finds changes that follow one another: one that matches each step, in
// this order, all with the same values of some fields, none that matches Not
// between the first and the last, and these no further apart than Within.
type PipeSeq struct {
	Steps  []Expr // two at least
	Not    Expr   // only if But
	But    bool
	Within time.Duration
	By     []PipeField
}

func (p PipeSeq) String() string {
	var b strings.Builder
	b.WriteString("seq")
	for i, s := range p.Steps {
		if i > 0 {
			b.WriteString(" then")
		}
		b.WriteString(" (" + s.String() + ")")
	}
	if p.But {
		b.WriteString(" not (" + p.Not.String() + ")")
	}
	b.WriteString(" within " + durationString(audit.Time(p.Within/time.Millisecond)))
	if len(p.By) > 0 {
		b.WriteString(" by(" + fieldList(p.By) + ")")
	}
	return b.String()
}

func (p PipeSeq) columns([]string) []string {
	return append(fieldNamesOf(p.By), "from", "to", "seqs", "records")
}

// PipePivot goes from changes to all others of the same users, records or
// transactions, or to those of whoever else wrote the same records.
type PipePivot struct {
	To    string // of pivots
	Depth int    // how often; 0 is 1
	Hub   int    // what has more changes is not gone on from; 0 is 1000
}

// pivots are what a pivot may go to.
var pivots = []string{"actors", "records", "txns", "touching"}

const defaultHub = 1000

func (p PipePivot) String() string {
	s := "pivot " + p.To
	if p.Depth > 0 {
		s += " depth " + strconv.Itoa(p.Depth)
	}
	if p.Hub > 0 {
		s += " hub " + strconv.Itoa(p.Hub)
	}
	return s
}

func (PipePivot) columns([]string) []string { return nil }

// PipeHistory is all changes of the records, record by record, oldest first.
type PipeHistory struct{}

func (PipeHistory) String() string { return "history" }

func (PipeHistory) columns([]string) []string { return nil }

// PipeBlame tells of the attributes of the records which change their values come
// from.
type PipeBlame struct{ Options BlameOptions }

func (p PipeBlame) String() string {
	s := "blame"
	if p.Options.Attr != "" {
		s += " " + literal(p.Options.Attr)
	}
	if p.Options.Strict {
		s += " strict"
	}
	return s
}

func (PipeBlame) columns([]string) []string {
	return []string{"record", "path", "value", "removed", "origin", "trust", "seq", "time", "user", "op"}
}

// PipeAsOf tells what the records were at a time.
type PipeAsOf struct{ At audit.Time }

func (p PipeAsOf) String() string { return "asof " + timeString(p.At) }

func (PipeAsOf) columns([]string) []string {
	return []string{"record", "state", "trust", "body", "seq", "time", "user", "why"}
}

// PipeDiff tells what became of the records between two times.
type PipeDiff struct{ From, To audit.Time }

func (p PipeDiff) String() string { return "diff " + timeString(p.From) + " " + timeString(p.To) }

func (PipeDiff) columns([]string) []string {
	return []string{"record", "class", "path", "old", "new", "changes", "users"}
}

// PipeBlast tells how the records stand now.
type PipeBlast struct{}

func (PipeBlast) String() string { return "blast" }

func (PipeBlast) columns([]string) []string {
	return []string{"record", "class", "state", "changes", "first", "last", "paths", "later_users"}
}

// PipeCompare holds the facets of the changes against those of others, or with
// Versus against those of the same hours of the days before.
type PipeCompare struct {
	With   Expr
	Versus int // days; 0: With
}

func (p PipeCompare) String() string {
	if p.Versus > 0 {
		return "compare vs " + strconv.Itoa(p.Versus) + "d"
	}
	return "compare (" + p.With.String() + ")"
}

func (PipeCompare) columns([]string) []string {
	return []string{"facet", "value", "count", "other", "expected", "lift", "score"}
}

// PipePlan freezes the changes as a selection that can be reverted. It is the last
// pipe, and carried out by who runs the query.
type PipePlan struct{ File string }

func (p PipePlan) String() string { return "plan " + literal(p.File) }

func (PipePlan) columns([]string) []string { return nil }

// PipeSave saves the query by a name, as a list of the values of a field, or as a
// rule. It is the last pipe, and carried out by who runs the query.
type PipeSave struct {
	What  string // query, list or rule
	Name  string
	Field PipeField // of a list
	Text  string    // the query before this pipe, as it was written
}

func (p PipeSave) String() string {
	s := "save " + p.What + " " + literal(p.Name)
	if p.What == "list" {
		s += " " + p.Field.String()
	}
	return s
}

func (PipeSave) columns(in []string) []string { return in }
