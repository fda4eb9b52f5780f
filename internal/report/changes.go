package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"recourse/audit"
	"recourse/query"
)

type summaryDoc struct {
	Count      int         `json:"count"`
	Total      int         `json:"total"`
	TotalExact bool        `json:"total_exact"`
	Next       *string     `json:"next"`
	Coverage   coverageDoc `json:"coverage"`
	TookMS     int64       `json:"took_ms"`
	Explain    []stepDoc   `json:"explain,omitempty"`
	Partial    string      `json:"partial,omitempty"` // why this is not all
	Notes      []string    `json:"notes,omitempty"`
}

func (p *Printer) summaryDoc(s query.Summary) summaryDoc {
	doc := summaryDoc{Explain: p.steps(), Count: s.Count, Total: s.Total, TotalExact: s.TotalExact, Coverage: newCoverageDoc(s.Coverage), TookMS: s.Took.Milliseconds(), Partial: s.Partial, Notes: s.Notes}
	if s.Next != "" {
		doc.Next = &s.Next
	}
	return doc
}

// Changes prints what a search found, in the order given, and its summary.
func (p *Printer) Changes(changes []audit.Change, s query.Summary) error {
	return p.print(output{
		document: func() any {
			return struct {
				Changes []changeDoc `json:"changes"`
				Summary summaryDoc  `json:"summary"`
			}{p.changeDocs(changes), p.summaryDoc(s)}
		},
		lines: func() []any { return append(p.changeLines(changes), summaryLine{p.summaryDoc(s)}) },
		page: func(g *page) {
			if len(changes) > 0 {
				g.changes(changes)
				g.gap()
			}
			g.summary(searchWords(s), s)
		},
		sheet: func() sheet { return p.changeSheet(changes) },
		notes: func() []string { return append(searchWords(s), coverageNotes(s.Coverage)...) },
	})
}

// searchWords are the summary as sentences: how much there is first.
func searchWords(s query.Summary) []string {
	return append([]string{searchCounts(s)}, furtherWords(s)...)
}

// furtherWords are what else is to be known of an answer.
func furtherWords(s query.Summary) []string {
	var out []string
	if s.Partial != "" {
		out = append(out, "partial: "+s.Partial+"; this is what was found until then")
	}
	for _, n := range s.Notes {
		out = append(out, Visible(n))
	}
	return out
}

// summary writes the sentences below an answer, and what it rests on.
func (g *page) summary(words []string, s query.Summary) {
	for i, w := range words {
		paint := plain
		if i > 0 {
			paint = warn
		}
		g.line(paint, "%s", w)
	}
	g.coverage(s.Coverage)
}

type summaryLine struct {
	Summary any `json:"summary"`
}

func (p *Printer) changeDocs(changes []audit.Change) []changeDoc {
	docs := make([]changeDoc, len(changes))
	for i := range changes {
		docs[i] = p.changeDoc(&changes[i])
	}
	return docs
}

func (p *Printer) changeLines(changes []audit.Change) []any {
	lines := make([]any, len(changes), len(changes)+1)
	for i := range changes {
		lines[i] = p.changeDoc(&changes[i])
	}
	return lines
}

// searchCounts is the summary as a sentence. What was not counted to the end is a
// lower bound.
func searchCounts(s query.Summary) string {
	total := strconv.Itoa(s.Total)
	if !s.TotalExact {
		total = "at least " + total
	}
	out := fmt.Sprintf("%d of %s changes", s.Count, total)
	if s.Count == s.Total && s.TotalExact {
		out = count(s.Count, "change")
	}
	if s.Count == 0 && s.Total == 0 && s.TotalExact {
		out = "no change found in what is stored"
		if isComplete(s.Coverage) {
			out = "nothing, and the log was read whole there"
		}
	}
	if s.Next != "" {
		out += "; for more: --after " + Visible(s.Next)
	}
	return out
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if strings.HasSuffix(what, "ch") {
		what += "e"
	}
	return strconv.Itoa(n) + " " + what + "s"
}

func (g *page) changes(changes []audit.Change) {
	cols := []column{{name: "SEQ", right: true, keep: true}, {name: "TIME", keep: true}, {name: "USER"}, {name: "OP"}, {name: "RECORD", flex: true}, {name: "CHANGED", flex: true}}
	rows := make([][]cell, len(changes))
	for i := range changes {
		c := &changes[i]
		rows[i] = []cell{
			{text: strconv.FormatUint(uint64(c.Seq), 10)},
			{text: iso(c.Time, false)},
			user(c.User),
			{Visible(string(c.Op)), opPaint(c.Op)},
			{text: record(c.Key)},
			changedCell(c, g.width),
		}
	}
	g.table(cols, rows)
}

