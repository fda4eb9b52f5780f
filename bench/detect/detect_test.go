package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"recourse/audit"
	"recourse/bench/worlds"
)

// A small measurement, printed in each form.
func TestRun(t *testing.T) {
	o := options{seeds: "5", worlds: "shop", format: "json", users: 15, days: 4, incidents: 4}
	var out bytes.Buffer
	if err := run(o, &out); err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	all := r.Paces[len(r.Paces)-1]
	if all.Incidents == 0 || r.Changes == 0 || r.UserDays != 60 || len(r.PerRule) != r.Rules || r.PerSecond <= 0 {
		t.Errorf("%+v", r)
	}
	for _, l := range r.PerRule {
		if l.Errors > 0 {
			t.Errorf("%s failed %d times", l.Rule, l.Errors)
		}
	}
	for _, print := range []func() error{func() error { return r.markdown(&out) }, func() error { return r.table(&out) }} {
		out.Reset()
		if err := print(); err != nil || !strings.Contains(out.String(), "mass-delete") {
			t.Errorf("%v: %s", err, out.String())
		}
	}
}

func TestRunRefuses(t *testing.T) {
	good := options{seeds: "5", worlds: "shop", format: "json", users: 15, days: 4}
	for name, spoil := range map[string]func(*options){
		"seeds":  func(o *options) { o.seeds = "some" },
		"worlds": func(o *options) { o.worlds = "bank" },
		"format": func(o *options) { o.format = "xml" },
		"rules":  func(o *options) { o.rules = "nowhere" },
		"list":   func(o *options) { o.list = "all" },
	} {
		o := good
		spoil(&o)
		if run(o, &bytes.Buffer{}) == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestVerdict(t *testing.T) {
	s := &stream{truth: map[audit.Seq]worlds.Event{1: {Incident: 1}, 2: {Incident: 1}, 3: {Incident: 2, Prepares: true}, 4: {Trap: "sale"}, 5: {Trap: "sale"}}}
	for name, tt := range map[string]struct {
		seqs []audit.Seq
		want verdict
		trap string
	}{
		"an incident":             {[]audit.Seq{1, 2}, trueAlert, ""},
		"half":                    {[]audit.Seq{1, 4}, trueAlert, ""},
		"less than half":          {[]audit.Seq{1, 4, 5}, falseAlert, "sale"},
		"preparation alone":       {[]audit.Seq{3}, neutral, ""},
		"an incident, prepared":   {[]audit.Seq{1, 3}, trueAlert, ""},
		"everyday work":           {[]audit.Seq{8, 9}, falseAlert, ""},
		"a trap, and other work":  {[]audit.Seq{4, 5, 9}, falseAlert, "sale"},
		"harmless, of two things": {[]audit.Seq{4, 8, 9}, falseAlert, ""},
	} {
		a := audit.Alert{}
		for _, seq := range tt.seqs {
			a.Changes = append(a.Changes, audit.Evidence{Seq: seq})
		}
		if v, _, trap := s.verdict(&a); v != tt.want || trap != tt.trap {
			t.Errorf("%s: %d %q; want %d %q", name, v, trap, tt.want, tt.trap)
		}
	}
}

// TestTold: what repeats an alert is recorded and nobody is told, until it has grown.
func TestTold(t *testing.T) {
	o, err := newOffice()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := o.close(); err != nil {
			t.Error(err)
		}
	}()
	one := func(id string, count int) audit.Alert {
		return audit.Alert{ID: id, Rule: "r", Severity: "high", State: audit.AlertOpen, Group: map[string]string{"user": "eve", "table": id},
			GroupBy: []string{"user"}, Dedupe: 1000, Count: count, FirstTime: 10, LastTime: 10}
	}
	s := &stream{alerts: []raised{{alert: one("a", 5), seq: 1, at: 10}, {alert: one("b", 5), seq: 2, at: 10}}, index: map[string]int{"a": 0, "b": 1}}
	if err := o.file(s, map[string]int{"a": 0, "b": 1}, &audit.Change{Seq: 3, Time: 11}); err != nil {
		t.Fatal(err)
	}
	if a, b := s.alerts[0], s.alerts[1]; !a.told || a.seq != 1 || b.told || !b.withheld {
		t.Errorf("%+v, %+v", a, b)
	}
	s.alerts[1].alert.Severity = "critical"
	s.alerts[1].alert.Count, s.alerts[1].alert.Dedupe = 50, 0
	if err := o.file(s, map[string]int{"b": 1}, &audit.Change{Seq: 9, Time: 12}); err != nil {
		t.Fatal(err)
	}
	if b := s.alerts[1]; !b.told || b.withheld || b.seq != 9 || b.at != 12 {
		t.Errorf("%+v", b)
	}
	s.index = map[string]int{}
	if o.file(s, map[string]int{"b": 1}, &audit.Change{Seq: 10}) == nil {
		t.Error("an alert that was never raised is no error")
	}
}

func TestWilson(t *testing.T) {
	// By hand: 9 of 10.
	low, high := wilson(9, 10)
	if low < 0.59 || low > 0.60 || high < 0.98 || high > 0.983 {
		t.Errorf("%f to %f", low, high)
	}
	if low, high := wilson(0, 0); low != 0 || high != 1 {
		t.Errorf("of none: %f to %f", low, high)
	}
}
