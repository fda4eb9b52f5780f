package rules

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"recourse/audit"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// exactRules is a rule of every form, with windows of some seconds.
const exactRules = `
apiVersion: rules/v1
rules:
  - {id: count, name: C, severity: low, risk: 30, alert: {title: "{{.count}}"}, match: {ops: [delete]}, window: {size: 10s, by: [user], count: 3}}
  - {id: kinds, name: D, severity: low, risk: 20, alert: {title: t}, window: {size: 10s, by: [user, table], distinct: key, count: 3}}
  - {id: sum, name: S, severity: low, alert: {title: t}, window: {size: 10s, by: [user], sum: after.p, gte: 6.5}}
  - {id: share, name: F, severity: low, risk: 50, alert: {title: t}, match: {ops: [delete]}, window: {size: 20s, by: [table], fraction: {of: table_live_rows, gte: 0.3, floor: 2}}}
  - {id: steps, name: Q, severity: low, risk: 40, alert: {title: t}, sequence: {by: [user], within: 15s, steps: [{where: after.p == 1}, {where: after.p == 2}, {match: {ops: [delete]}}]}}
  - {id: undisturbed, name: N, severity: low, alert: {title: t}, sequence: {by: [table], within: 15s, steps: [{where: after.p == 1}, {where: after.p == 2}], not: {where: after.p == 3}}}
  - {id: chain, name: R, severity: low, risk: 60, alert: {title: t}, sequence: {by: [user], within: 30s, steps: [{ref: count}, {where: after.p == 3}, {ref: kinds}]}}
  - {id: silence, name: A, severity: low, risk: 10, alert: {title: t}, absence: {by: [user], within: 6s, after: {where: after.p == 1}, expect: {where: after.p == 2}}}
  - {id: unanswered, name: B, severity: low, alert: {title: t}, absence: {by: [user], within: 40s, after: {ref: count}, expect: {ref: chain}}}
  - {id: fresh, name: T, severity: low, risk: 5, alert: {title: t}, new_terms: {fields: [user, table, key], seen_within: 60s, learn: 20s}}
  - {id: fresh-per, name: U, severity: low, alert: {title: t}, new_terms: {fields: [user, table], each: changed, seen_within: 60s, learn: 20s, per: [user]}, on_unknown_before: evaluate}
  - {id: suspect, name: X, severity: low, alert: {title: "{{.count}}"}, risk: {entity: user, gte: 70, within: 60s, half_life: 60s, distinct_rules: 2}}
`

// exactLateness is shorter than some of the windows and longer than others.
const exactLateness = 12 * time.Second

// exactOptions know how many records a table has: nine before the first change,
// and four when somebody counted again.
func exactOptions() Options {
	return Options{Lateness: exactLateness, Baselines: func(audit.Table) []Rows { return []Rows{{0, 9}, {1795465916125.25 + 20_000, 4}} }}
}

// drawStory is a stream in the order of its times, transactions of up to three
// changes among it.
func drawStory(t *rapid.T, n int) []audit.Change {
	changes := drawChanges(t, n, 0)
	for i := range changes {
		c := &changes[i]
		if i > 0 && c.Time <= changes[i-1].Time && rapid.IntRange(0, 2).Draw(t, "apart") > 0 {
			c.Time = changes[i-1].Time + 1
		}
		c.Time = max(c.Time, changes[max(i-1, 0)].Time)
		c.Observed = c.Time + 50
		if c.Op == audit.OpDelete {
			c.After = audit.AbsentImage(audit.Logged, audit.Exact)
		}
		c.ID = audit.ChangeID{byte(i), byte(i >> 8), 1}
	}
	return changes
}

// shuffled is the story as it is learned when changes are late by less than the
// lateness. A transaction stays together.
func shuffled(t *rapid.T, story []audit.Change) []audit.Change {
	type arriving struct {
		at audit.Time
		c  audit.Change
	}
	all := make([]arriving, len(story))
	by := map[audit.Time]audit.Time{}
	for i, c := range story {
		if _, drawn := by[c.Time]; !drawn {
			by[c.Time] = audit.Time(rapid.IntRange(0, int(exactLateness.Milliseconds())).Draw(t, "late by"))
		}
		c.Observed = c.Time + by[c.Time] + 50
		all[i] = arriving{c.Time + by[c.Time], c}
	}
	slices.SortStableFunc(all, func(a, b arriving) int { return cmp.Compare(a.at, b.at) })
	out := make([]audit.Change, len(all))
	for i, a := range all {
		out[i] = a.c
		out[i].Seq = audit.Seq(i + 1)
	}
	return out
}

