package main

import (
	"strings"
	"testing"

	"recourse/audit"
	"recourse/rules"

	"github.com/google/go-cmp/cmp"
)

// huntAmong is a hunt of rules among changes that were put into a new store.
func huntAmong(t *testing.T, text string, changes ...audit.Change) *hunt {
	t.Helper()
	w, err := openFolder(t.Context(), systemEnv(), t.TempDir(), config{}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	w.put(t, changes...)
	h := &hunt{w: w, found: map[string]audit.Alert{}}
	everything, err := parseQuery(systemEnv(), "*")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.run(t.Context(), compiledRules(t, text), w.engine(), everything); err != nil {
		t.Fatal(err)
	}
	return h
}

// TestAHuntThatFailedFoundNotNothing: a rule whose condition fails has not said that
// there is nothing to find, and what is not known is told as such.
func TestAHuntThatFailedFoundNotNothing(t *testing.T) {
	const text = `
apiVersion: rules/v1
rules:
  - {id: fails, name: F, severity: low, where: 'len(after.name + after.name) < 9', alert: {title: t}}
  - {id: before, name: B, severity: low, where: 'before.name == "rex"', alert: {title: t}}
`
	h := huntAmong(t, text, patched(1, 1_000, strings.Repeat("a", 600_000), audit.Exact))
	if h.code(exitNothing) != exitIntegrity {
		t.Error("a rule failed, and the hunt found nothing")
	}
	want := []string{
		"left out 1 times: the condition failed on a change (fails)",
		"left out 1 times: a change was not decided, as it is not known what the record was (before)",
	}
	if d := cmp.Diff(want, leftOut(h.stats)); d != "" {
		t.Error(d)
	}
	if h = huntAmong(t, text, patched(1, 1_000, "a name of some length", audit.Exact)); h.code(exitNothing) != exitNothing {
		t.Error("nothing was found, and no rule failed")
	}
	if h = huntAmong(t, text, patched(1, 1_000, strings.Repeat("a", 600_000), audit.Exact), patched(2, 2_000, "rex", audit.Exact)); h.code(exitOK) != exitOK {
		t.Error("an alert was raised")
	}
}

// TestAMergedAlertIsNoneOfAHunt: an alert that a late change makes part of another is
// not told of beside it.
func TestAMergedAlertIsNoneOfAHunt(t *testing.T) {
	const text = `
apiVersion: rules/v1
rules:
  - {id: any, name: A, severity: low, window: {size: 10s, by: [table], count: 1}, alert: {title: t}}
`
	h := huntAmong(t, text, patched(1, 100_000, "rex", audit.Exact), patched(2, 115_000, "rex", audit.Exact), patched(3, 108_000, "rex", audit.Exact))
	if len(h.alerts()) != 1 || h.alerts()[0].Count != 3 {
		t.Errorf("alerts %+v", h.alerts())
	}
}

// TestWhatRulesLeaveOutIsSaid: each count of what a rule did not decide or gave up is
// said, with the rules that it is of, and nothing where there is nothing.
func TestWhatRulesLeaveOutIsSaid(t *testing.T) {
	got := leftOut([]rules.RuleStats{{Rule: "a", GroupsEvicted: 2, Matched: 9}, {Rule: "b", GroupsEvicted: 1, ChangesEvicted: 4}, {Rule: "c", EachCut: 1}})
	want := []string{
		"left out 3 times: a group was given up before its time, for want of room (a, b)",
		"left out 4 times: a change was given up within its window, for want of room (b)",
		"left out 1 times: a change had more elements of each than are taken (c)",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got := leftOut([]rules.RuleStats{{Rule: "a", Matched: 9, Alerts: 1, Own: 1, Excepted: 1}}); got != nil {
		t.Errorf("said %q", got)
	}
}
