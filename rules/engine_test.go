package rules

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
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

// A change is evidence if some window that holds it reaches the count: that is
// all a sliding window means, however late the change came, as long as that is
// by less than a window.
func TestEvidenceIsWhatAnyFullWindowHolds(t *testing.T) {
	set := mustCompile(t, engineRules)
	const size = 10_000
	rapid.Check(t, func(t *rapid.T) {
		changes := drawChanges(t, rapid.IntRange(1, 100).Draw(t, "n"), size)
		evidence := map[string]map[audit.Seq]bool{"plain": {}, "distinct": {}}
		e := NewEngine(set, Options{})
		seen := map[string]map[audit.Seq]string{}
		merged := map[string]bool{} // alerts that a late change made part of another
		for i := range changes {
			alerts, err := e.Eval(&changes[i])
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range alerts {
				merged[a.ID] = merged[a.ID] || a.MergedInto != ""
			}
			for _, a := range alerts {
				if evidence[a.Rule] == nil || merged[a.ID] {
					continue
				}
				if len(a.Changes) != a.Count || !slices.IsSortedFunc(a.Changes, func(x, y audit.Evidence) int { return int(x.Seq) - int(y.Seq) }) {
					t.Fatalf("alert counts %d and lists %v", a.Count, a.Changes)
				}
				for _, ev := range a.Changes {
					evidence[a.Rule][ev.Seq] = true
					if seen[a.Rule] == nil {
						seen[a.Rule] = map[audit.Seq]string{}
					}
					if other := seen[a.Rule][ev.Seq]; other != "" && other != a.ID && !merged[other] {
						t.Fatalf("change %d is evidence of two alerts of %s", ev.Seq, a.Rule)
					}
					seen[a.Rule][ev.Seq] = a.ID
				}
			}
		}
		for rule, group := range map[string]func(*audit.Change) string{
			"plain": func(c *audit.Change) string {
				if c.Op != audit.OpDelete {
					return ""
				}
				return c.User + c.Key.Table.String()
			},
			"distinct": func(c *audit.Change) string { return c.User },
		} {
			want := map[audit.Seq]bool{}
			for i := range changes { // the window that ends at each change
				end := changes[i].Time
				var in []audit.Seq
				keys := map[audit.Key]bool{}
				for j := range changes {
					c := &changes[j]
					if g := group(c); g != "" && g == group(&changes[i]) && c.Time > end-size && c.Time <= end {
						in = append(in, c.Seq)
						keys[c.Key] = true
					}
				}
				if n := map[string]int{"plain": len(in), "distinct": len(keys)}[rule]; n >= 4 {
					for _, s := range in {
						want[s] = true
					}
				}
			}
			if d := cmp.Diff(want, evidence[rule]); d != "" {
				t.Fatalf("%s (-oracle +engine):\n%s", rule, d)
			}
		}
	})
}

// simpleChange deletes record id at so many seconds.
func simpleChange(seq int, at float64, id string) audit.Change {
	return audit.Change{Seq: audit.Seq(seq), Time: audit.Time(1.7e12 + at*1000), User: "eve", Op: audit.OpDelete,
		Key: audit.Key{Table: audit.Table{Database: "d", Name: "a"}, ID: audit.ID(id)}}
}

func evalAll(t testing.TB, e *Engine, at ...float64) []audit.Alert {
	t.Helper()
	var changes []audit.Change
	for i, s := range at {
		changes = append(changes, simpleChange(i+1, s, fmt.Sprint(i+1)))
	}
	return feed(t, e, changes)
}

