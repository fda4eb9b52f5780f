package report_test

import (
	"bytes"
	"strings"
	"testing"

	"recourse/internal/report"
	"recourse/query"
)

// Of what was interrupted no part says that there is nothing, and no total is one.
func TestPartialAnswersKnowOfNothing(t *testing.T) {
	whole := query.Coverage{Complete: true}
	answer := query.Answer{Partial: query.Interrupted, Coverage: whole}
	for name, print := range map[string]func(*report.Printer) error{
		"histogram": func(p *report.Printer) error { return p.Histogram(&query.Histogram{Answer: answer}, "") },
		"facets":    func(p *report.Printer) error { return p.Facets(&query.Facets{Answer: answer}) },
	} {
		var out bytes.Buffer
		if err := print(report.New(&out, report.Options{Format: report.Table})); err != nil {
			t.Fatal(err)
		}
		said := strings.Join(strings.Fields(out.String()), " ")
		if !strings.Contains(said, "0 of at least 0 changes; ") || !strings.Contains(said, "interrupted") || strings.Contains(said, "…") {
			t.Errorf("%s: %s", name, out.String())
		}
	}
	for _, partial := range []bool{true, false} {
		var out bytes.Buffer
		if err := report.New(&out, report.Options{Format: report.Markdown}).Case(&query.Case{Partial: partial, Coverage: whole}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(out.String(), "* no change\n") || strings.Contains(out.String(), "* none"); got == partial {
			t.Errorf("partial: %v, and it says that there is nothing: %v\n%s", partial, got, out.String())
		}
	}
}
