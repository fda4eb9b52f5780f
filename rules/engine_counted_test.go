package rules

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"recourse/audit"
)

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
