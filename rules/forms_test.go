package rules

import "testing"

// forms is a set with a rule of every form.
func forms(t testing.TB) *Set {
	t.Helper()
	set, err := Load("testdata/forms.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestForms runs the tests that the rules of testdata/forms.yaml carry.
func TestForms(t *testing.T) {
	for _, r := range RunTests(forms(t)) {
		if !r.Pass && r.Test != "" {
			t.Errorf("%s:%d %s: %s: %s", r.File, r.Line, r.Rule, r.Test, r.Message)
		}
	}
}