// exactChecks is how many stories are drawn.
func exactChecks(t *testing.T, check func(*rapid.T)) {
	if os.Getenv("RECOURSE_SOAK") == "" {
		rapid.Check(t, check)
		return
	}
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end) && !t.Failed(); {
		rapid.Check(t, check)
	}
}

// collect feeds the changes and lets time go on at the end.
func collect(t rapid.TB, e *Engine, changes []audit.Change) map[string]audit.Alert {
	t.Helper()
	last := map[string]audit.Alert{}
	take := func(alerts []audit.Alert) {
		for _, a := range alerts {
			last[a.ID] = a
		}
	}
	for i := range changes {
		alerts, err := e.Eval(&changes[i])
		if err != nil {
			t.Fatal(err)
		}
		take(alerts)
	}
	if n := len(changes); n > 0 {
		take(e.Advance(changes[n-1].Time + 3_600_000))
	}
	return last
}

// contents is what alerts say but for what the order of learning decides: ids,
// numbers, and whether something came late.
func contents(alerts map[string]audit.Alert) []string {
	var out []string
	for _, a := range alerts {
		if a.MergedInto != "" {
			continue
		}
		var on []string
		for _, e := range a.Changes {
			on = append(on, fmt.Sprint(e.Table, e.Key, e.Time))
		}
		slices.Sort(on)
		out = append(out, fmt.Sprint(a.Rule, a.Group, a.Title, a.Count, a.FirstTime, a.LastTime, a.Unknown, len(a.Alerts), on))
	}
	slices.Sort(out)
	return out
}

// TestTheOrderOfLearningMakesNoDifference: whatever changes come late by less
// than the lateness, and however often, the alerts in the end are the same.
func TestTheOrderOfLearningMakesNoDifference(t *testing.T) {
	set := mustCompile(t, exactRules)
	fired := map[string]int{}
	check := func(t *rapid.T) {
		story := drawStory(t, rapid.IntRange(1, 80).Draw(t, "n"))
		ordered := collect(t, NewEngine(set, exactOptions()), story)
		for _, a := range ordered {
			fired[a.Rule]++
		}
		var again []audit.Change
		for _, c := range shuffled(t, story) {
			again = append(again, c)
			for rapid.IntRange(0, 9).Draw(t, "again") == 0 {
				again = append(again, again[rapid.IntRange(0, len(again)-1).Draw(t, "which")])
			}
		}
		if d := gocmp.Diff(contents(ordered), contents(collect(t, NewEngine(set, exactOptions()), again))); d != "" {
			t.Fatalf("(-ordered +shuffled):\n%s", d)
		}
	}
	for round := 0; round < 5 && len(fired) < len(set.Rules()); round++ { // one is rare
		exactChecks(t, check)
	}
	for _, r := range set.Rules() {
		if fired[r.ID] == 0 {
			t.Errorf("rule %s never fired", r.ID)
		}
	}
}

// dump is all that an engine keeps.
func dump(t interface{ Fatal(...any) }, e *Engine) []byte {
	w := newStateWriter()
	for _, r := range e.rules {
		if err := w.rule(r); err != nil {
			t.Fatal(err)
		}
		w.ofRule(r, false)
		for g := range r.held.all() {
			w.group(r.held, g)
		}
	}
	return w.take()
}

// usesOf fails unless the texts of an engine's pool are those that its groups use, and
// the bytes that it counts those of what it keeps.
func usesOf(t interface{ Fatalf(string, ...any) }, e *Engine) {
	uses, taken := map[uint32]int{}, 0
	for _, r := range e.rules {
		bytes := 0
		for g := range r.held.all() {
			bytes += r.held.rest(g) + len(g.entries)*entryBytes
		}
		if taken += bytes; bytes != r.held.bytes {
			t.Fatalf("%s keeps %d bytes, counted are %d", r.ID, bytes, r.held.bytes)
		}
		for number := uint32(1); number < r.held.next; number++ {
			for _, n := range r.held.at(number).entries {
				if !n.told {
					uses[n.key]++
				}
				if n.counted != 0 {
					uses[n.counted]++
				}
			}
		}
	}
	if e.room.taken != taken {
		t.Fatalf("%d bytes are kept, counted are %d", taken, e.room.taken)
	}
	e.pool.whole(t, uses)
}

