package rules

import (
	"strings"
	"testing"
	"time"

	"recourse/audit"

	"github.com/google/go-cmp/cmp"
)

const twoRules = `
apiVersion: rules/v1
rules:
  - {id: fails, name: F, severity: low, where: len(after.s + after.s) > 9, alert: {title: t}, window: {size: 1s, by: [key], count: 1}}
  - {id: works, name: W, severity: low, where: after.n == 1, alert: {title: t}, window: {size: 1s, by: [key], count: 1}}
`

func TestARuleThatFailsIsQuarantinedAlone(t *testing.T) {
	set := mustCompile(t, twoRules)
	huge := audit.PresentImage(audit.Object(map[string]audit.Value{"s": audit.Text(strings.Repeat("a", 600_000)), "n": audit.Int(1)}), audit.Logged, audit.Exact)
	small := audit.PresentImage(audit.Object(map[string]audit.Value{"s": audit.Text("a long text"), "n": audit.Int(1)}), audit.Logged, audit.Exact)
	none := audit.AbsentImage(audit.Logged, audit.Exact)
	alone, parts := NewEngine(set, Options{}), NewEngine(set, Options{})
	saved := map[string][]byte{}
	raised := map[string]int{}
	var self []audit.Alert
	const failing, total = trialHeavy, trialHeavy + quarantineLength + 5
	for i := 1; i <= total; i++ {
		c := audit.Change{Seq: audit.Seq(i), Time: audit.Time(i * 10_000), Observed: audit.Time(i * 10_000), Op: audit.OpUpdate, User: "eve", Before: none, After: small}
		if i <= failing {
			c.After = huge
		}
		got, err := alone.Eval(&c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parts.Eval(&c)
		if err != nil || !cmp.Equal(got, again) {
			t.Fatalf("change %d: after a restart %v, %v; want %v", i, again, err, got)
		}
		for _, a := range got {
			raised[a.Rule]++
			if a.Rule == QuarantineRule {
				self = append(self, a)
			}
		}
		if i%1000 == 0 {
			if parts, err = restarted(parts, set, saved); err != nil {
				t.Fatal(err)
			}
		}
	}
	// The rule sees the last five changes again, and the other one has seen all.
	if raised["fails"] != 5 || raised["works"] != total || len(self) != 1 {
		t.Fatalf("alerts %v", raised)
	}
	if a := self[0]; a.FirstSeq != failing || a.Group["rule"] != "fails" || a.Severity != "high" ||
		!strings.Contains(a.Title, "fails or takes too much work on 100 of 100 changes: a text grows too long") {
		t.Errorf("alert %+v", a)
	}
	q := alone.Stats().Rules[0].Quarantine
	if q.Times != 1 || q.Left != 0 || q.Skipped != quarantineLength || q.Since != failing {
		t.Errorf("quarantine %+v", q)
	}
}

func TestARuleThatTakesTooMuchWorkIsQuarantined(t *testing.T) {
	set := mustCompile(t, ruleWith("    where: any(1..2, glob(after.s, \"b"+strings.Repeat("*c", 40)+"\"))\n"))
	e := NewEngine(set, Options{})
	after := audit.PresentImage(audit.Object(map[string]audit.Value{"s": audit.Text(strings.Repeat("a", 150_000))}), audit.Logged, audit.Exact)
	for i := 1; i <= 400; i++ {
		c := audit.Change{Seq: audit.Seq(i), Time: 1, Op: audit.OpUpdate, After: after}
		got, err := e.Eval(&c)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) > 0 {
			if s := e.Stats().Rules[0]; s.Errors != 0 || !strings.Contains(got[0].Title, "too much work on 100 of") {
				t.Errorf("%+v, alert %q", s, got[0].Title)
			}
			return
		}
	}
	t.Errorf("it is still at work: %+v", e.Stats().Rules[0])
}

func TestCostsAreMeasuredWithAClockAlone(t *testing.T) {
	set := mustCompile(t, twoRules)
	at := time.Duration(0)
	e := NewEngine(set, Options{Clock: func() time.Duration { at += time.Microsecond; return at }})
	for i := 1; i <= 3; i++ {
		if _, err := e.Eval(&audit.Change{Seq: audit.Seq(i), Time: 1, Op: audit.OpUpdate}); err != nil {
			t.Fatal(err)
		}
	}
	if got := e.Costs(); len(got) != 2 || got[1] != (Cost{"works", 3, 3 * time.Microsecond, time.Microsecond}) {
		t.Errorf("costs %v", got)
	}
	if got := NewEngine(set, Options{}).Costs(); got != nil {
		t.Errorf("costs without a clock %v", got)
	}
}
