package api

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMetricsAreDocumented compares docs/metrics.md with what is published.
// The names of the go and process metrics are Prometheus' own.
func TestMetricsAreDocumented(t *testing.T) {
	s := New(Options{State: constant(full())})
	s.ObservePoll("db1", 1)
	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "recourse_") {
			continue
		}
		var labels []string
		for _, l := range f.Metric[0].Label {
			labels = append(labels, "`"+l.GetName()+"`")
		}
		want = append(want, fmt.Sprintf("| `%s` | %s | %s | %s |",
			f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(labels, " "), f.GetHelp()))
	}
	raw, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, "| `recourse_") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if d := cmp.Diff(got, want); d != "" {
		t.Errorf("docs/metrics.md (-) is not what is published (+):\n%s", d)
	}
}
