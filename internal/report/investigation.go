package report

import (
	"bytes"
	"fmt"

	"recourse/audit"
	"recourse/query"
)

// An Investigation is the questions of a playbook with their answers.
type Investigation struct {
	Playbook string
	Title    string
	About    string
	Made     audit.Time // by our clock
	Params   [][2]string
	Answers  []InvestigationAnswer
	Partial  bool // it was interrupted: questions were left out, or answered in part
}

// An InvestigationAnswer is one question, the query that was asked for it, and
// what came of it.
type InvestigationAnswer struct {
	ID, Ask, Why, Read, Query string
	Output                    *query.Output // nil: there is none
	Err                       string        // why there is no answer
}

type investigationDoc struct {
	Playbook string            `json:"playbook"`
	Title    string            `json:"title"`
	About    string            `json:"about"`
	Made     *audit.Time       `json:"made"`
	MadeISO  *string           `json:"made_iso"`
	Params   map[string]string `json:"params"`
	Complete bool              `json:"complete"`
	Partial  bool              `json:"partial,omitempty"`
	Answers  []answeredDoc     `json:"answers"`
}

type answeredDoc struct {
	ID      string          `json:"id"`
	Ask     string          `json:"ask"`
	Why     string          `json:"why,omitempty"`
	Read    string          `json:"read,omitempty"`
	Query   string          `json:"query"`
	Error   string          `json:"error,omitempty"`
	Rows    []object        `json:"rows"`
	Summary *pipeSummaryDoc `json:"summary"`
}

// Complete says that every question was answered, of a log that was read whole.
func (v *Investigation) Complete() bool {
	for _, a := range v.Answers {
		if a.Output == nil || !isComplete(a.Output.Summary.Coverage) || a.Output.Summary.Partial != "" {
			return false
		}
	}
	return !v.Partial
}

// Investigation prints what the questions of a playbook found.
func (p *Printer) Investigation(v *Investigation) error {
	if p.o.Format == Markdown {
		return p.investigationMarkdown(v)
	}
	return p.print(output{
		document: func() any { return p.investigationDoc(v) },
		lines: func() []any {
			doc := p.investigationDoc(v)
			lines := make([]any, 0, len(doc.Answers)+1)
			for _, a := range doc.Answers {
				lines = append(lines, a)
			}
			doc.Answers = []answeredDoc{}
			return append(lines, summaryLine{doc})
		},
		page:  func(g *page) { g.investigation(v) },
		sheet: func() sheet { return investigationSheet(v) },
		html:  func() htmlPage { return investigationPage(v) },
	})
}

func (p *Printer) investigationDoc(v *Investigation) investigationDoc {
	doc := investigationDoc{
		Playbook: v.Playbook, Title: v.Title, About: v.About, Made: timeDoc(v.Made), MadeISO: isoDoc(v.Made), Params: map[string]string{},
		Complete: v.Complete(), Partial: v.Partial, Answers: []answeredDoc{},
	}
	for _, kv := range v.Params {
		doc.Params[kv[0]] = kv[1]
	}
	for _, a := range v.Answers {
		d := answeredDoc{ID: a.ID, Ask: a.Ask, Why: a.Why, Read: a.Read, Query: a.Query, Error: a.Err, Rows: []object{}}
		list := a.listing()
		for _, r := range list.Rows {
			d.Rows = append(d.Rows, object{list.Columns, r})
		}
		if a.Output != nil {
			s := p.pipeSummary(a.Output.Summary)
			d.Summary = &s
		}
		doc.Answers = append(doc.Answers, d)
	}
	return doc
}

// listing is the answer as rows, changes by their main fields.
func (a *InvestigationAnswer) listing() Listing {
	list := Listing{Name: "rows", Unknown: expectations}
	switch {
	case a.Output == nil:
	case a.Output.Table != nil:
		list.Columns, list.Rows = a.Output.Table.Columns, a.Output.Table.Rows
	default:
		list.Columns = []string{"seq", "time", "user", "op", "record", "attributes"}
		for i := range a.Output.Changes {
			c := &a.Output.Changes[i]
			list.Rows = append(list.Rows, []any{c.Seq, c.Time, c.User, string(c.Op), c.Key.String(), c.Attributes()})
		}
	}
	return list
}

