package report

import (
	"fmt"
	"strconv"
	"strings"

	"recourse/query"
)

// Blast prints how the records stand that some changes have touched: so many of
// them on a page, the worst first, all with limit 0 and in the other formats.
func (p *Printer) Blast(b *query.Blast, limit int) error {
	return p.print(output{
		document: func() any { return b },
		lines:    func() []any { return linesOf(b.Records, b.Summary) },
		page:     func(g *page) { g.blast(b, limit) },
		sheet:    func() sheet { return blastSheet(b) },
		notes:    func() []string { return append(blastWords(&b.Summary), footNotes(b.Summary.Footing)...) },
	})
}

func blastPaint(c query.BlastClass) paint {
	return map[query.BlastClass]paint{
		query.BlastStillBad: bad, query.BlastUnknown: warn, query.BlastDeleted: faint, query.BlastOverwritten: plain, query.BlastReverted: good,
	}[c]
}

// blastCounts are records by class.
func blastCounts(n *query.BlastCounts) string {
	var parts []string
	for _, c := range query.BlastClasses() {
		parts = append(parts, strconv.Itoa(n.Of(c))+" "+string(c))
	}
	return strings.Join(parts, ", ")
}

func blastWords(s *query.BlastSummary) []string {
	if s.Records == 0 {
		words := notFoundWords(s.Coverage.Coverage, "no record that changes which match have touched")
		if s.Messages > 0 {
			words += "; " + count(s.Messages, "message")
		}
		return []string{words}
	}
	out := []string{fmt.Sprintf("%s touched by %s: %s", count(s.Records, "record"), count(s.Changes, "change"), blastCounts(&s.BlastCounts))}
	if len(s.Writers) > 0 {
		var list []string
		for i, w := range s.Writers {
			if i == 10 {
				list = append(list, count(len(s.Writers)-i, "other"))
				break
			}
			list = append(list, fmt.Sprintf("%s %s", userText(w.User).text, count(w.Records, "record")))
		}
		out = append(out, "written since by others: "+strings.Join(list, ", "))
	}
	return out
}

// worstFirst are records by class, the worst first, and else as they were.
func worstFirst(all []query.BlastRecord) []*query.BlastRecord {
	var out []*query.BlastRecord
	for _, c := range query.BlastClasses() {
		for i := range all {
			if all[i].Class == c {
				out = append(out, &all[i])
			}
		}
	}
	return out
}

func writerWords(list []query.BlastWriter) string {
	var out []string
	for _, w := range list {
		s := fmt.Sprintf("%s %d", userText(w.User).text, w.Changes)
		if w.Over {
			s += " (over it)"
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// badWords are what stands as it should not, or may: before → now.
func badWords(r *query.BlastRecord, width int) string {
	s := ""
	for _, v := range r.Values {
		if v.Class != r.Class || len(s) > width {
			continue
		}
		if s != "" {
			s += ", "
		}
		s += blastEdit(&v)
	}
	return s
}

func blastEdit(v *query.BlastValue) string {
	path := strings.TrimPrefix(Visible(v.Path), "/")
	if path == "" {
		path = "(there)"
	}
	before := value(v.Before)
	if !v.Known {
		before = "unknown"
	}
	if v.Change == nil {
		return path + " " + before + " → unknown"
	}
	return path + " " + before + " → " + value(v.Now)
}

func (g *page) blast(b *query.Blast, limit int) {
	s := &b.Summary
	if len(s.Tables) > 0 {
		cols := []column{{name: "TABLE", flex: true}, {name: "RECORDS", right: true}}
		for _, c := range query.BlastClasses() {
			cols = append(cols, column{name: strings.ToUpper(string(c)), right: true})
		}
		rows := make([][]cell, len(s.Tables))
		for i := range s.Tables {
			t := &s.Tables[i]
			rows[i] = []cell{{text: Visible(t.Database + "." + t.Table)}, {text: strconv.Itoa(t.Records)}}
			for _, c := range query.BlastClasses() {
				rows[i] = append(rows[i], cell{text: strconv.Itoa(t.Of(c))})
			}
		}
		g.table(cols, rows)
		g.gap()
		g.blastRecords(b, limit)
	}
	for _, w := range blastWords(s) {
		g.wrapped(plain, 0, w)
	}
	g.foot(s.Footing)
}

func (g *page) blastRecords(b *query.Blast, limit int) {
	all := worstFirst(b.Records)
	shown := all
	if limit > 0 {
		shown = all[:min(limit, len(all))]
	}
	rows := make([][]cell, len(shown))
	for i, r := range shown {
		rows[i] = []cell{
			{string(r.Class), blastPaint(r.Class)}, {text: recordWords(r.RecordRef)}, {text: strconv.Itoa(r.Changes)}, {text: badWords(r, g.width)}, {text: writerWords(r.Writers)},
		}
	}
	g.table([]column{{name: "CLASS"}, {name: "RECORD", flex: true}, {name: "CHANGES", right: true}, {name: "BEFORE → NOW", flex: true}, {name: "SINCE BY", flex: true}}, rows)
	g.left(len(all)-len(shown), "record")
	g.gap()
}

// blastSheet is a row a value that was touched; one for a record without any.
func blastSheet(b *query.Blast) sheet {
	s := sheet{names: append([]string{"cluster", "database", "table", "key", "class", "changes", "path", "value_class", "before", "now", "writers", "plans"}, refNames("")...)}
	for i := range b.Records {
		r := &b.Records[i]
		head := []string{Visible(r.Cluster), Visible(r.Database), Visible(r.Table), visibleJSON(string(r.Key)), string(r.Class), strconv.Itoa(r.Changes)}
		tail := []string{writerWords(r.Writers), Visible(strings.Join(r.Plans, " "))}
		row := func(values []string, ref *query.Ref) {
			cells := append(append(append([]string{}, head...), values...), tail...)
			s.rows = append(s.rows, append(cells, refTexts(ref)...))
		}
		for j := range r.Values {
			v := &r.Values[j]
			before := optional(v.Before)
			if !v.Known {
				before = "unknown"
			}
			row([]string{Visible(v.Path), string(v.Class), before, optional(v.Now)}, v.Change)
		}
		if len(r.Values) == 0 {
			row([]string{"", "", "", ""}, nil)
		}
	}
	return s
}
