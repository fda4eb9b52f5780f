package report

import (
	"strconv"
	"strings"

	"recourse/audit"
	"recourse/query"
)

type bucketDoc struct {
	Time    *audit.Time `json:"time"`
	TimeISO *string     `json:"time_iso"`
	Count   int         `json:"count"`
	By      []partDoc   `json:"by,omitempty"`
}

// partDoc is the part of a bucket that has a value, or that has none of those
// which are named.
type partDoc struct {
	Value  *string `json:"value"`
	Others bool    `json:"others,omitempty"`
	Count  int     `json:"count"`
}

type histogramDoc struct {
	StepMS  int64  `json:"step_ms"`
	By      string `json:"by,omitempty"`
	Outside int    `json:"outside"`
	answerDoc
}

// Histogram prints counts over time, parted by a field if that has a name.
func (p *Printer) Histogram(h *query.Histogram, by string) error {
	summary := func() histogramDoc {
		return histogramDoc{h.Step.Milliseconds(), by, h.Outside, p.answerDoc(h.Answer)}
	}
	return p.print(output{
		document: func() any {
			return struct {
				Buckets []bucketDoc  `json:"buckets"`
				Summary histogramDoc `json:"summary"`
			}{bucketDocs(h), summary()}
		},
		lines: func() []any {
			var lines []any
			for _, d := range bucketDocs(h) {
				lines = append(lines, d)
			}
			return append(lines, summaryLine{summary()})
		},
		page: func(g *page) {
			if len(h.Buckets) > 0 {
				g.histogram(h)
				g.gap()
				g.sparklines(h)
				g.gap()
			}
			g.wrapped(plain, 0, histogramWords(h))
			g.coverage(h.Coverage)
		},
		sheet: func() sheet { return histogramSheet(h) },
		notes: func() []string { return append([]string{histogramWords(h)}, coverageNotes(h.Coverage)...) },
	})
}

func histogramWords(h *query.Histogram) string {
	words := answerWords(h.Answer)
	if h.Outside > 0 {
		words += "; " + strconv.Itoa(h.Outside) + " of them at times that no calendar has"
	}
	return words
}

func bucketDocs(h *query.Histogram) []bucketDoc {
	docs := make([]bucketDoc, len(h.Buckets))
	for i, b := range h.Buckets {
		docs[i] = bucketDoc{Time: timeDoc(b.From), TimeISO: isoDoc(b.From), Count: b.N}
		for j, n := range b.Parts {
			part := partDoc{Count: n}
			if j < len(h.Series) {
				part.Value = &h.Series[j]
			} else {
				part.Others = true
			}
			docs[i].By = append(docs[i].By, part)
		}
	}
	return docs
}

// barWidth is how long the bar of the fullest bucket is.
const barWidth = 40

func (g *page) histogram(h *query.Histogram) {
	cols := []column{{name: "TIME", keep: true}, {name: "CHANGES", right: true, keep: true}}
	for _, value := range h.Series {
		cols = append(cols, column{name: facetCell(value).text, right: true, flex: true})
	}
	if h.Others {
		cols = append(cols, column{name: "(others)", right: true})
	}
	parted := len(cols) > 2
	if !parted {
		cols = append(cols, column{flex: true})
	}
	most := 1
	for _, b := range h.Buckets {
		most = max(most, b.N)
	}
	rows := make([][]cell, len(h.Buckets))
	for i, b := range h.Buckets {
		rows[i] = []cell{{text: iso(b.From, false)}, {text: strconv.Itoa(b.N)}}
		for _, n := range b.Parts {
			rows[i] = append(rows[i], cell{text: strconv.Itoa(n)})
		}
		if !parted {
			rows[i] = append(rows[i], cell{text: strings.Repeat("█", (b.N*barWidth+most-1)/most)})
		}
	}
	g.table(cols, rows)
}

// histogramSheet is a row a bucket, or a row for each part of it.
func histogramSheet(h *query.Histogram) sheet {
	s := sheet{names: []string{"time", "time_iso", "count"}}
	if h.Series != nil {
		s.names = []string{"time", "time_iso", "value", "others", "count"}
	}
	for _, b := range h.Buckets {
		at := []string{b.From.String(), iso(b.From, true)}
		if h.Series == nil {
			s.rows = append(s.rows, append(at, strconv.Itoa(b.N)))
		}
		for j, n := range b.Parts {
			value := ""
			if j < len(h.Series) {
				value = Visible(h.Series[j])
			}
			s.rows = append(s.rows, []string{at[0], at[1], value, strconv.FormatBool(j >= len(h.Series)), strconv.Itoa(n)})
		}
	}
	return s
}
