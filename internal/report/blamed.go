package report

import (
	"fmt"
	"slices"
	"strconv"

	"recourse/audit"
	"recourse/query"
)

// Blame prints which change each attribute's value comes from.
func (p *Printer) Blame(b *query.Blame) error {
	return p.print(output{
		document: func() any { return b },
		lines:    func() []any { return linesOf(b.Attributes, blameSummaryDoc{b.Summary, b.Records, b.History}) },
		page:     func(g *page) { g.blamed(b) },
		sheet:    func() sheet { return blamedSheet(b) },
		notes: func() []string {
			return append(append([]string{blamedCounts(b)}, blamedRecords(b)...), footNotes(b.Summary.Footing)...)
		},
	})
}

// blameSummaryDoc is the last line of a blame in NDJSON: with what is no attribute.
type blameSummaryDoc struct {
	query.BlameSummary
	Records []query.BlamedRecord   `json:"records"`
	History []query.AttributeWrite `json:"history,omitempty"`
}

func blamedKey(b *query.Blame) audit.Key {
	return audit.Key{Table: audit.Table{Database: b.Database, Name: b.Table}, ID: b.Key}
}

func blamedCounts(b *query.Blame) string {
	if !b.Found() {
		return notFoundWords(b.Summary.Coverage.Coverage, "no change of "+record(blamedKey(b)))
	}
	s := count(b.Summary.Changes, "change") + " of " + record(blamedKey(b))
	if b.Summary.Late > 0 {
		s += ", " + strconv.Itoa(b.Summary.Late) + " of them found late and told in the order of time"
	}
	return s
}

// blamedRecords say whether the record is there, and since when.
func blamedRecords(b *query.Blame) []string {
	var out []string
	for _, r := range b.Records {
		s := "record" + clusterWords(r.Cluster) + ": "
		switch r.State {
		case audit.Unknown:
			s += "unknown: the log does not say how its last change left it"
		case audit.Present:
			s += "there, " + originWords(r.Origin, r.Change, r.Trust, "created by ")
		default:
			s += "not there, " + originWords(r.Origin, r.Change, r.Trust, "deleted by ")
		}
		out = append(out, s)
	}
	return out
}

// originWords say where something comes from; by stands before the change that it
// surely comes from.
func originWords(o query.Origin, r *query.Ref, t audit.Trust, by string) string {
	switch o {
	case query.OriginBefore:
		return "by unknown: it was so before " + refWords(r)
	case query.OriginSeen:
		return "by unknown: first seen in " + refWords(r)
	case query.OriginAmong:
		return "by unknown: one of several changes, the last of them " + refWords(r)
	}
	s := by + refWords(r)
	if t != audit.Exact {
		s += ", " + t.String()
	}
	return s
}

// originCell is where a value comes from in a word or two, empty where that is sure.
func originCell(o query.Origin, t audit.Trust, late bool) cell {
	switch o {
	case query.OriginAmong:
		return cell{"unknown: one of several", warn}
	case query.OriginBefore:
		return cell{"unknown: so before it", warn}
	case query.OriginSeen:
		return cell{"unknown: first seen in it", warn}
	}
	s := ""
	if t != audit.Exact {
		s = t.String()
	}
	if late {
		if s != "" {
			s += ", "
		}
		s += "late"
	}
	return cell{s, faint}
}

// amongWords name the changes of which one gave a value.
func amongWords(among []query.Ref) string {
	s := "one of "
	for i := range among {
		if i == 5 {
			return s + fmt.Sprintf(", %d more", len(among)-i)
		}
		if i > 0 {
			s += ", "
		}
		s += "#" + seqText(among[i].Seq) + " " + user(among[i].UserName()).text
	}
	return s
}

func (g *page) blamed(b *query.Blame) {
	g.line(bold, "%s", record(blamedKey(b)))
	for _, s := range blamedRecords(b) {
		g.wrapped(plain, 0, s)
	}
	if len(b.Attributes) > 0 {
		g.gap()
		cols := append([]column{{name: "ATTRIBUTE", flex: true}, {name: "VALUE", flex: true}}, append(slices.Clone(refColumns), column{name: "NOTE"})...)
		rows := make([][]cell, len(b.Attributes))
		for i := range b.Attributes {
			a := &b.Attributes[i]
			v := cell{text: value(a.Value)}
			if a.Removed {
				v = cell{"(removed)", bad}
			}
			rows[i] = append([]cell{{text: Visible(a.Path) + clusterWords(a.Cluster)}, v}, refCells(a.Change)...)
			rows[i] = append(rows[i], originCell(a.Origin, a.Trust, a.Change.Late))
		}
		g.table(cols, rows)
		for i := range b.Attributes {
			if a := &b.Attributes[i]; len(a.Among) > 0 {
				g.wrapped(warn, 2, Visible(a.Path)+": "+amongWords(a.Among))
			}
		}
	}
	if len(b.History) > 0 {
		g.gap()
		g.line(bold, "all its values, oldest first")
		for i := range b.History {
			w := &b.History[i]
			g.edit(audit.Edit(w.Edit), false)
			g.wrapped(faint, 8, originWords(w.Origin, w.Change, audit.Exact, "by "))
		}
	}
	g.gap()
	g.wrapped(plain, 0, blamedCounts(b))
	g.foot(b.Summary.Footing)
}

// blamedSheet is a row an attribute.
func blamedSheet(b *query.Blame) sheet {
	s := sheet{names: append([]string{"cluster", "path", "value", "removed", "origin", "trust"}, refNames("")...)}
	for i := range b.Attributes {
		a := &b.Attributes[i]
		s.rows = append(s.rows, append([]string{
			Visible(a.Cluster), Visible(a.Path), optional(a.Value), strconv.FormatBool(a.Removed), string(a.Origin), a.Trust.String(),
		}, refTexts(a.Change)...))
	}
	return s
}