// continued is an alert with all that it lists.
func continued(a audit.Alert, saved map[string]audit.Alert) audit.Alert {
	if a.Stored > 0 {
		a.Changes, a.Stored = slices.Concat(saved[a.ID].Changes[:a.Stored], a.Changes), 0
	}
	return a
}

// TestAnyCutChangesNothing: with a restart from what was saved anywhere, what was
// not saved done again, every return of the engine is the same.
func TestAnyCutChangesNothing(t *testing.T) {
	set := mustCompile(t, exactRules)
	exactChecks(t, func(t *rapid.T) {
		changes := drawChanges(t, rapid.IntRange(1, 80).Draw(t, "n"), 60_000)
		opts := exactOptions()
		opts.MaxGroups = rapid.SampledFrom([]int{0, 2}).Draw(t, "groups")
		opts.MaxChanges = rapid.SampledFrom([]int{0, 5}).Draw(t, "changes")
		opts.MaxKept = rapid.SampledFrom([]int{0, 7}).Draw(t, "kept")
		opts.Memory = rapid.SampledFrom([]int{0, 4000, 9000}).Draw(t, "memory")
		opts.MaxEvidence = rapid.SampledFrom([]int{0, 4}).Draw(t, "evidence")
		whole, parts := NewEngine(set, opts), NewEngine(set, opts)
		state, saved := map[string][]byte{}, map[string]audit.Alert{}
		opts.Folded = func(id string) (audit.Seqs, error) { return saved[id].Folded, nil }
		var want [][]audit.Alert
		for i := range changes {
			alerts, err := whole.Eval(&changes[i])
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, alerts)
		}
		if rapid.Bool().Draw(t, "listed") {
			opts.Listed, opts.recent = func(id string) ([]audit.Evidence, error) { return saved[id].Changes, nil }, rapid.IntRange(1, 3).Draw(t, "recent")
			parts = NewEngine(set, opts)
		}
		unsaved := map[string]audit.Alert{}
		for i := 0; i < len(changes); i++ {
			got, err := parts.Eval(&changes[i])
			if err != nil {
				t.Fatal(err)
			}
			for k := range got {
				got[k] = continued(got[k], saved)
			}
			if d := gocmp.Diff(want[i], got); d != "" {
				t.Fatalf("after change %d (-whole +cut):\n%s", changes[i].Seq, d)
			}
			for _, a := range got {
				unsaved[a.ID] = a
			}
			switch rapid.IntRange(0, 7).Draw(t, "what") {
			case 0, 1:
				delta, err := parts.State()
				if err != nil {
					t.Fatal(err)
				}
				merge(state, delta)
				for id, a := range unsaved {
					saved[id] = a
				}
				clear(unsaved)
				again := NewEngine(set, opts)
				if err := again.Restore(state, func(id string) ([]audit.Evidence, error) { return saved[id].Changes, nil }); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(dump(t, parts), dump(t, again)) {
					t.Fatalf("after change %d: what was saved is another state", changes[i].Seq)
				}
				usesOf(t, parts)
				usesOf(t, again)
			case 2: // cut
				clear(unsaved)
				parts = NewEngine(set, opts)
				if err := parts.Restore(state, func(id string) ([]audit.Evidence, error) { return saved[id].Changes, nil }); err != nil {
					t.Fatal(err)
				}
				i = int(parts.Seq()) - 1
			}
		}
		whole.repeated, parts.repeated = 0, 0
		if d := gocmp.Diff(whole.Stats(), parts.Stats()); d != "" {
			t.Fatalf("stats (-whole +cut):\n%s", d)
		}
		end := changes[len(changes)-1].Time + 3_600_000
		last := parts.Advance(end)
		for k := range last {
			last[k] = continued(last[k], saved)
		}
		if d := gocmp.Diff(whole.Advance(end), last); d != "" {
			t.Fatalf("at the end (-whole +cut):\n%s", d)
		}
	})
}
