package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBuiltinRulesPassTheirTests(t *testing.T) {
	set, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(set.Rules()); n < 12 {
		t.Fatalf("%d rules; want at least 12", n)
	}
	for _, r := range RunTests(set) {
		if !r.Pass {
			t.Errorf("%s:%d: %s: %s: %s", r.File, r.Line, r.Rule, r.Test, r.Message)
		}
	}
}

// Every rule has a page that says what to do about its alerts, an ATT&CK technique
// of the pinned version, and there is no page of a rule that is gone.
func TestBuiltinRulesAreDocumented(t *testing.T) {
	set, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range set.Rules() {
		page, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(r.Runbook)))
		if err != nil || !strings.HasPrefix(string(page), "# "+r.ID+"\n") {
			t.Errorf("%s: its page is %q: %v", r.ID, r.Runbook, err)
		}
		if r.AttackVersion != "18" || len(r.Attack) == 0 {
			t.Errorf("%s: ATT&CK %s %v", r.ID, r.AttackVersion, r.Attack)
		}
		if r.Composite == nil && (r.Risk == 0) != (r.ID == "table-filled") {
			t.Errorf("%s: risk %d", r.ID, r.Risk)
		}
	}
	pages, err := filepath.Glob("../docs/rules/*.md")
	if err != nil || len(pages) != len(set.Rules()) {
		t.Errorf("%d pages of %d rules (%v)", len(pages), len(set.Rules()), err)
	}
}