// words are the answer's summary as sentences, coverage included.
func (a *InvestigationAnswer) words() []string {
	if a.Output == nil {
		return []string{"not answered: " + Visible(a.Err)}
	}
	what := "row"
	if a.Output.Table == nil {
		what = "change"
	}
	return append(pipedWords(a.Output.Summary, what), coverageNotes(a.Output.Summary.Coverage)...)
}

func (v *Investigation) facts() [][2]string {
	facts := [][2]string{{"playbook", v.Playbook}, {"made", iso(v.Made, false)}}
	for _, kv := range v.Params {
		facts = append(facts, [2]string{kv[0], Visible(kv[1])})
	}
	whole := "the log was read whole where these questions look"
	if !v.Complete() {
		whole = "the log is not known to be whole everywhere these questions look: below each answer stands what is missing"
	}
	facts = append(facts, [2]string{"coverage", whole})
	if v.Partial {
		facts = append(facts, [2]string{"partial", "it was interrupted: not all questions were answered"})
	}
	return facts
}

func (g *page) investigation(v *Investigation) {
	g.line(plain, "%s", Visible(v.Title))
	for _, f := range v.facts() {
		g.line(faint, "  %s: %s", f[0], f[1])
	}
	for i, a := range v.Answers {
		g.gap()
		g.line(good, "%d. %s", i+1, Visible(a.Ask))
		g.line(faint, "   %s", Visible(a.Query))
		if a.Read != "" {
			g.line(faint, "   %s", Visible(a.Read))
		}
		if list := a.listing(); len(list.Rows) > 0 {
			list.page(g)
		}
		for _, w := range a.words() {
			g.line(plain, "   %s", w)
		}
	}
}

func (p *Printer) investigationMarkdown(v *Investigation) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n\n%s\n\n", markdown(Visible(v.Title)), markdown(Visible(v.About)))
	for _, f := range v.facts() {
		fmt.Fprintf(&b, "* %s: %s\n", markdown(f[0]), markdown(f[1]))
	}
	for i, a := range v.Answers {
		fmt.Fprintf(&b, "\n## %d. %s\n\n", i+1, markdown(Visible(a.Ask)))
		for _, s := range []string{a.Why, a.Read} {
			if s != "" {
				fmt.Fprintf(&b, "%s\n\n", markdown(Visible(s)))
			}
		}
		fmt.Fprintf(&b, "Query: %s\n\n", markdown(Visible(a.Query)))
		if list := a.listing(); len(list.Rows) > 0 {
			list.sheet(Markdown).writeMarkdown(&b)
			b.WriteByte('\n')
		}
		for _, w := range a.words() {
			fmt.Fprintf(&b, "%s\n\n", markdown(w))
		}
	}
	_, err := p.w.Write(b.Bytes())
	return err
}

// investigationSheet is a row a question.
func investigationSheet(v *Investigation) sheet {
	s := sheet{names: []string{"id", "ask", "query", "rows", "matched", "complete", "error"}}
	for _, a := range v.Answers {
		row := []string{a.ID, Visible(a.Ask), Visible(a.Query), fmt.Sprint(len(a.listing().Rows)), "", "", Visible(a.Err)}
		if a.Output != nil {
			row[4], row[5] = fmt.Sprint(a.Output.Summary.Matched), fmt.Sprint(isComplete(a.Output.Summary.Coverage))
		}
		s.rows = append(s.rows, row)
	}
	return s
}

func investigationPage(v *Investigation) htmlPage {
	p := htmlPage{Title: Visible(v.Title), Notes: []string{Visible(v.About)}}
	for _, f := range v.facts() {
		p.Facts = append(p.Facts, htmlFact{f[0], f[1]})
	}
	for i, a := range v.Answers {
		s := htmlSection{Title: fmt.Sprintf("%d. %s", i+1, Visible(a.Ask))}
		if a.Output == nil {
			s.Tone = "bad"
		} else if !isComplete(a.Output.Summary.Coverage) {
			s.Tone = "warn"
		}
		for _, text := range []string{a.Why, a.Read} {
			if text != "" {
				s.Lines = append(s.Lines, Visible(text))
			}
		}
		s.Lines = append(append(s.Lines, "Query: "+Visible(a.Query)), a.words()...)
		if list := a.listing(); len(list.Rows) > 0 {
			s.Head = list.Columns
			for _, r := range list.sheet(Markdown).rows {
				s.Rows = append(s.Rows, htmlRow{Cells: r})
			}
		}
		p.Sections = append(p.Sections, s)
	}
	return p
}
