package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"recourse/audit"
)

// A Listing is any other answer that is rows of a few columns: counts over
// time, counts by field, blame, the plans in the ledger.
type Listing struct {
	Name    string   // the rows' name in JSON, and in the words for an empty answer
	Columns []string // the names in JSON and CSV; a table shows them in capitals
	// Rows hold nil (not known), string, bool, integers, float64, audit.Seq,
	// audit.Time, audit.Value, audit.ID or []string. Whatever else has a String
	// method is shown by that.
	Rows     [][]any
	Coverage *Coverage // how whole the answer is; nil says nothing of it
	Document any       // what JSON and YAML hold instead; nil is the rows as objects
	// Unknown are the columns in which nil is not known; in the others it may be that
	// there is no value, and a table has a dash. Nil: all of them.
	Unknown []string
}

// List prints a listing.
func (p *Printer) List(l Listing) error {
	return p.print(output{
		document: l.document,
		lines:    l.lines,
		page:     l.page,
		sheet:    func() sheet { return l.sheet(p.o.Format) },
		notes: func() []string {
			if l.Coverage == nil {
				return nil
			}
			return coverageNotes(*l.Coverage)
		},
	})
}

// sheet is the rows for machines; in Markdown, which is for people, times are readable.
func (l Listing) sheet(f Format) sheet {
	s := sheet{names: l.Columns}
	for _, r := range l.Rows {
		row := make([]string, len(l.Columns))
		for i := range l.Columns {
			row[i] = cellOf(r, i, true).text
			if i < len(r) && f == Markdown {
				if at, is := r[i].(audit.Time); is {
					row[i] = iso(at, false)
				}
			}
		}
		s.rows = append(s.rows, row)
	}
	return s
}

func (l Listing) lines() []any {
	lines := make([]any, 0, len(l.Rows)+1)
	for _, r := range l.Rows {
		lines = append(lines, object{l.Columns, r})
	}
	if l.Coverage != nil {
		lines = append(lines, summaryLine{struct {
			Count    int         `json:"count"`
			Coverage coverageDoc `json:"coverage"`
		}{len(l.Rows), newCoverageDoc(*l.Coverage)}})
	}
	return lines
}

func (l Listing) document() any {
	if l.Document != nil {
		return l.Document
	}
	rows := make([]object, len(l.Rows))
	for i, r := range l.Rows {
		rows[i] = object{l.Columns, r}
	}
	if l.Coverage == nil {
		return object{[]string{l.Name}, []any{rows}}
	}
	return object{[]string{l.Name, "coverage"}, []any{rows, newCoverageDoc(*l.Coverage)}}
}

func (l Listing) page(g *page) {
	if len(l.Rows) == 0 {
		g.line(plain, "no %s", Visible(l.Name))
	} else {
		var cols []column
		var from []int // which of the listing's
		rows := make([][]cell, len(l.Rows))
		for i, name := range l.Columns {
			if l.ofNothing(i) {
				continue
			}
			from = append(from, i)
			cols = append(cols, column{name: strings.ToUpper(strings.ReplaceAll(Visible(name), "_", " ")), flex: true, right: len(l.Rows) > 0})
		}
		for n, r := range l.Rows {
			rows[n] = make([]cell, len(cols))
			for at, i := range from {
				rows[n][at] = cellOf(r, i, false)
				switch {
				case l.ofOthers(r, i):
					rows[n][at] = cell{text: "(others)"}
				case (i >= len(r) || r[i] == nil) && l.Unknown != nil && !slices.Contains(l.Unknown, l.Columns[i]):
					rows[n][at] = cell{"-", faint}
				}
				cols[at].right = cols[at].right && isNumber(rows[n][at].text)
			}
		}
		g.table(cols, rows)
	}
	if l.Coverage != nil {
		g.gap()
		g.coverage(*l.Coverage)
	}
}

// ofNothing says that the rows are not told apart by a column: what they could be
// told apart by, and none has a value for, is not unknown.
func (l Listing) ofNothing(i int) bool {
	if !slices.Contains([]string{"user", "node", "table"}, l.Columns[i]) {
		return false
	}
	return !slices.ContainsFunc(l.Rows, func(r []any) bool { return i < len(r) && r[i] != nil })
}

// ofOthers says that a row's i-th value is none since the row is of all others
// together, which the column behind it tells: nothing is unknown there.
func (l Listing) ofOthers(r []any, i int) bool {
	return i+1 < min(len(r), len(l.Columns)) && l.Columns[i+1] == "others" && r[i] == nil && r[i+1] == true
}

// An object is written as JSON with its names in the order given.
type object struct {
	names []string
	vals  []any
}

// MarshalJSON is the object; a value that was not given is null.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range o.names {
		if i > 0 {
			b.WriteByte(',')
		}
		var x any
		if i < len(o.vals) {
			x = o.vals[i]
		}
		switch v := x.(type) {
		case audit.Time:
			x = timeDoc(v)
		case float64:
			x = audit.Float(v)
		}
		n, err := marshal(name)
		if err != nil {
			return nil, err
		}
		val, err := marshal(x)
		if err != nil {
			return nil, err
		}
		b.Write(append(append(n, ':'), val...))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

var _ json.Marshaler = object{}

// cellOf is a row's i-th value as text: in a sheet as machines want it, else for
// a reader's eye.
func cellOf(row []any, i int, exact bool) cell {
	if i >= len(row) || row[i] == nil {
		if exact {
			return cell{}
		}
		return cell{"unknown", warn}
	}
	switch x := row[i].(type) {
	case string:
		return cell{text: Visible(x)}
	case audit.Value:
		if exact {
			return cell{text: optional(x)}
		}
		return cell{text: value(x)}
	case audit.ID:
		return cell{text: visibleJSON(string(x))}
	case audit.Time:
		if exact {
			return cell{text: x.String()}
		}
		return cell{text: iso(x, false)}
	case float64:
		if !exact && !math.IsInf(x, 0) {
			return cell{text: strconv.FormatFloat(x, 'f', 2, 64)}
		}
		return cell{text: value(audit.Float(x))}
	case []string:
		return cell{text: Visible(strings.Join(x, ", "))}
	}
	return cell{text: Visible(fmt.Sprint(row[i]))}
}
