package report_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"recourse/audit"
	"recourse/internal/querytest"
	"recourse/internal/report"
	"recourse/query"
)

func counted() query.Answer {
	return query.Answer{Total: 12, Coverage: whole(), Took: 1500 * time.Microsecond, Explanation: query.Explanation{Steps: []query.Step{
		{What: query.StepView, Chunks: 16, Changes: 1_000_000},
		{What: query.StepWords, Detail: "\x1b[2Jevil*", Blocks: 7, Calls: 1, Took: 310 * time.Microsecond},
	}}}
}

func TestGoldenCounts(t *testing.T) {
	evil := "eve\x1b[2J\u202e=1"
	facets := &query.Facets{Answer: counted(), Facets: []query.FacetCounts{
		{Facet: audit.FacetUser, Distinct: 4, Others: 3, Top: []query.ValueCount{{Value: evil, N: 7}, {Value: "", N: 2}}},
		{Facet: audit.FacetMark, Top: []query.ValueCount{}},
	}}
	const hour = 3_600_000
	flat := &query.Histogram{Answer: counted(), Step: time.Hour, Outside: 1, Buckets: []query.Bucket{
		{From: 495_000 * hour, To: 495_001 * hour, N: 10}, {From: 495_001 * hour, To: 495_002 * hour}, {From: 495_002 * hour, To: 495_003 * hour, N: 1},
	}}
	parted := *flat
	parted.Series, parted.Others = []string{evil, ""}, true
	parted.Buckets = nil
	for i, b := range flat.Buckets {
		b.Parts = []int{b.N, 0, i}
		parted.Buckets = append(parted.Buckets, b)
	}
	for _, f := range []report.Format{report.Table, report.JSON, report.NDJSON, report.CSV, report.YAML, report.Markdown} {
		o := report.Options{Format: f, Width: 100}
		golden(t, fmt.Sprintf("facets.%s", f), o, func(p *report.Printer) error { return p.Facets(facets) })
		golden(t, fmt.Sprintf("hist.%s", f), o, func(p *report.Printer) error { return p.Histogram(flat, "") })
		golden(t, fmt.Sprintf("hist_by.%s", f), o, func(p *report.Printer) error {
			p.Explain(parted.Explanation)
			return p.Histogram(&parted, "user")
		})
	}
	var b bytes.Buffer
	if err := report.PrintExplanation(&b, facets.Explanation); err != nil {
		t.Fatal(err)
	}
	checkHarmless(t, b.String(), false)
	if !strings.Contains(b.String(), `\u001b[2Jevil*`) || !strings.Contains(b.String(), "310") {
		t.Errorf("the explanation is %s", b.String())
	}
}

// TestChangeLines: what is printed part by part is what is printed at once, which
// goes by the fields of the document.
func TestChangeLines(t *testing.T) {
	changes := append(story(), hostile(), audit.Change{}, audit.Change{Key: audit.Key{ID: `"é\u001b"`}, User: "\xff<&>\u2028", Note: "\x7f"})
	m := &querytest.Memory{}
	m.Add(querytest.NewCorpus(3).Changes(300)...)
	changes = append(changes, m.Changes()...)
	for i := range changes {
		c := &changes[i]
		switch i % 7 {
		case 1:
			c.Nth, c.Cluster, c.Sent = 3, "c\"1", c.After.Body
		case 2:
			c.Synthetic = true
		}
	}
	for _, o := range []report.Options{{Format: report.NDJSON}, {Format: report.NDJSON, NoImages: true}} {
		var once, parts bytes.Buffer
		sum := query.Summary{Count: len(changes), Total: 9, Coverage: partly()}
		why := counted().Explanation
		p := report.New(&once, o)
		p.Explain(why)
		if err := p.Changes(changes, sum); err != nil {
			t.Fatal(err)
		}
		p = report.New(&parts, o)
		p.Explain(why)
		for from, n := 0, 1; from < len(changes); from, n = from+n, n*3 {
			if err := p.ChangeLines(changes[from:min(from+n, len(changes))]); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.SummaryLine(sum); err != nil {
			t.Fatal(err)
		}
		want, got := bytes.Split(once.Bytes(), []byte("\n")), bytes.Split(parts.Bytes(), []byte("\n"))
		if len(want) != len(got) || len(got) < 300 {
			t.Fatalf("%d lines, want %d", len(got), len(want))
		}
		for i := range want {
			if !bytes.Equal(want[i], got[i]) {
				t.Fatalf("%s\nwant\n%s", got[i], want[i])
			}
		}
	}
	p := report.New(&bytes.Buffer{}, report.Options{Format: report.NDJSON})
	if err := p.ChangeLines([]audit.Change{{Key: audit.Key{ID: "{broken"}}}); err == nil {
		t.Error("an id that is no JSON was printed")
	}
}
