package report

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"recourse/audit"
	"recourse/query"
)

// pipeSummaryDoc is the summary of a query with pipes: that of a search, and what
// went into the pipes.
type pipeSummaryDoc struct {
	summaryDoc
	Matched int  `json:"matched"`
	Late    *int `json:"late"` // null: the changes were counted, and not looked at
}

func (p *Printer) pipeSummary(s query.PipeSummary) pipeSummaryDoc {
	doc := pipeSummaryDoc{summaryDoc: p.summaryDoc(s.Summary), Matched: s.Matched}
	if s.Late >= 0 {
		doc.Late = &s.Late
	}
	return doc
}

// expectations are the columns of rows that have no value where nobody knows it. In
// others there may be none to be known: an attribute that the record does not have.
var expectations = []string{"expected", "low", "high", "outside"}

// Piped prints the answer to a query with pipes: changes, or rows.
func (p *Printer) Piped(out *query.Output) error {
	if out.Table == nil {
		return p.pipedChanges(out)
	}
	list := Listing{Name: "rows", Columns: out.Table.Columns, Rows: out.Table.Rows, Unknown: expectations}
	words := pipedWords(out.Summary, "row")
	return p.print(output{
		document: func() any {
			rows := make([]object, len(list.Rows))
			for i, r := range list.Rows {
				rows[i] = object{list.Columns, r}
			}
			return struct {
				Rows    []object       `json:"rows"`
				Summary pipeSummaryDoc `json:"summary"`
			}{rows, p.pipeSummary(out.Summary)}
		},
		lines: func() []any { return append(list.lines(), summaryLine{p.pipeSummary(out.Summary)}) },
		page: func(g *page) {
			if len(list.Rows) > 0 {
				list.page(g)
				g.gap()
			}
			g.summary(words, out.Summary.Summary)
		},
		sheet: func() sheet { return list.sheet(p.o.Format) },
		notes: func() []string { return append(words, coverageNotes(out.Summary.Coverage)...) },
	})
}

func (p *Printer) pipedChanges(out *query.Output) error {
	words := pipedWords(out.Summary, "change")
	return p.print(output{
		document: func() any {
			return struct {
				Changes []changeDoc    `json:"changes"`
				Summary pipeSummaryDoc `json:"summary"`
			}{p.changeDocs(out.Changes), p.pipeSummary(out.Summary)}
		},
		lines: func() []any { return append(p.changeLines(out.Changes), summaryLine{p.pipeSummary(out.Summary)}) },
		page: func(g *page) {
			if len(out.Changes) > 0 {
				g.changes(out.Changes)
				g.gap()
			}
			g.summary(words, out.Summary.Summary)
		},
		sheet: func() sheet { return p.changeSheet(out.Changes) },
		notes: func() []string { return append(words, coverageNotes(out.Summary.Coverage)...) },
	})
}

// pipedWords are the summary as sentences: how much there is first.
func pipedWords(s query.PipeSummary, what string) []string {
	first := searchCounts(s.Summary)
	switch {
	case s.Next != "": // a page, of as many rows as changes
		if what == "row" {
			first = strings.Replace(first, " changes", " rows", 1)
		}
	case s.Matched == 0:
		first = searchCounts(query.Summary{TotalExact: s.Partial == "", Coverage: s.Coverage})
	default:
		first = count(s.Count, what)
		if s.Total > s.Count {
			first = strconv.Itoa(s.Count) + " of " + count(s.Total, what)
		}
		if what != "change" || s.Total != s.Matched {
			first += " of " + count(s.Matched, "change")
		}
		if s.Total > s.Count {
			first += "; --limit 0 prints all"
		}
	}
	out := []string{first}
	if s.Late > 0 {
		out = append(out, count(s.Late, "change")+" of them found late, behind what had been read")
	}
	return append(out, furtherWords(s.Summary)...)
}

// RowLines prints rows as Piped does in NDJSON, but for the summary, so that an
// answer of any length can be printed part by part.
func (p *Printer) RowLines(columns []string, rows [][]any) error {
	lines := make([]any, len(rows))
	for i, r := range rows {
		lines[i] = object{columns, r}
	}
	return p.print(output{lines: func() []any { return lines }})
}

// PipedLine ends what ChangeLines and RowLines printed.
func (p *Printer) PipedLine(s query.PipeSummary) error {
	return p.print(output{document: func() any { return summaryLine{p.pipeSummary(s)} }})
}

// A Selected tells of a selection that was written.
type Selected struct {
	File    string         `json:"file"`
	Digest  string         `json:"digest"`
	Changes int            `json:"changes"`
	Records int            `json:"records"`
	Users   map[string]int `json:"users"`
	Tables  map[string]int `json:"tables"`
	First   audit.Time     `json:"first"`
	Last    audit.Time     `json:"last"`
	Next    string         `json:"next"` // the command to go on with
	Summary pipeSummaryDoc `json:"summary"`
}

// Selection prints what a query selected to be reverted.
func (p *Printer) Selection(s Selected, of query.PipeSummary) error {
	s.Summary = p.pipeSummary(of)
	row := []any{s.File, s.Changes, s.Records, strings.Join(slices.Sorted(maps.Keys(s.Users)), ", "), s.First, s.Last}
	list := Listing{Name: "selections", Columns: []string{"file", "changes", "records", "users", "first", "last"}, Rows: [][]any{row}}
	return p.print(output{
		document: func() any { return s },
		page: func(g *page) {
			list.page(g)
			g.gap()
			g.line(plain, "next: %s", Visible(s.Next))
			g.summary(pipedWords(of, "change")[1:], of.Summary)
		},
		sheet: func() sheet { return list.sheet(p.o.Format) },
		notes: func() []string { return append([]string{"next: " + s.Next}, coverageNotes(of.Coverage)...) },
	})
}
