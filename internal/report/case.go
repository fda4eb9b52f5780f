package report

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"recourse/audit"
	"recourse/query"
)

// caseRecords is how many records of a blast radius, and caseValue how many columns
// of an edit, a report shows to people; it says what it leaves out.
const (
	caseRecords = 100
	caseValue   = 400
)

type caseDoc struct {
	Title     string             `json:"title"`
	Query     string             `json:"query"`
	Made      *audit.Time        `json:"made"`
	MadeISO   *string            `json:"made_iso"`
	First     *query.Ref         `json:"first"`
	Last      *query.Ref         `json:"last"`
	Histogram []bucketDoc        `json:"histogram"`
	StepMS    int64              `json:"step_ms"`
	Facets    []facetDoc         `json:"facets"`
	Sessions  []query.Session    `json:"sessions"`
	Blast     *query.Blast       `json:"blast"`
	Alerts    []query.ActorAlert `json:"alerts"`
	Changes   []changeDoc        `json:"changes"`
	Left      int                `json:"left"`
	Questions []string           `json:"questions"`
	Partial   bool               `json:"partial,omitempty"`
	Coverage  coverageDoc        `json:"coverage"`
}

// Case prints all that is known of some changes, as Markdown, as one page of HTML,
// or as a document.
func (p *Printer) Case(c *query.Case) error {
	if p.o.Format == Table || p.o.Format == CSV {
		return errors.New("print: a report is md, html, json, ndjson or yaml")
	}
	v := caseView{c}
	if p.o.Format == Markdown {
		var b strings.Builder
		v.markdown(&b)
		_, err := p.w.Write([]byte(b.String()))
		return err
	}
	return p.print(output{
		document: func() any { return p.caseDoc(c) },
		html:     func() htmlPage { return v.page() },
	})
}

func (p *Printer) caseDoc(c *query.Case) caseDoc {
	doc := caseDoc{
		Title: c.Title, Query: c.Query, Made: timeDoc(c.Made), MadeISO: isoDoc(c.Made), First: c.First, Last: c.Last, Blast: c.Blast,
		Alerts: append([]query.ActorAlert{}, c.Alerts...), Changes: p.changeDocs(c.Changes), Left: c.Left, Questions: append([]string{}, c.Questions...),
		Partial: c.Partial, Coverage: newCoverageDoc(c.Coverage), Histogram: []bucketDoc{}, Facets: []facetDoc{}, Sessions: []query.Session{},
	}
	if c.Histogram != nil {
		doc.Histogram, doc.StepMS = bucketDocs(c.Histogram), c.Histogram.Step.Milliseconds()
	}
	if c.Facets != nil {
		doc.Facets = facetDocs(c.Facets.Facets)
	}
	if c.Sessions != nil {
		doc.Sessions = c.Sessions.Sessions
	}
	return doc
}

// A caseView is a report as people read it: facts, parts, and a picture.
type caseView struct{ *query.Case }

// facts are what the report is about.
func (v caseView) facts() []htmlFact {
	out := []htmlFact{{"query", Visible(v.Query)}, {"made", iso(v.Made, false)}, {"changes", v.counts()}}
	if v.First != nil {
		out = append(out, htmlFact{"first", refWords(v.First)}, htmlFact{"last", refWords(v.Last)})
	}
	return out
}

func (v caseView) counts() string {
	if v.Facets == nil {
		return "unknown"
	}
	return answerWords(v.Facets.Answer)
}

// notes are what the report rests on.
func (v caseView) notes() []string {
	notes := coverageNotes(v.Coverage)
	if v.Partial {
		notes = append([]string{partialWords}, notes...)
	}
	return notes
}

// parts are the report's tables and lists, in order; those with nothing in them say
// so.
func (v caseView) parts() []htmlSection {
	out := []htmlSection{{Title: "Open questions", Tone: warn.tone(), Lines: orNone(visibleAll(v.Questions), v.nothing("none"))}}
	if v.Facets != nil {
		for _, f := range v.Facets.Facets {
			out = append(out, v.facetPart(&f))
		}
	}
	out = append(out, v.sessionPart())
	out = append(out, v.blastParts()...)
	return append(out, v.alertPart(), v.timelinePart())
}

func visibleAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = Visible(s)
	}
	return out
}

func orNone(lines []string, none string) []string {
	if len(lines) == 0 {
		return []string{none}
	}
	return lines
}

