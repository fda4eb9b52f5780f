package main

import (
	"strings"
	"testing"

	"recourse/audit"
)

// TestQuarantineIsTold: a rule that takes too much work on what somebody writes is
// told by an alert and by status, over a restart, until it is at work again.
func TestQuarantineIsTold(t *testing.T) {
	w, err := openFolder(t.Context(), systemEnv(), t.TempDir(), config{}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	set := compiledRules(t, `
apiVersion: rules/v1
rules:
  - {id: costly, name: C, severity: low, alert: {title: t}, where: 'any(1..3, glob(after.name, "b`+strings.Repeat("*c", 60)+`"))'}
`)
	told := func(want string) {
		t.Helper()
		got, err := w.quarantinedRules(t.Context())
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("quarantined %q, %v; want %q", got, err, want)
		}
	}
	judge := func(n int, name string) {
		t.Helper()
		var all []audit.Change
		for range n {
			all = append(all, patched(len(all), audit.Time(w.store.Last())*100+audit.Time(len(all))+1, name, audit.Exact))
		}
		w.put(t, all...)
		if _, err := w.catchUp(t.Context(), set); err != nil {
			t.Fatal(err)
		}
	}
	judge(99, strings.Repeat("a", 60_000))
	told("")
	judge(1, strings.Repeat("a", 60_000))
	told("costly")
	alerts, err := w.store.Alerts(t.Context())
	if err != nil || len(alerts) != 1 || alerts[0].Rule != "rule-quarantined" || alerts[0].Group["rule"] != "costly" {
		t.Errorf("alerts %v, %v", alerts, err)
	}
	w.judge, w.quarantineNoted = nil, false // as after a restart
	judge(9_999, "x")
	told("costly")
	judge(1, "x")
	told("")
}
