package ingest

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestAlarmsAreDocumented: docs/rules.md lists the rules of the ingestor, all of
// them and no others.
func TestAlarmsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed, known []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(log-[a-z-]+)` \\|").FindAllSubmatch(doc, -1) {
		listed = append(listed, string(m[1]))
	}
	severities := []string{"info", "low", "medium", "high", "critical"}
	for rule, kind := range alarmKinds {
		known = append(known, string(rule))
		if kind.name == "" || kind.attack == "" || !slices.Contains(severities, kind.severity) || kind.risk < 1 || kind.risk > 100 {
			t.Errorf("%s: %+v", rule, kind)
		}
	}
	slices.Sort(listed)
	slices.Sort(known)
	if !slices.Equal(listed, known) {
		t.Errorf("docs/rules.md lists %q, there are %q", listed, known)
	}
}
