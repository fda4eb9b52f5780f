package report

import (
	"fmt"
	"strconv"

	"recourse/audit"
	"recourse/query"
)

// Diff prints what became of a record between two times.
func (p *Printer) Diff(d *query.Diff) error {
	if p.o.NoImages {
		for i := range d.Records {
			d.Records[i].Old.Body, d.Records[i].New.Body = nil, nil
		}
	}
	return p.print(output{
		document: func() any { return d },
		lines:    func() []any { return linesOf(d.Records, d.Summary) },
		page: func(g *page) {
			for i := range d.Records {
				g.diffed(&d.Records[i])
			}
			g.gap()
			g.line(plain, "%s", betweenWords(d))
			g.foot(d.Summary.Footing)
		},
		sheet: func() sheet {
			s := diffedSheet()
			for i := range d.Records {
				s.rows = append(s.rows, diffedRows(&d.Records[i])...)
			}
			return s
		},
		notes: func() []string { return append([]string{betweenWords(d)}, footNotes(d.Summary.Footing)...) },
	})
}

func betweenWords(d *query.Diff) string {
	return "between " + instant(d.From) + " and " + instant(d.To)
}

func diffPaint(c query.DiffClass) paint {
	return map[query.DiffClass]paint{
		query.DiffAdded: good, query.DiffRemoved: bad, query.DiffChanged: warn, query.DiffUnknown: warn, query.DiffSame: faint,
	}[c]
}

// diffed writes one record with a line for each edit.
func (g *page) diffed(r *query.RecordDiff) {
	by := ""
	if r.Changes > 0 {
		by = fmt.Sprintf(", %s by %s", count(r.Changes, "change"), names(r.Users))
	}
	g.line(bold, "%s  %s%s", recordWords(r.RecordRef), r.Class, by)
	for _, e := range r.Edits {
		g.edit(audit.Edit(e), false)
	}
	if r.Class == query.DiffUnknown {
		for _, side := range []struct {
			name string
			r    *query.RecordAsOf
		}{{"before", &r.Old}, {"after", &r.New}} {
			if side.r.State == audit.Unknown {
				g.wrapped(warn, 4, side.name+": "+stateWords(side.r))
			} else {
				g.line(plain, "    %s: %s", side.name, value(side.r.Body))
			}
		}
	}
}

func diffedSheet() sheet {
	return sheet{names: []string{"cluster", "database", "table", "key", "class", "edit", "path", "old", "new", "changes", "users"}}
}

// diffedRows are a row an edit, and one for a record without any.
func diffedRows(r *query.RecordDiff) [][]string {
	row := func(edit, path, old, next string) []string {
		return []string{
			Visible(r.Cluster), Visible(r.Database), Visible(r.Table), visibleJSON(string(r.Key)), string(r.Class), edit, path, old, next,
			strconv.Itoa(r.Changes), names(r.Users),
		}
	}
	if len(r.Edits) == 0 {
		return [][]string{row("", "", "", "")}
	}
	var out [][]string
	for _, e := range r.Edits {
		out = append(out, row(editWord(audit.Edit(e)), Visible(e.Path), optional(e.Old), optional(e.New)))
	}
	return out
}

// A DiffStream prints the records of a table that differ, as they come.
type DiffStream struct {
	rows *rows
}

// TableDiff begins to print what became of a table's records.
func (p *Printer) TableDiff() *DiffStream {
	return &DiffStream{p.rows("records", diffedSheet().names, []column{{name: "KEY", flex: true}, {name: "CLASS"}, {name: "CHANGES", right: true}, {name: "USERS", flex: true}, {name: "DIFF", flex: true}})}
}

// Record prints the next record.
func (s *DiffStream) Record(r *query.RecordDiff) error {
	if s.rows.p.o.NoImages {
		r.Old.Body, r.New.Body = nil, nil
	}
	return s.rows.rowOf(r, func() [][]string { return diffedRows(r) }, func() []cell {
		text := ""
		for i, e := range tellingFirst(auditDiff(r.Edits)) {
			if i > 0 {
				text += ", "
			}
			if text += edit(e); len(text) > s.rows.p.o.Width {
				break // the rest would be cut
			}
		}
		if r.Class == query.DiffUnknown {
			text = "before " + r.Old.State.String() + ", after " + r.New.State.String()
		}
		return []cell{
			{text: visibleJSON(string(r.Key)) + clusterWords(r.Cluster)}, {string(r.Class), diffPaint(r.Class)}, {text: strconv.Itoa(r.Changes)},
			{text: names(r.Users)}, {text: text},
		}
	})
}

func auditDiff(edits []query.Edit) audit.Diff {
	out := make(audit.Diff, len(edits))
	for i, e := range edits {
		out[i] = audit.Edit(e)
	}
	return out
}

// End prints the counts, and what the answer rests on.
func (s *DiffStream) End(d *query.Diff, table audit.Table) error {
	n := d.Summary
	words := fmt.Sprintf("%s %s: %d added, %d removed, %d changed", Visible(table.String()), betweenWords(d), n.Added, n.Removed, n.Changed)
	if n.Same > 0 {
		words += fmt.Sprintf(", %d changed and back as they were", n.Same)
	}
	if n.Unknown > 0 {
		words += fmt.Sprintf(", %d unknown", n.Unknown)
	}
	if !n.Differs() && n.Unknown+n.Same == 0 {
		words = notFoundWords(n.Coverage.Coverage, "no record of "+Visible(table.String())+" that differs "+betweenWords(d))
	}
	return s.rows.end(d, n, append([]string{words}, footNotes(n.Footing)...))
}
