package rules

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"

	"recourse/audit"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// drawChanges is a stream of changes in the order in which they are learned:
// mostly in time's order, some of them late, some very late.
func drawChanges(t *rapid.T, n int, lateBy float64) []audit.Change {
	changes := make([]audit.Change, n)
	now := 1795465916125.25
	for i := range changes {
		now += float64(rapid.IntRange(0, 4000).Draw(t, "pause"))
		at := now
		if rapid.IntRange(0, 4).Draw(t, "late") == 0 {
			at -= rapid.Float64Range(0, lateBy).Draw(t, "by")
		}
		c := audit.Change{Seq: audit.Seq(i + 1), Time: audit.Time(math.Round(at)), Observed: audit.Time(now + 50),
			User: rapid.SampledFrom([]string{"ann", "eve"}).Draw(t, "user"),
			Op:   rapid.SampledFrom([]audit.Op{audit.OpDelete, audit.OpUpdate}).Draw(t, "op"),
			Key: audit.Key{Table: audit.Table{Database: "d", Name: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "table")},
				ID: audit.ID(fmt.Sprint(rapid.IntRange(1, 6).Draw(t, "id")))}}
		if rapid.Bool().Draw(t, "known") {
			c.Before = audit.PresentImage(audit.Object(map[string]audit.Value{"p": audit.Int(1)}), audit.Folded, audit.Exact)
		}
		c.After = audit.PresentImage(audit.Object(map[string]audit.Value{
			"p": audit.Int(int64(rapid.IntRange(1, 3).Draw(t, "p")))}), audit.Logged, audit.Exact)
		changes[i] = c
	}
	return changes
}

const engineRules = `
apiVersion: rules/v1
rules:
  - {id: plain, name: P, severity: low, alert: {title: "{{.user}} {{.count}}"}, match: {ops: [delete]}, window: {size: 10s, by: [user, table], count: 4}}
  - {id: distinct, name: D, severity: low, alert: {title: t}, window: {size: 10s, by: [user], distinct: key, count: 4}}
  - {id: single, name: S, severity: low, alert: {title: t}, match: {users: [eve]}}
  - {id: each, name: E, severity: low, alert: {title: "{{.each}}"}, where: 'before.p != after.p', on_unknown_before: flag, window: {size: 20s, by: [table], each: changed, count: 3}}
  - {id: values, name: V, severity: low, alert: {title: t}, where: 'after.p > 1', window: {size: 20s, by: [], each: '[after.p]', count: 3}}
`

func TestARestartChangesNothing(t *testing.T) {
	set := mustCompile(t, engineRules)
	rapid.Check(t, func(t *rapid.T) {
		opts := Options{MaxGroups: rapid.SampledFrom([]int{0, 1, 2}).Draw(t, "groups"),
			MaxChanges: rapid.SampledFrom([]int{0, 5}).Draw(t, "changes"), MaxEvidence: rapid.SampledFrom([]int{0, 6}).Draw(t, "evidence")}
		changes := drawChanges(t, rapid.IntRange(1, 120).Draw(t, "n"), 60_000)
		whole, parts := NewEngine(set, opts), NewEngine(set, opts)
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
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("after change %d (-whole +restarted):\n%s", changes[i].Seq, d)
			}
			switch rapid.IntRange(0, 5).Draw(t, "break") {
			case 0:
				if parts, err = restarted(parts, set, state); err != nil {
					t.Fatal(err)
				}
				parts.opts = opts
			case 1: // saved, and not begun again
				delta, err := parts.State()
				if err != nil {
					t.Fatal(err)
				}
				merge(state, delta)
			}
		}
		if d := cmp.Diff(whole.Stats(), parts.Stats()); d != "" {
			t.Fatalf("stats (-whole +restarted):\n%s", d)
		}
	})
}

func merge(state, delta map[string][]byte) {
	for name, data := range delta {
		if data == nil {
			delete(state, name)
		} else {
			state[name] = data
		}
	}
}

func TestARestartWithinTheIncidentChangesNothing(t *testing.T) {
	set, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	changes, _ := incident(t, "rocksdb")
	want := feed(t, NewEngine(set, Options{}), changes)
	for _, every := range []int{97, 1000} {
		e, state := NewEngine(set, Options{}), map[string][]byte{}
		last, order := map[string]audit.Alert{}, []string{}
		take := func(alerts []audit.Alert) {
			for _, a := range alerts {
				if _, known := last[a.ID]; !known {
					order = append(order, a.ID)
				}
				last[a.ID] = a
			}
		}
		newest := audit.Time(0)
		for i := range changes {
			newest = max(newest, changes[i].Time)
			alerts, err := e.Eval(&changes[i])
			if err != nil {
				t.Fatal(err)
			}
			take(alerts)
			if i%every == 0 {
				if e, err = restarted(e, set, state); err != nil {
					t.Fatal(err)
				}
			}
		}
		take(e.Advance(newest + 3600_000))
		var got []audit.Alert
		for _, id := range order {
			got = append(got, last[id])
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("every %d (-whole +restarted):\n%s", every, d)
		}
	}
}

func TestRestoreRefusesDamageAndForgetsOldRules(t *testing.T) {
	e := NewEngine(mustCompile(t, engineRules), Options{})
	evalAll(t, e, 0, 1, 2)
	state, err := e.State()
	if err != nil {
		t.Fatal(err)
	}
	for name := range state {
		bad := maps.Clone(state)
		bad[name] = []byte{0xff, 1, 2}
		if err := NewEngine(mustCompile(t, engineRules), Options{}).Restore(bad, e.evidence); !errors.Is(err, ErrState) {
			t.Errorf("%s damaged: %v", name, err)
		}
	}
	delete(state, engineState)
	if err := NewEngine(mustCompile(t, engineRules), Options{}).Restore(state, e.evidence); !errors.Is(err, ErrState) {
		t.Errorf("without the engine's own: %v", err)
	}
	state, err = e.State() // all of it again: nothing else has changed
	if err != nil || len(state) != 1 {
		t.Fatalf("a second State has %d names, %v; want the engine's", len(state), err)
	}

	// Rule plain means something else now; the others go on.
	full := map[string][]byte{}
	e = NewEngine(mustCompile(t, engineRules), Options{})
	evalAll(t, e, 0, 1, 2)
	delta, err := e.State()
	if err != nil {
		t.Fatal(err)
	}
	merge(full, delta)
	changed := mustCompile(t, strings.Replace(engineRules, "by: [user, table], count: 4", "by: [user, table], count: 2", 1))
	next := NewEngine(changed, Options{})
	if err := next.Restore(full, e.evidence); err != nil {
		t.Fatal(err)
	}
	s := next.Stats().Rules
	if s[0].Matched != 0 || s[1].Matched != 3 || s[1].Groups != 1 || s[0].Groups != 0 {
		t.Errorf("after a new definition: %+v", s)
	}
	delta, err = next.State()
	if err != nil {
		t.Fatal(err)
	}
	merge(full, delta)
	old := NewEngine(mustCompile(t, engineRules), Options{})
	if err := old.Restore(full, e.evidence); err != nil {
		t.Fatal(err)
	}
	if s := old.Stats().Rules; s[0].Groups != 0 || s[1].Groups != 1 {
		t.Errorf("state of the old definition is still there: %+v", s)
	}
	if next.Seq() != 3 {
		t.Errorf("seq %d", next.Seq())
	}
}
