package report

import (
	"fmt"
	"strconv"
	"strings"

	"recourse/query"
)

// answerDoc is what every answer that is counts says of itself.
type answerDoc struct {
	Total    int         `json:"total"`
	Partial  string      `json:"partial,omitempty"` // why this is not all
	Coverage coverageDoc `json:"coverage"`
	TookMS   int64       `json:"took_ms"`
	Explain  []stepDoc   `json:"explain,omitempty"`
}

func (p *Printer) answerDoc(a query.Answer) answerDoc {
	return answerDoc{a.Total, a.Partial, newCoverageDoc(a.Coverage), a.Took.Milliseconds(), p.steps()}
}

type facetDoc struct {
	Facet    string     `json:"facet"`
	Distinct int        `json:"distinct"`
	Others   int        `json:"others"`
	Values   []valueDoc `json:"values"`
}

type valueDoc struct {
	Value string `json:"value"`
	Count int    `json:"count"`
}

func facetDocs(list []query.FacetCounts) []facetDoc {
	docs := make([]facetDoc, len(list))
	for i, c := range list {
		docs[i] = facetDoc{Facet: c.Facet.String(), Distinct: c.Distinct, Others: c.Others, Values: []valueDoc{}}
		for _, v := range c.Top {
			docs[i].Values = append(docs[i].Values, valueDoc{v.Value, v.N})
		}
	}
	return docs
}

// Facets prints counts by field.
func (p *Printer) Facets(f *query.Facets) error {
	docs := facetDocs(f.Facets)
	return p.print(output{
		document: func() any {
			return struct {
				Facets  []facetDoc `json:"facets"`
				Summary answerDoc  `json:"summary"`
			}{docs, p.answerDoc(f.Answer)}
		},
		lines: func() []any {
			lines := make([]any, 0, len(docs)+1)
			for _, d := range docs {
				lines = append(lines, d)
			}
			return append(lines, summaryLine{p.answerDoc(f.Answer)})
		},
		page: func(g *page) {
			for _, c := range f.Facets {
				g.facet(c, f.Total)
			}
			g.wrapped(plain, 0, answerWords(f.Answer))
			g.coverage(f.Coverage)
		},
		sheet: func() sheet { return facetSheet(f.Facets) },
		notes: func() []string { return append([]string{answerWords(f.Answer)}, coverageNotes(f.Coverage)...) },
	})
}

// answerWords is the total as a sentence.
func answerWords(a query.Answer) string {
	words := searchCounts(query.Summary{Count: a.Total, Total: a.Total, TotalExact: a.Partial == "", Coverage: a.Coverage})
	if a.Partial != "" {
		words += "; " + partialWords
	}
	return words
}

func (g *page) facet(c query.FacetCounts, total int) {
	if len(c.Top) == 0 {
		g.line(faint, "no %s", c.Facet)
		g.gap()
		return
	}
	rows := make([][]cell, 0, len(c.Top)+1)
	row := func(value cell, n int) {
		rows = append(rows, []cell{{text: strconv.Itoa(n)}, {text: fmt.Sprintf("%.1f %%", 100*float64(n)/float64(max(total, 1)))}, value})
	}
	for _, v := range c.Top {
		row(facetCell(v.Value), v.N)
	}
	if c.Others > 0 {
		row(cell{count(c.Distinct-len(c.Top), "other"), faint}, c.Others)
	}
	g.table([]column{{name: "CHANGES", right: true, keep: true}, {name: "SHARE", right: true}, {name: strings.ToUpper(c.Facet.String()), flex: true}}, rows)
	g.gap()
}

func facetCell(value string) cell {
	if value == "" {
		return cell{"(empty)", faint}
	}
	return cell{text: Visible(value)}
}

// facetSheet is a row a value, and one for all others together.
func facetSheet(facets []query.FacetCounts) sheet {
	s := sheet{names: []string{"facet", "value", "others", "count"}}
	for _, c := range facets {
		for _, v := range c.Top {
			s.rows = append(s.rows, []string{c.Facet.String(), Visible(v.Value), "false", strconv.Itoa(v.N)})
		}
		if c.Others > 0 {
			s.rows = append(s.rows, []string{c.Facet.String(), "", "true", strconv.Itoa(c.Others)})
		}
	}
	return s
}