func TestAnAlertGrowsUntilItsGroupFallsSilent(t *testing.T) {
	set := mustCompile(t, engineRules)
	for _, tt := range []struct {
		name string
		at   []float64
		want []int // counts of the alerts of rule plain: 4 in 10 s
	}{
		{"below", []float64{0, 3, 6, 10}, nil},
		{"reached", []float64{0, 3, 6, 9.9}, []int{4}},
		{"grows", []float64{0, 1, 2, 3, 4, 5, 6}, []int{7}},
		{"a trickle is no evidence, and no silence", []float64{0, 1, 2, 3, 12, 21, 30, 31, 32, 33}, []int{8}},
		{"silence", []float64{0, 1, 2, 3, 14, 15, 16, 17}, []int{4, 4}},
		{"a late change joins", []float64{0, 1, 2, 8, 3}, []int{5}},
		{"late changes make one", []float64{0, 30, 1, 2, 3}, []int{4}},
		{"an old stretch and the present do not disturb one another",
			[]float64{1000, 1001, 0, 1002, 1, 2, 1003, 3}, []int{4, 4}},
	} {
		var got []int
		for _, a := range evalAll(t, NewEngine(set, Options{}), tt.at...) {
			if a.Rule == "plain" {
				got = append(got, a.Count)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: counts %v; want %v", tt.name, got, tt.want)
		}
	}
}

func TestAnAlertSaysAllItRestsOn(t *testing.T) {
	set := mustCompile(t, ruleWith("    version: 2\n    risk: 7\n    attack: {version: '18', ids: [TA0040/T1485, T1531]}\n    window: {size: 10s, by: [user], count: 2}\n"))
	alerts := evalAll(t, NewEngine(set, Options{}), 1, 0)
	if len(alerts) != 1 {
		t.Fatalf("%d alerts", len(alerts))
	}
	got := alerts[0]
	if len(got.ID) != 32 {
		t.Errorf("id %q", got.ID)
	}
	got.ID = ""
	ev := func(seq audit.Seq, id audit.ID, at audit.Time) audit.Evidence {
		return audit.Evidence{Seq: seq, Database: "d", Table: "a", Key: id, Time: at}
	}
	want := audit.Alert{Rule: "r", RuleName: "R", Severity: "low", Risk: 7, Attack: []string{"T1485", "T1531"},
		State: audit.AlertOpen, Title: "t", Group: map[string]string{"user": "eve"},
		FirstSeq: 1, LastSeq: 2, FirstTime: 1.7e12, LastTime: 1.7e12 + 1000, Count: 2,
		Changes: []audit.Evidence{ev(1, "1", 1.7e12+1000), ev(2, "2", 1.7e12)}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestTitlesAreFitToPrint(t *testing.T) {
	set := mustCompile(t, strings.Replace(ruleWith(""), "title: t", "title: '{{.user}} did {{.count}} in {{.window}} ({{.severity}}) {{.table}}'", 1))
	c := simpleChange(1, 0, "1")
	c.User = "\x1b[31mroot\n" + strings.Repeat("x", 1000)
	alerts, err := NewEngine(set, Options{}).Eval(&c)
	if err != nil || len(alerts) != 1 {
		t.Fatal(alerts, err)
	}
	title := alerts[0].Title
	if strings.ContainsAny(title, "\x1b\n") || len(title) > 400 || !strings.HasSuffix(title, " did 1 in 10m (low) d.a") {
		t.Errorf("title %q", title)
	}
	other := c
	other.Seq, other.User = 2, c.User+"y"
	again, err := NewEngine(set, Options{}).Eval(&other)
	if err != nil || again[0].Group["user"] == alerts[0].Group["user"] {
		t.Errorf("two long names became one: %v, %v", again, err)
	}
}

func TestWhatIsNotKnownIsSaid(t *testing.T) {
	rule := func(mode, where string) *Set {
		return mustCompile(t, ruleWith("    on_unknown_before: "+mode+"\n    where: '"+where+"'\n"))
	}
	unknown := simpleChange(1, 0, "1")
	unknown.Op = audit.OpUpdate
	unknown.After = record(t, `{"a":1}`)
	blind := unknown
	blind.Before, blind.After = record(t, `{"a":1}`), audit.Image{}
	for _, tt := range []struct {
		mode, where string
		c           audit.Change
		alert, flag bool
		skipped     uint64
	}{
		{"skip", "before.a != after.a", unknown, false, false, 1},
		{"flag", "before.a != after.a", unknown, true, true, 0},
		{"evaluate", "before.a != after.a", unknown, true, false, 0},
		{"skip", "after.a == 1", unknown, true, false, 0}, // does not read before
		{"flag", "after.a == 1", unknown, true, false, 0},
		{"skip", `old("a") == nil`, unknown, false, false, 1},
		{"skip", "len(changed) == 0", unknown, false, false, 1},
		{"skip", `before_state == "unknown"`, unknown, false, false, 1},
		{"skip", "after.a == nil", blind, false, false, 1},
		{"flag", "after.a == nil", blind, true, true, 0},
		{"skip", `user == "eve"`, blind, true, false, 0},
	} {
		e := NewEngine(rule(tt.mode, tt.where), Options{})
		alerts, err := e.Eval(&tt.c)
		if err != nil {
			t.Fatal(err)
		}
		s := e.Stats().Rules[0]
		if len(alerts) > 0 != tt.alert || s.SkippedUnknown != tt.skipped || tt.alert && alerts[0].Unknown != tt.flag {
			t.Errorf("%s, %s: alerts %v, skipped %d", tt.mode, tt.where, alerts, s.SkippedUnknown)
		}
	}
}

func TestAConditionThatFailsIsCountedAndStopsNothing(t *testing.T) {
	file := ruleWith("    where: 'len(filter(after.a, # > 0)) > 0'\n") +
		"  - id: other\n    name: O\n    severity: low\n    alert: {title: t}\n"
	e := NewEngine(mustCompile(t, file), Options{})
	ones := make([]audit.Value, 300_000)
	for i := range ones {
		ones[i] = audit.Int(1)
	}
	for seq := 1; seq <= 2; seq++ {
		c := simpleChange(seq, 0, "1")
		c.Op, c.After = audit.OpUpdate, audit.PresentImage(audit.Object(map[string]audit.Value{"a": audit.Array(ones...)}), audit.Logged, audit.Exact)
		if seq == 2 {
			c.After = record(t, `{"a":[1]}`)
		}
		alerts, err := e.Eval(&c)
		if err != nil {
			t.Fatal(err)
		}
		if len(alerts) != seq { // only the other rule on the first, both on the second
			t.Errorf("change %d: %d alerts", seq, len(alerts))
		}
	}
	s := e.Stats().Rules[0]
	if s.Errors != 1 || s.LastError == "" || s.LastErrorSeq != 1 || s.Matched != 1 || s.Evaluated != 2 {
		t.Errorf("stats %+v", s)
	}
}

func TestOurOwnChangesNeverAlert(t *testing.T) {
	set := mustCompile(t, engineRules)
	mine := map[audit.ChangeID]bool{}
	var changes []audit.Change
	for i := range 20 {
		c := simpleChange(i+1, float64(i), fmt.Sprint(i))
		mine[c.Identify()] = true
		if i%2 == 0 {
			c.ID = c.Identify()
		}
		changes = append(changes, c)
	}
	e := NewEngine(set, Options{Own: func(id audit.ChangeID) bool { return mine[id] }})
	if got := feed(t, e, changes); len(got) > 0 {
		t.Errorf("alerts %v", got)
	}
	if s := e.Stats().Rules[0]; s.Own != 20 || s.Matched != 0 {
		t.Errorf("stats %+v", s)
	}
	if got := feed(t, NewEngine(set, Options{Own: func(audit.ChangeID) bool { return false }}), changes); len(got) == 0 {
		t.Error("the same changes by others raise no alert")
	}
}

func TestEvalRefusesWhatIsOutOfOrder(t *testing.T) {
	e := NewEngine(mustCompile(t, engineRules), Options{})
	for _, tt := range []struct {
		seq  int
		at   float64
		want error
	}{{0, 0, ErrOrder}, {5, 0, nil}, {5, 0, nil}, {4, 0, nil}, {6, math.NaN(), ErrTime}, {6, math.Inf(1), ErrTime}, {6, 1, nil}} {
		c := simpleChange(tt.seq, tt.at, "1")
		if _, err := e.Eval(&c); !errors.Is(err, tt.want) {
			t.Errorf("change %d at %v: %v; want %v", tt.seq, tt.at, err, tt.want)
		}
	}
	if e.Seq() != 6 {
		t.Errorf("seq %d", e.Seq())
	}
}

func TestWhatIsGivenUpForWantOfRoomIsCounted(t *testing.T) {
	set := mustCompile(t, ruleWith("    window: {size: 1h, by: [key], count: 3}\n")+
		"  - {id: w, name: W, severity: low, alert: {title: t}, window: {size: 1h, by: [user], count: 3}}\n"+
		"  - {id: x, name: X, severity: low, alert: {title: t}, where: 'late', window: {size: 1h, by: [user], each: '1..101', count: 1000}}\n")
	e := NewEngine(set, Options{MaxGroups: 2, MaxChanges: 4, MaxEvidence: 5})
	var last audit.Alert
	for i := range 10 {
		c := simpleChange(i+1, float64(i), fmt.Sprint(i))
		alerts, err := e.Eval(&c)
		if err != nil {
			t.Fatal(err)
		}
		if len(alerts) > 0 {
			last = alerts[0]
		}
	}
	c := simpleChange(11, 0, "1")
	c.Late = true
	if _, err := e.Eval(&c); err != nil {
		t.Fatal(err)
	}
	s := e.Stats().Rules
	if s[0].GroupsEvicted != 9 || s[0].Groups != 2 {
		t.Errorf("groups: %+v", s[0])
	}
	if last.Count != 10 || len(last.Changes) != 5 || last.Suppressed != 5 || s[1].EvidenceCut < 5 {
		t.Errorf("evidence: count %d, %d changes, %+v", last.Count, len(last.Changes), s[1])
	}
	if s[2].EachCut != 1 || s[2].GroupsEvicted != 98 {
		t.Errorf("each: %+v", s[2])
	}
}

// A record's time is what its writer says it is. One far in the future must not
// make the engine forget what it watches.
func TestATimeFarAwayBlindsNoRule(t *testing.T) {
	set := mustCompile(t, engineRules)
	var changes []audit.Change
	for i := range 8 {
		c := simpleChange(2*i+1, float64(i)/2, fmt.Sprint(i))
		c.Observed = c.Time + 10
		far := simpleChange(2*i+2, 1e9+1e6*float64(i), "far")
		far.Observed = c.Observed
		changes = append(changes, c, far)
	}
	counts := map[int]bool{}
	for _, a := range feed(t, NewEngine(set, Options{}), changes) {
		if a.Rule == "plain" {
			counts[a.Count] = true
		}
	}
	if !counts[8] {
		t.Errorf("counts of alerts: %v; want one of 8", slices.Collect(maps.Keys(counts)))
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

func TestTheHashIsOfWhatARuleMeans(t *testing.T) {
	hash := func(file string) string { return mustCompile(t, file).Rules()[0].Hash }
	macro := func(m string) string {
		return "apiVersion: rules/v1\nlists: {l: {items: [a]}}\nmacros: {m: '" + m + "'}\nrules:\n  - {id: r, name: R, severity: low, alert: {title: t}, where: m and user in list(\"l\")}\n"
	}
	base := hash(macro("late"))
	if hash(macro(" late  ")) != base || hash(strings.Replace(macro("late"), "name: R", "name: S", 1)) != base {
		t.Error("the hash depends on how the rule is written")
	}
	for _, other := range []string{macro("lossy"), strings.Replace(macro("late"), "[a]", "[b]", 1),
		strings.Replace(macro("late"), "severity: low", "severity: low, match: {ops: [delete]}", 1)} {
		if hash(other) == base {
			t.Errorf("the same hash for\n%s", other)
		}
	}
}