var facetTitles = map[audit.Facet]string{
	audit.FacetUser: "Who", audit.FacetTable: "Tables", audit.FacetOp: "Operations", audit.FacetAttribute: "Attributes", audit.FacetNode: "Nodes", audit.FacetRule: "Rules",
}

// nothing is what a part says that has nothing in it: these words, or, where the
// report was interrupted, that nobody knows.
func (v caseView) nothing(words string) string {
	if v.Partial {
		return "unknown: it was not worked out"
	}
	return words
}

func (v caseView) facetPart(f *query.FacetCounts) htmlSection {
	s, total := htmlSection{Title: facetTitles[f.Facet]}, v.Facets.Total
	if len(f.Top) == 0 {
		s.Lines = []string{v.nothing("none")}
		return s
	}
	s.Head = []string{f.Facet.String(), "changes", "share"}
	for _, x := range f.Top {
		s.Rows = append(s.Rows, htmlRow{Cells: []string{facetCell(x.Value).text, strconv.Itoa(x.N), fmt.Sprintf("%.1f %%", 100*float64(x.N)/float64(max(total, 1)))}})
	}
	if f.Others > 0 {
		s.Rows = append(s.Rows, htmlRow{Tone: faint.tone(), Cells: []string{count(f.Distinct-len(f.Top), "other"), strconv.Itoa(f.Others), ""}})
	}
	return s
}

func (v caseView) sessionPart() htmlSection {
	s := htmlSection{Title: "Sessions"}
	if v.Sessions == nil || len(v.Sessions.Sessions) == 0 {
		s.Lines = []string{v.nothing("none")}
		return s
	}
	s.Head = []string{"from", "to", "took", "user", "node", "changes", "records", "operations", "tables"}
	for i := range v.Sessions.Sessions {
		x := &v.Sessions.Sessions[i]
		s.Rows = append(s.Rows, htmlRow{Cells: []string{
			instant(x.From), instant(x.To), took(x.TookMS), userText(x.User).text, Visible(x.Node), strconv.Itoa(x.Changes), strconv.Itoa(x.Records),
			countedWords(x.Ops, 5), countedWords(x.Tables, 5),
		}})
	}
	return s
}

func (v caseView) alertPart() htmlSection {
	s := htmlSection{Title: "Alerts"}
	if len(v.Alerts) == 0 {
		s.Lines = []string{v.nothing("none on these changes")}
		return s
	}
	s.Head = []string{"alert", "first", "severity", "state", "rule", "changes", "title"}
	for i := range v.Alerts {
		a := &v.Alerts[i]
		s.Rows = append(s.Rows, htmlRow{Tone: bad.tone(), Cells: []string{
			Visible(a.ID), instant(a.First), Visible(a.Severity), Visible(string(a.State)), Visible(a.Rule), strconv.Itoa(a.Changes), Visible(a.Title),
		}})
	}
	return s
}

// blastParts are the classes by table, and the records, the worst first.
func (v caseView) blastParts() []htmlSection {
	s := htmlSection{Title: "Blast radius"}
	if v.Blast == nil {
		s.Lines = []string{"unknown: it was not worked out"}
		return []htmlSection{s}
	}
	s.Lines = blastWords(&v.Blast.Summary)
	if len(v.Blast.Records) == 0 {
		return []htmlSection{s}
	}
	s.Head = []string{"table", "records"}
	for _, c := range query.BlastClasses() {
		s.Head = append(s.Head, string(c))
	}
	for i := range v.Blast.Summary.Tables {
		t := &v.Blast.Summary.Tables[i]
		row := htmlRow{Cells: []string{Visible(t.Database + "." + t.Table), strconv.Itoa(t.Records)}}
		for _, c := range query.BlastClasses() {
			row.Cells = append(row.Cells, strconv.Itoa(t.Of(c)))
		}
		s.Rows = append(s.Rows, row)
	}
	r := htmlSection{Title: "Records touched, the worst first", Head: []string{"class", "record", "changes", "before → now", "written since by"}}
	all := worstFirst(v.Blast.Records)
	for _, x := range all[:min(caseRecords, len(all))] {
		r.Rows = append(r.Rows, htmlRow{Tone: blastPaint(x.Class).tone(), Cells: []string{
			string(x.Class), recordWords(x.RecordRef), strconv.Itoa(x.Changes), cut(badWords(x, caseValue), caseValue), writerWords(x.Writers),
		}})
	}
	if left := len(all) - caseRecords; left > 0 {
		r.Lines = []string{count(left, "record") + " more; recourse blast prints all"}
	}
	return []htmlSection{s, r}
}
