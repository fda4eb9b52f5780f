package rules

import (
	"strings"
	"testing"
)

func TestRunTestsFailsWhatProvesNothing(t *testing.T) {
	fires := "{name: fires, events: [{op: delete}], expect: [{}]}"
	silent := "{name: silent, events: [{op: update, after: {}}], expect: []}"
	for _, tt := range []struct {
		name, lines, want string // want is the message of the one failure; empty: none
	}{
		{"both", "    tests: [" + fires + ", " + silent + "]\n", ""},
		{"none", "", "no test in which the rule fires"},
		{"no silent one", "    tests: [" + fires + "]\n", "no test in which the rule stays silent"},
		{"no firing one", "    tests: [" + silent + "]\n", "no test in which the rule fires"},
		{"an alert too few", "    tests: [" + fires + ", " + silent + ", {name: x, events: [{op: update}], expect: [{}]}]\n",
			"expects 1 such alerts; 0 were raised. All alerts: none"},
		{"an alert too many", "    tests: [" + fires + ", " + silent + ", {name: x, events: [{op: delete}], expect: []}]\n",
			"an alert was raised that is not expected: {count: 1, at: 0s, group: map[table:data.table user:user]"},
		{"another count", "    tests: [" + fires + ", " + silent + ", {name: x, events: [{op: delete, repeat: 2}], expect: [{count: 3}]}]\n",
			"expects 1 such alerts; 0 were raised. All alerts: {count: 2"},
		{"another group", "    tests: [" + fires + ", " + silent + ", {name: x, events: [{op: delete}], expect: [{group: {user: eve}}]}]\n",
			"expects 1 such alerts; 0 were raised"},
		{"another time", "    tests: [" + fires + ", " + silent + ", {name: x, events: [{op: delete}], expect: [{at: 1s}]}]\n",
			"expects 1 such alerts; 0 were raised"},
		{"two alerts", "    tests: [" + fires + ", " + silent + ", {name: x, events: [{op: delete}, {at: 1h, op: delete}], expect: [{alerts: 2, count: 1}]}]\n", ""},
	} {
		set := mustCompile(t, ruleWith("    match: {ops: [delete]}\n"+tt.lines))
		var failures []string
		for _, r := range RunTests(set) {
			if !r.Pass {
				failures = append(failures, r.Message)
			}
		}
		got := strings.Join(failures, "; ")
		if tt.want == "" && got != "" || tt.want != "" && (len(failures) != 1 || !strings.Contains(got, tt.want)) {
			t.Errorf("%s: %s; want %s", tt.name, got, tt.want)
		}
	}
	if r := RunTests(&Set{}); len(r) != 1 || r[0].Pass {
		t.Errorf("no rules: %v", r)
	}
}

func TestATestFailsWhenTheConditionDoes(t *testing.T) {
	// A thousand times a text of a hundred thousand characters.
	file := ruleWith("    where: any(1..1000, lower(after.s) == \"x\")\n    tests:\n" +
		"      - {name: silent, events: [{after: {s: " + strings.Repeat("a", 100_000) + "}}], expect: []}\n" +
		"      - {name: fires, events: [{after: {s: X}}], expect: [{}]}\n")
	r := RunTests(mustCompile(t, file))
	if len(r) != 2 || r[0].Pass || !r[1].Pass || !strings.Contains(r[0].Message, "the condition failed on event 1: the condition takes too many steps") {
		t.Errorf("results %+v", r)
	}
}
