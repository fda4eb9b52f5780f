package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"recourse/audit"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

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
