package rules

import "testing"

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
