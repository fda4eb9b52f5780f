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
