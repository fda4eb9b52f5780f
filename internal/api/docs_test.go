package api

import (
	"fmt"
	"os"
	"slices"
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

// TestQuestionsAreDocumented compares the table of docs/api.md with the routes.
func TestQuestionsAreDocumented(t *testing.T) {
	var want []string
	for _, r := range routes() {
		var params []string
		for _, p := range slices.Concat(r.takes, r.flags) {
			switch name := "`" + p.name + "`"; {
			case p.path:
			case p.need || p.name == "q":
				params = append(params, name+"*")
			case p.kind == someText:
				params = append(params, name+"+")
			default:
				params = append(params, name)
			}
		}
		want = append(want, strings.Join(strings.Fields(fmt.Sprintf("| `%s` | `%s` | %s |", r.path, strings.Join(r.command, " "), strings.Join(params, " "))), " "))
	}
	raw, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, "| `/v1/") {
			line = strings.NewReplacer(" (a record, or a table)", "").Replace(line)
			got = append(got, strings.Join(strings.Fields(line), " "))
		}
	}
	if d := cmp.Diff(got, want); d != "" {
		t.Errorf("docs/api.md (-) is not what is answered (+):\n%s", d)
	}
}
