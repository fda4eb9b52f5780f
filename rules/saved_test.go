package rules

import (
	"bytes"
	"fmt"
	"testing"

	"recourse/audit"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// savedRules keep whatever a rule may keep of many changes.
const savedRules = `
apiVersion: rules/v1
rules:
  - {id: users, name: N, severity: low, alert: {title: t}, window: {size: 60s, by: [table], distinct: txn, count: 12}}
  - {id: records, name: N, severity: low, alert: {title: t}, window: {size: 40s, by: [], distinct: key, count: 11}}
  - {id: sum, name: N, severity: low, alert: {title: t}, window: {size: 30s, by: [user], sum: after.p, gte: 25}}
  - {id: many, name: N, severity: low, alert: {title: t}, window: {size: 30s, by: [user, table], count: 5}}
  - {id: spike, name: N, severity: low, alert: {title: t}, window: {size: 1m, by: [user], fire: ">= max(5, baseline.spike)"}, baseline: {train: 3d, min_history: 1d, cold: 5}}
  - {id: share, name: N, severity: low, alert: {title: t}, match: {ops: [delete]}, window: {size: 1m, by: [table], distinct: key, fraction: {of: table_live_rows, gte: 0.2, floor: 3}}}
`

// TestWhatIsSavedIsAll: an engine that is made of what was saved, all at once or what
// had changed each time, keeps what the one keeps that saved it, and nothing else.
func TestWhatIsSavedIsAll(t *testing.T) {
	set := mustCompile(t, savedRules)
	rapid.Check(t, func(t *rapid.T) {
		changes := drawChanges(t, rapid.IntRange(1, 150).Draw(t, "n"), 60_000)
		spread := audit.Time(rapid.SampledFrom([]int{1, 1, 700}).Draw(t, "spread")) // over some minutes, or over days
		saved := map[string]audit.Alert{}
		opts := Options{MaxChanges: rapid.SampledFrom([]int{0, 20}).Draw(t, "changes"), MaxGroups: rapid.SampledFrom([]int{0, 2}).Draw(t, "groups"),
			Memory: rapid.SampledFrom([]int{0, 6000}).Draw(t, "memory"), Baselines: func(audit.Table) []Rows { return []Rows{{Rows: 30}} }}
		e, state := NewEngine(set, opts), map[string][]byte{}
		take := func(alerts []audit.Alert) {
			for _, a := range alerts {
				saved[a.ID] = a
			}
		}
		for i := range changes {
			c := &changes[i]
			c.Time, c.Observed = changes[0].Time+(c.Time-changes[0].Time)*spread, changes[0].Time+(c.Observed-changes[0].Time)*spread
			alerts, err := e.Eval(c)
			if err != nil {
				t.Fatal(err)
			}
			if take(alerts); rapid.IntRange(0, 9).Draw(t, "save") > 0 {
				continue
			}
			delta, err := e.State()
			if err != nil {
				t.Fatal(err)
			}
			merge(state, delta)
			again := NewEngine(set, opts)
			if err := again.Restore(state, func(id string) ([]audit.Evidence, error) { return saved[id].Changes, nil }); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(dump(t, e), dump(t, again)) {
				t.Fatalf("after change %d of %d something else is kept", c.Seq, len(changes))
			}
			if rapid.Bool().Draw(t, "goes on") {
				e = again
			}
			usesOf(t, e)
			talliesOf(t, e)
		}
	})
}

// talliesOf fails unless all that is counted of groups is what they have.
func talliesOf(t interface{ Fatalf(string, ...any) }, e *Engine) {
	for _, r := range e.rules {
		for g := range r.held.all() {
			kept, window := map[uint32]int{}, map[uint32]int{}
			for i, n := range g.entries {
				kept[n.counted]++
				if i >= g.low {
					window[n.counted]++
				}
				if i >= g.clear[0] && i < g.clear[1] && !n.alerted {
					t.Fatalf("entry %d of %s is no evidence", i, r.ID)
				}
			}
			if r.w.weighs && len(g.weights) != len(g.entries) {
				t.Fatalf("%d entries of %s have %d weights", len(g.entries), r.ID, len(g.weights))
			}
			if !r.w.tallies {
				continue
			}
			if all, now := g.distinct(0), g.distinct(g.low); all != len(kept) || g.low > 0 && now != len(window) {
				t.Fatalf("%d and %d values of %s are counted, want %d and %d", all, now, r.ID, len(kept), len(window))
			}
			for _, n := range g.tallies.all {
				if n.value != 0 && (int(n.kept) != kept[n.value] || int(n.window) != window[n.value]) {
					t.Fatalf("%s: %s", r.ID, fmt.Sprint(n, kept[n.value], window[n.value]))
				}
			}
		}
	}
}

// TestRulesKeepToTheirRoom: what is too much for the memory is given up and counted, by
// the rule that keeps the most.
func TestRulesKeepToTheirRoom(t *testing.T) {
	const most = 100 << 10
	e := NewEngine(mustCompile(t, `
apiVersion: rules/v1
rules:
  - {id: users, name: N, severity: low, alert: {title: t}, match: {ops: [update]}, window: {size: 1h, by: [user], count: 1000}}
  - {id: records, name: N, severity: low, alert: {title: t}, window: {size: 1h, by: [key], count: 1000}}
`), Options{Memory: most})
	for i := range 5000 {
		c := audit.Change{Seq: audit.Seq(i + 1), Time: audit.Time(1795465916125 + i), User: fmt.Sprint(i % 10), Op: audit.OpUpdate,
			Key: audit.Key{Table: audit.Table{Database: "d", Name: "t"}, ID: audit.ID(fmt.Sprint(i))}}
		if i >= 500 {
			c.Op = audit.OpDelete
		}
		if _, err := e.Eval(&c); err != nil {
			t.Fatal(err)
		}
		if e.room.taken > most {
			t.Fatalf("after %d changes %d bytes are kept", i+1, e.room.taken)
		}
	}
	usesOf(t, e)
	all := e.Evicted()
	if len(all) != 1 || all[0].Rule != "records" || all[0].Groups+uint64(e.rules[1].held.n) != 5000 || e.rules[0].held.n != 10 {
		t.Errorf("%v were given up, %d groups are kept", all, e.rules[1].held.n)
	}
}

// TestGatheredIsLatest: alerts that are gathered are as those that each change returns,
// the last of each, also of groups that are gone by then, and after the rules were
// loaded again.
func TestGatheredIsLatest(t *testing.T) {
	set := mustCompile(t, savedRules)
	rapid.Check(t, func(t *rapid.T) {
		opts := Options{MaxGroups: rapid.SampledFrom([]int{0, 1, 2}).Draw(t, "groups"), Baselines: func(audit.Table) []Rows { return []Rows{{Rows: 30}} }}
		each := NewEngine(set, opts)
		opts.Gather = true
		e := NewEngine(set, opts)
		changes := drawChanges(t, rapid.IntRange(1, 150).Draw(t, "n"), 60_000)
		last := map[string]audit.Alert{}
		take := func(alerts []audit.Alert, seq audit.Seq) {
			for _, a := range alerts {
				if before, seen := last[a.ID]; seen {
					a.RaisedSeq = before.RaisedSeq
				} else {
					a.RaisedSeq = seq
				}
				last[a.ID] = a
			}
		}
		same := func() {
			got := map[string]audit.Alert{}
			if e.Gathered() != (len(last) > 0) {
				t.Fatalf("%d alerts began or grew, gathered %t", len(last), e.Gathered())
			}
			for _, a := range e.Raised() {
				got[a.ID] = a
			}
			if d := gocmp.Diff(last, got); d != "" {
				t.Fatalf("-each +gathered:\n%s", d)
			}
			clear(last)
		}
		for i := range changes {
			alerts, err := each.Eval(&changes[i])
			if err != nil {
				t.Fatal(err)
			}
			take(alerts, changes[i].Seq)
			if alerts, err = e.Eval(&changes[i]); err != nil || len(alerts) > 0 {
				t.Fatalf("%d alerts, %v", len(alerts), err)
			}
			if rapid.IntRange(0, 9).Draw(t, "save") == 0 {
				same()
			}
			if rapid.IntRange(0, 19).Draw(t, "reload") == 0 {
				each, e = each.Reload(set), e.Reload(set)
			}
		}
		end := changes[len(changes)-1].Time + 3_600_000
		take(each.Advance(end), changes[len(changes)-1].Seq)
		if alerts := e.Advance(end); len(alerts) > 0 {
			t.Fatalf("%d alerts", len(alerts))
		}
		same()
	})
}
