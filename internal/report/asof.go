package report

import (
	"fmt"

	"recourse/audit"
	"recourse/query"
)

// AsOf prints a record as it was at a time.
func (p *Printer) AsOf(a *query.AsOf) error {
	if p.o.NoImages {
		for i := range a.Records {
			a.Records[i].Body = nil
		}
	}
	return p.print(output{
		document: func() any { return a },
		lines:    func() []any { return linesOf(a.Records, a.Summary) },
		page: func(g *page) {
			for i := range a.Records {
				g.asOf(&a.Records[i], a.At)
			}
			g.gap()
			g.foot(a.Summary)
		},
		sheet: func() sheet {
			s := asOfSheet()
			for i := range a.Records {
				s.rows = append(s.rows, asOfRow(&a.Records[i]))
			}
			return s
		},
		notes: func() []string { return append([]string{"as of " + instant(a.At)}, footNotes(a.Summary)...) },
	})
}

// stateWords are a record's state at a time as a sentence.
func stateWords(r *query.RecordAsOf) string {
	s := r.State.String()
	switch r.State {
	case audit.Unknown:
		s = "unknown"
	case audit.Absent:
		s = "not there"
	}
	if r.State != audit.Unknown && r.Trust != audit.Exact {
		s += " (" + r.Trust.String() + ")"
	}
	if r.Why != "" {
		s += ": " + Visible(r.Why)
	}
	return s
}

func statePaint(s audit.State) paint {
	switch s {
	case audit.Unknown:
		return warn
	case audit.Absent:
		return bad
	}
	return plain
}

func (g *page) asOf(r *query.RecordAsOf, at *audit.Time) {
	g.line(bold, "%s as of %s", recordWords(r.RecordRef), instant(at))
	g.wrapped(statePaint(r.State), 2, stateWords(r))
	if r.State == audit.Present {
		width := 0
		for name := range r.Body.Fields() {
			width = max(width, min(columns(Visible(name)), 30))
		}
		for name, v := range r.Body.Fields() {
			g.line(plain, "    %s  %s", pad(cut(Visible(name), width), width, false), value(v))
		}
	}
	if r.Change != nil {
		g.wrapped(faint, 2, "last change: "+refWords(r.Change))
	}
	if r.Next != nil {
		g.wrapped(faint, 2, "next change: "+refWords(r.Next))
	}
}

func asOfSheet() sheet {
	return sheet{names: append([]string{"cluster", "database", "table", "key", "state", "trust", "source", "body", "why"}, refNames("")...)}
}

func asOfRow(r *query.RecordAsOf) []string {
	return append([]string{
		Visible(r.Cluster), Visible(r.Database), Visible(r.Table), visibleJSON(string(r.Key)), r.State.String(), r.Trust.String(), r.Source.String(),
		optional(r.Body), Visible(r.Why),
	}, refTexts(r.Change)...)
}

// tableAsOfWords are the counts as a sentence.
func tableAsOfWords(t *query.TableAsOf) string {
	n := t.Summary
	s := fmt.Sprintf("%s as of %s: %s there, %d not", Visible(t.Database)+"."+Visible(t.Table), instant(t.At), count(n.Present, "record"), n.Absent)
	if n.Unknown > 0 {
		s += fmt.Sprintf(", %d unknown", n.Unknown)
	}
	if n.Present+n.Unknown+n.Absent == 0 {
		s = notFoundWords(n.Coverage.Coverage, "no record of "+Visible(t.Database)+"."+Visible(t.Table))
	}
	return s
}

// A TableStream prints records of a table as they come: it holds one of them at a
// time.
type TableStream struct {
	rows *rows
}

// TableAsOf begins to print a table as it was at a time.
func (p *Printer) TableAsOf(database, table string) *TableStream {
	return &TableStream{p.rows("records", asOfSheet().names, []column{{name: "KEY", flex: true}, {name: "STATE"}, {name: "RECORD", flex: true}})}
}

// Record prints the next record.
func (s *TableStream) Record(r *query.RecordAsOf) error {
	if s.rows.p.o.NoImages {
		r.Body = nil
	}
	return s.rows.row(r, func() []string { return asOfRow(r) }, func() []cell {
		text := value(r.Body)
		if r.State == audit.Unknown {
			text = stateWords(r)
		}
		return []cell{{text: visibleJSON(string(r.Key)) + clusterWords(r.Cluster)}, {r.State.String(), statePaint(r.State)}, {text: text}}
	})
}

// End prints what the answer rests on.
func (s *TableStream) End(t *query.TableAsOf) error {
	return s.rows.end(t, t.Summary, append([]string{tableAsOfWords(t)}, footNotes(t.Summary.Footing)...))
}