func user(name string) cell {
	if name == "" {
		return cell{"(not named)", warn}
	}
	return cell{text: Visible(name)}
}

func record(k audit.Key) string {
	return Visible(k.Table.String()) + "/" + visibleJSON(string(k.ID))
}

func opPaint(o audit.Op) paint {
	switch {
	case o.Kind() == audit.KindDelete:
		return bad
	case o == audit.OpInsert:
		return good
	}
	return plain
}

// changedCell is a change's edits in a line, as far as a line of that width
// goes.
func changedCell(c *audit.Change, width int) cell {
	var marks []string
	for _, m := range []struct {
		on   bool
		name string
	}{{c.Late, "late"}, {c.Note != "", "not fully read"}} {
		if m.on {
			marks = append(marks, m.name)
		}
	}
	var b strings.Builder
	if len(marks) > 0 {
		fmt.Fprintf(&b, "[%s] ", strings.Join(marks, ", "))
	}
	d, known := c.Diff()
	switch {
	case c.Op.Kind() == audit.KindMessage:
		return cell{b.String() + "message, no record changed", faint}
	case !known:
		return cell{b.String() + unknownWords(c), warn}
	case len(d) == 0:
		return cell{b.String() + "nothing: before and after are the same", faint}
	}
	for i, e := range tellingFirst(d) {
		if b.Len() > width {
			break // the rest would be cut
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(edit(e))
	}
	return cell{text: b.String()}
}

// tellingFirst puts the times that Harper assigns with every write last, so
// that a line that is cut shows what somebody meant to change.
func tellingFirst(d audit.Diff) audit.Diff {
	out := slices.Clone(d)
	slices.SortStableFunc(out, func(a, b audit.Edit) int { return cmp.Compare(assigned(a), assigned(b)) })
	return out
}

func assigned(e audit.Edit) int {
	if name := e.Attribute(); name == "__updatedtime__" || name == "__createdtime__" {
		return 1
	}
	return 0
}

// unknownWords say which image is not known.
func unknownWords(c *audit.Change) string {
	switch {
	case c.Before.State != audit.Unknown:
		return "after unknown"
	case c.After.State != audit.Unknown:
		return "before unknown"
	}
	return "before and after unknown"
}

// edit is one edit in a line.
func edit(e audit.Edit) string {
	name := path(e.Path)
	switch {
	case e.Old == nil:
		return "+ " + name + " " + value(e.New)
	case e.New == nil:
		return "- " + name + " " + value(e.Old)
	}
	return "~ " + name + " " + value(e.Old) + " → " + value(e.New)
}

// path is a JSON Pointer without its first slash.
func path(pointer string) string {
	if pointer == "" {
		return "(whole record)"
	}
	return Visible(pointer[1:])
}

// changeSheet is a row a change; its values are JSON.
func (p *Printer) changeSheet(changes []audit.Change) sheet {
	s := sheet{names: []string{"seq", "time", "time_iso", "node", "database", "table", "key", "user", "op", "op_reported", "changed", "diff", "before_state", "after_state"}}
	if !p.o.NoImages {
		s.names = append(s.names, "before", "after")
	}
	s.names = append(s.names, "marks", "id")
	for i := range changes {
		c := &changes[i]
		d, known := c.Diff()
		changed, edits := "unknown", "unknown"
		if known {
			changed, edits = jsonText(append([]string{}, d.Attributes()...)), jsonText(editDocs(d))
		}
		row := []string{
			strconv.FormatUint(uint64(c.Seq), 10), c.Time.String(), iso(c.Time, true), Visible(c.Node), Visible(c.Key.Table.Database), Visible(c.Key.Table.Name),
			visibleJSON(string(c.Key.ID)), Visible(c.User), Visible(string(c.Op)), Visible(string(c.Reported)), changed, edits, c.Before.State.String(), c.After.State.String(),
		}
		if !p.o.NoImages {
			row = append(row, body(c.Before), body(c.After))
		}
		s.rows = append(s.rows, append(row, marks(c), c.ID.String()))
	}
	return s
}

func body(i audit.Image) string {
	if i.State != audit.Present {
		return ""
	}
	return visibleJSON(i.Body.JSON())
}

// marks are what sets a change apart from one that was read whole and in time.
func marks(c *audit.Change) string {
	var m []string
	if c.Late {
		m = append(m, "late")
	}
	if c.Lossy {
		m = append(m, "lossy")
	}
	if c.Note != "" {
		m = append(m, Visible(c.Note))
	}
	return strings.Join(m, "; ")
}

// jsonText is x as visible JSON on one line, for a cell.
func jsonText(x any) string {
	data, err := marshal(x)
	if err != nil {
		return Visible(err.Error())
	}
	return visibleJSON(string(data))
}
