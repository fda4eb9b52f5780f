package main

import (
	"math"
	"strings"
	"testing"

	"recourse/audit"
	"recourse/rules"

	"github.com/google/go-cmp/cmp"
)

// busyRules look at all that patched writes, each in its way.
const busyRules = `
apiVersion: rules/v1
rules:
  - {id: many, name: M, severity: low, where: 'after.name == "rex"', window: {size: 1s, by: [user, table], count: 5}, alert: {title: "{{.count}}"}}
  - {id: keys, name: K, severity: low, on_unknown_before: evaluate, window: {size: 2s, by: [table], distinct: key, count: 20}, alert: {title: t}}
  - {id: new, name: N, severity: low, new_terms: {fields: [key], seen_within: 1h}, alert: {title: t}}
`

func compiledRules(t *testing.T, text string) *rules.Set {
	t.Helper()
	set, err := rules.Compile(rules.File{Name: "test.yaml", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// busy is changes in bursts, some of them late.
func busy(n, from int) []audit.Change {
	var all []audit.Change
	for i := range n {
		i += from
		at := 10_000 + i*90 + i/40*20_000
		if i%17 == 0 {
			at -= 5_000
		}
		name := "rex"
		if i%3 == 0 {
			name = "max"
		}
		all = append(all, patched(i%70, audit.Time(at), name, audit.Exact))
	}
	return all
}

// TestBacktestIsLive: what the rules raised as the changes came, with restarts in
// between, is what they raise when all is judged once more; and judging once more
// leaves everything that is stored as it was.
func TestBacktestIsLive(t *testing.T) {
	w, err := openFolder(t.Context(), systemEnv(), t.TempDir(), config{}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	set := compiledRules(t, busyRules)
	for i := range 5 {
		w.put(t, busy(100, i*100)...)
		if _, err := w.catchUp(t.Context(), set); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			w.judge = nil // as after a restart
		}
	}
	before := storedByRules(t, w)
	trials, did, err := w.try(t.Context(), stretch{to: audit.Time(math.Inf(1))}, set, set)
	if err != nil {
		t.Fatal(err)
	}
	if did.Changes != 500 || did.Counted != 500 {
		t.Errorf("judged %+v", did)
	}
	live := map[string]audit.Alert{}
	for _, a := range before.alerts {
		live[a.ID] = a
	}
	if len(live) < 20 {
		t.Errorf("only %d alerts", len(live))
	}
	for _, trial := range trials {
		if len(trial.alerts) != len(live) {
			t.Errorf("%d alerts; live there were %d", len(trial.alerts), len(live))
		}
		for id, a := range trial.alerts {
			l := live[id]
			if a.Count != l.Count || a.FirstSeq != l.FirstSeq || a.LastTime != l.LastTime || !cmp.Equal(a.Changes, l.Changes) {
				t.Errorf("alert %s of %s: %d changes; live %d", id, a.Rule, a.Count, l.Count)
			}
		}
	}
	if after := storedByRules(t, w); !cmp.Equal(before.alerts, after.alerts) || !cmp.Equal(before.state, after.state) || before.progress != after.progress {
		t.Error("a backtest altered what is stored")
	}
}

type stored struct {
	alerts   []audit.Alert
	state    map[string][]byte
	progress audit.Seq
}

func storedByRules(t *testing.T, w *workspace) stored {
	t.Helper()
	var s stored
	var err error
	if s.alerts, err = w.store.Alerts(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.state, err = w.store.RuleState(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.progress, err = w.store.Progress(t.Context(), rulesProgress); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestBacktestDiffers: alerts are compared by what they are about, as their ids
// differ with the rules; what goes on before the stretch does not count.
func TestBacktestDiffers(t *testing.T) {
	w, err := openFolder(t.Context(), systemEnv(), t.TempDir(), config{}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	w.put(t, busy(200, 0)...)
	old := compiledRules(t, busyRules)
	renamed := compiledRules(t, strings.Replace(busyRules, "id: many, name: M", "id: many, version: 2, name: M", 1))
	stricter := compiledRules(t, strings.Replace(busyRules, "count: 5", "count: 500", 1))
	for name, tt := range map[string]struct {
		new            *rules.Set
		removed, since int
	}{"the same": {old, 0, 0}, "another version": {renamed, 0, 0}, "one rule less": {stricter, 5, 0}, "since later": {stricter, 2, 80_000}} {
		b := backtest{new: tt.new, old: old, stretch: stretch{from: audit.Time(tt.since), to: audit.Time(math.Inf(1))}}
		trials, did, err := w.try(t.Context(), b.stretch, b.new, b.old)
		if err != nil {
			t.Fatal(err)
		}
		r := b.report(trials, did, systemEnv().now())
		if len(r.Added) != 0 || len(r.Removed) != tt.removed {
			t.Errorf("%s: %d added, %d removed", name, len(r.Added), len(r.Removed))
		}
	}
}

// TestSuggestedExceptionsHold: what a backtest suggests is a rule file's text, and
// taken over it excepts what it was suggested for, whatever its user is called.
func TestSuggestedExceptionsHold(t *testing.T) {
	w, err := openFolder(t.Context(), systemEnv(), t.TempDir(), config{}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	var all []audit.Change
	for day := range 4 {
		for i := range 9 {
			c := patched(i, audit.Time(day*86_400_000+i*100), "rex", audit.Exact)
			c.User = "a \"b\", [c]: #\x1b"
			c.ID = c.Identify()
			all = append(all, c)
		}
	}
	w.put(t, all...)
	b := backtest{new: compiledRules(t, busyRules), stretch: stretch{to: audit.Time(math.Inf(1))}}
	trials, did, err := w.try(t.Context(), b.stretch, b.new)
	if err != nil {
		t.Fatal(err)
	}
	r := b.report(trials, did, systemEnv().now())
	if len(r.Suggested) != 1 {
		t.Fatalf("suggested %q", r.Suggested)
	}
	text := strings.Replace(busyRules, "rules:\n", "exceptions:\n"+strings.Join(r.Suggested, "\n")+"\nrules:\n", 1)
	trials, _, err = w.try(t.Context(), b.stretch, compiledRules(t, text))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range trials[0].engine.Stats().Rules {
		if s.Rule == "many" && (s.Alerts != 0 || s.Excepted != 36) {
			t.Errorf("%+v", s)
		}
	}
}

// TestBacktestDecidesUpToItsEnd: what waits for time to pass is decided as far as the
// stretch goes, and not left out because no later change was judged.
func TestBacktestDecidesUpToItsEnd(t *testing.T) {
	w, err := openFolder(t.Context(), systemEnv(), t.TempDir(), config{}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	w.put(t, patched(1, 10_000, "rex", audit.Exact), patched(2, 99_000, "max", audit.Exact))
	set := compiledRules(t, `
apiVersion: rules/v1
rules:
  - id: gone
    name: G
    severity: low
    absence: {by: [user], after: {where: after.name == "rex"}, expect: {where: after.name == "max"}, within: 5s}
    alert: {title: t}
`)
	for to, want := range map[audit.Time]int{11_000: 0, 14_000: 0, 16_000: 1, 90_000: 1, audit.Time(math.Inf(1)): 1} {
		trials, did, err := w.try(t.Context(), stretch{to: to}, set)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(trials[0].raised(stretch{to: to})); got != want || did.Changes == 0 {
			t.Errorf("until %v: %d alerts; want %d", to, got, want)
		}
	}
}
