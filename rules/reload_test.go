package rules

import (
	"iter"
	"strings"
	"testing"

	"recourse/audit"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// past is changes as Warm takes them.
func past(changes []audit.Change) iter.Seq2[*audit.Change, error] {
	return func(yield func(*audit.Change, error) bool) {
		for i := range changes {
			if !yield(&changes[i], nil) {
				return
			}
		}
	}
}

// TestAReloadChangesNothingOfWhatStays: the rules that a reload keeps go on as if
// there had been none; one that it brings is, once warmed, as if it had always
// been there. What was saved goes on in the same way.
func TestAReloadChangesNothingOfWhatStays(t *testing.T) {
	set := mustCompile(t, exactRules)
	const moved = "steps" // this rule comes, goes, and is altered
	without := mustCompile(t, exactRules[:strings.Index(exactRules, "  - {id: steps")]+exactRules[strings.Index(exactRules, "  - {id: undisturbed"):])
	altered := mustCompile(t, strings.Replace(exactRules, "within: 15s, steps: [{where: after.p == 1}, {where: after.p == 2}, {match", "within: 14s, steps: [{where: after.p == 1}, {where: after.p == 2}, {match", 1))
	exactChecks(t, func(t *rapid.T) {
		changes := drawChanges(t, rapid.IntRange(1, 80).Draw(t, "n"), 60_000)
		opts := exactOptions()
		whole, parts := NewEngine(set, opts), NewEngine(set, opts)
		now := set
		state := map[string][]byte{}
		for i := range changes {
			want, err := whole.Eval(&changes[i])
			if err != nil {
				t.Fatal(err)
			}
			got, err := parts.Eval(&changes[i])
			if err != nil {
				t.Fatal(err)
			}
			stays := func(a audit.Alert) bool { return a.Rule != moved && a.Rule != "suspect" } // which adds up the moved one's
			if d := gocmp.Diff(only(want, stays), only(got, stays)); d != "" {
				t.Fatalf("after change %d (-whole +reloaded):\n%s", changes[i].Seq, d)
			}
			if now == set {
				back := func(a audit.Alert) bool { return a.Rule == moved }
				if d := gocmp.Diff(only(want, back), only(got, back)); d != "" {
					t.Fatalf("of what was warmed, after change %d (-whole +reloaded):\n%s", changes[i].Seq, d)
				}
			}
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				now = rapid.SampledFrom([]*Set{set, without, altered}).Draw(t, "set")
				parts = parts.Reload(now)
				if _, err = parts.Warm(past(changes[:i+1])); err != nil {
					t.Fatal(err)
				}
			case 1:
				if parts, err = restarted(parts, now, state); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func only(alerts []audit.Alert, keep func(audit.Alert) bool) []audit.Alert {
	var out []audit.Alert
	for _, a := range alerts {
		if keep(a) {
			out = append(out, a)
		}
	}
	return out
}

// TestARuleThatFailsWhileItIsWarmedIsToldOf: a rule that a reload brings and that the
// changes of before put into quarantine judges nothing for a while, and that is said.
func TestARuleThatFailsWhileItIsWarmedIsToldOf(t *testing.T) {
	both := mustCompile(t, twoRules)
	works := mustCompile(t, "apiVersion: rules/v1\nrules:\n"+twoRules[strings.Index(twoRules, "  - {id: works"):])
	huge := audit.PresentImage(audit.Object(map[string]audit.Value{"s": audit.Text(strings.Repeat("a", 600_000)), "n": audit.Int(1)}), audit.Logged, audit.Exact)
	e := NewEngine(works, Options{})
	var changes []audit.Change
	for i := 1; i <= trialHeavy; i++ {
		at := audit.Time(i * 10_000)
		changes = append(changes, audit.Change{Seq: audit.Seq(i), Time: at, Observed: at, Op: audit.OpUpdate, User: "eve", Before: audit.AbsentImage(audit.Logged, audit.Exact), After: huge})
		if _, err := e.Eval(&changes[i-1]); err != nil {
			t.Fatal(err)
		}
	}
	e = e.Reload(both)
	alerts, err := e.Warm(past(changes))
	if err != nil {
		t.Fatal(err)
	}
	if q := e.Quarantined(); len(q) != 1 || q[0] != "fails" {
		t.Errorf("in quarantine: %q", q)
	}
	if len(alerts) != 1 || alerts[0].Rule != QuarantineRule || alerts[0].Group["rule"] != "fails" {
		t.Errorf("alerts %+v", alerts)
	}
}

// TestWhatWasWarmedIsSavedFromThenOn: what a rule that a reload brought adds to the
// windows that it was warmed with is saved, also when no snapshot is taken.
func TestWhatWasWarmedIsSavedFromThenOn(t *testing.T) {
	const head = "apiVersion: rules/v1\nrules:\n"
	const other = "  - {id: other, name: O, severity: low, window: {size: 1s, by: [key], count: 9}, alert: {title: t}}\n"
	const added = "  - {id: added, name: A, severity: low, window: {size: 1h, by: [user], count: 4}, alert: {title: t}}\n"
	both := mustCompile(t, head+other+added)
	e := NewEngine(mustCompile(t, head+other), Options{})
	saved := map[string][]byte{}
	save := func() {
		t.Helper()
		state, err := e.State()
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range state {
			if saved[name] = value; value == nil {
				delete(saved, name)
			}
		}
	}
	var changes []audit.Change
	eval := func(e *Engine) []audit.Alert {
		t.Helper()
		n := len(changes) + 1
		c := audit.Change{Seq: audit.Seq(n), Time: audit.Time(n * 10_000), Observed: audit.Time(n * 10_000), Op: audit.OpUpdate, User: "eve"}
		changes = append(changes, c)
		alerts, err := e.Eval(&c)
		if err != nil {
			t.Fatal(err)
		}
		return alerts
	}
	eval(e)
	save()
	e = e.Reload(both)
	if _, err := e.Warm(past(changes)); err != nil {
		t.Fatal(err)
	}
	save()
	eval(e)
	eval(e)
	save()
	again := NewEngine(both, Options{})
	if err := again.Restore(saved, nil); err != nil {
		t.Fatal(err)
	}
	if alerts := eval(again); len(alerts) != 1 || alerts[0].Count != 4 {
		t.Errorf("after a restart: %+v", alerts)
	}
}
