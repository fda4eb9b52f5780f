package query

import (
	"strconv"
	"strings"
	"time"

	"recourse/audit"
)

// A Pipeline is a query whose changes go through pipes, from left to right.
type Pipeline struct {
	Filter Expr
	Pipes  []Pipe
	// Relative says that times were reckoned from Language.Now, or may be in a saved
	// query.
	Relative bool
}

// String is the pipeline in the language, which [Language.Parse] reads back to the
// same.
func (p *Pipeline) String() string {
	var b strings.Builder
	b.WriteString(p.Filter.String())
	for _, pipe := range p.Pipes {
		b.WriteString(" | ")
		b.WriteString(pipe.String())
	}
	return b.String()
}

// Columns are the names of what the rows hold that the pipeline gives; nil: it
// gives changes.
func (p *Pipeline) Columns() []string {
	var columns []string
	for _, pipe := range p.Pipes {
		columns = pipe.columns(columns)
	}
	return columns
}

// A Pipe is a step after the filter: one of the Pipe… types.
type Pipe interface {
	// String is the pipe in the language, without the | before it.
	String() string
	// columns are what the rows hold that it gives, by those that it is given;
	// nil for changes.
	columns(in []string) []string
}

// PipeWhere keeps the changes of which a rule's condition holds.
type PipeWhere struct{ Where Where }

func (p PipeWhere) String() string { return "where " + p.Where.Text }

func (PipeWhere) columns(in []string) []string { return in }

// PipeRows keeps the rows of which all tests hold.
type PipeRows struct{ Tests []RowTest }

// A RowTest is a test of what stands in a column.
type RowTest struct {
	Column string
	Not    bool
	Test   Test
}

func (p PipeRows) String() string {
	parts := make([]string, len(p.Tests))
	for i, t := range p.Tests {
		parts[i] = columnString(t.Column) + t.Test.String()
		if t.Not {
			parts[i] = "-" + parts[i]
		}
	}
	return "where " + strings.Join(parts, " ")
}

func (PipeRows) columns(in []string) []string { return in }

// PipeFields makes rows of some fields of changes, or leaves only some columns of
// rows.
type PipeFields struct{ Fields []PipeField }

func (p PipeFields) String() string { return "fields " + fieldList(p.Fields) }

func (p PipeFields) columns([]string) []string { return fieldNamesOf(p.Fields) }

// PipeSort orders by fields; what has no value comes last.
type PipeSort struct{ Keys []SortKey }

// A SortKey is a field to order by.
type SortKey struct {
	Field PipeField
	Desc  bool
}

func (p PipeSort) String() string {
	parts := make([]string, len(p.Keys))
	for i, k := range p.Keys {
		if parts[i] = k.Field.String(); k.Desc {
			parts[i] = "-" + parts[i]
		}
	}
	return "sort " + strings.Join(parts, ",")
}

func (PipeSort) columns(in []string) []string { return in }

// PipeLimit takes the first N.
type PipeLimit struct{ N int }

func (p PipeLimit) String() string { return "limit " + strconv.Itoa(p.N) }

func (PipeLimit) columns(in []string) []string { return in }

// PipeStats groups by fields and works out figures of each group, the largest
// group first.
type PipeStats struct {
	By      []PipeField
	Figures []Figure
}

// A Figure is worked out of a group: count, or another function of a field.
type Figure struct {
	Func  string // of figureFuncs
	Field PipeField
	As    string // its column's name; empty: as it is written
}

// figureFuncs are the functions of stats, and whether they take a field.
var figureFuncs = map[string]bool{
	"count": false, "distinct": true, "sum": true, "min": true, "max": true, "avg": true, "p50": true, "p95": true, "p99": true,
}

func (f Figure) call() string {
	if f.Func == "count" {
		return "count"
	}
	return f.Func + "(" + f.Field.String() + ")"
}

func (f Figure) name() string {
	if f.As != "" {
		return f.As
	}
	return f.call()
}

func (f Figure) String() string {
	if f.As != "" {
		return f.call() + " as " + f.As
	}
	return f.call()
}

func (p PipeStats) String() string {
	var b strings.Builder
	b.WriteString("stats")
	if len(p.By) > 0 {
		b.WriteString(" by(" + fieldList(p.By) + ")")
	}
	for _, f := range p.Figures {
		b.WriteString(" " + f.String())
	}
	return b.String()
}

func (p PipeStats) columns([]string) []string {
	names := fieldNamesOf(p.By)
	for _, f := range p.Figures {
		names = append(names, f.name())
	}
	return names
}

// PipeHist counts by time, zero-filled; with Versus beside what the same hours of
// that many days before had.
type PipeHist struct {
	Step   time.Duration // 0: one is chosen
	By     audit.Facet   // 0: it is not parted
	Top    int           // series at most; 0 is 10
	Versus int           // days; 0: none
}

func (p PipeHist) String() string {
	s := "hist auto"
	if p.Step > 0 {
		s = "hist " + durationString(audit.Time(p.Step/time.Millisecond))
	}
	if p.By != 0 {
		s += " by " + p.By.String()
	}
	if p.Top > 0 {
		s += " top " + strconv.Itoa(p.Top)
	}
	if p.Versus > 0 {
		s += " vs " + strconv.Itoa(p.Versus) + "d"
	}
	return s
}

func (p PipeHist) columns([]string) []string {
	switch {
	case p.Versus > 0 && p.By != 0:
		return []string{"time", "count", p.By.String(), "others", "expected", "low", "high", "days", "outside"}
	case p.Versus > 0:
		return []string{"time", "count", "expected", "low", "high", "days", "outside"}
	case p.By != 0:
		return []string{"time", "count", p.By.String(), "others"}
	}
	return []string{"time", "count"}
}

// PipeFacets counts the values of facets: the most frequent, or with Rare the
// least.
type PipeFacets struct {
	N    int           // of each at most; 0 is 10
	Rare bool          // the least frequent first
	By   []audit.Facet // nil: user, op, table and attr
}

func (p PipeFacets) String() string {
	s := "facets"
	if p.Rare {
		s += " rare"
	}
	if p.N > 0 {
		s += " " + strconv.Itoa(p.N)
	}
	if p.By != nil {
		names := make([]string, len(p.By))
		for i, f := range p.By {
			names[i] = f.String()
		}
		s += " by(" + strings.Join(names, ",") + ")"
	}
	return s
}

func (PipeFacets) columns([]string) []string {
	return []string{"facet", "value", "count", "distinct"}
}

// PipeTop counts the values of one field, and names the N most frequent, and how
// many others there are.
type PipeTop struct {
	N     int
	Field PipeField
}

func (p PipeTop) String() string { return "top " + strconv.Itoa(p.N) + " " + p.Field.String() }

func (p PipeTop) columns([]string) []string { return []string{p.Field.Name, "count", "others"} }

// PipeEnds keeps of the changes with the same values of some fields the earliest,
// or the latest.
type PipeEnds struct {
	Last bool
	By   []PipeField
}

func (p PipeEnds) String() string {
	if p.Last {
		return "last by(" + fieldList(p.By) + ")"
	}
	return "first by(" + fieldList(p.By) + ")"
}

func (PipeEnds) columns([]string) []string { return nil }
