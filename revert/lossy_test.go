package revert

import (
	"context"
	"iter"
	"strings"
	"testing"

	"recourse/audit"
)

// TestLossyTypesAreNamed: a plan that would write back what JSON made of a date
// or of bytes says so; one that read CBOR, or writes plain text, does not.
func TestLossyTypesAreNamed(t *testing.T) {
	key := audit.Key{Table: audit.Table{Database: "d", Name: "t"}, ID: "1"}
	plan := func(lossy bool, honest string) *Plan {
		t.Helper()
		body := func(due string) audit.Value {
			v, err := audit.FromJSON([]byte(`{"id":1,"due":` + due + `}`))
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		changes := []audit.Change{
			{Seq: 1, Time: 1000, User: "ann", Op: audit.OpInsert, Key: key, Lossy: lossy,
				Before: audit.AbsentImage(audit.Logged, audit.Exact), After: audit.PresentImage(body(honest), audit.Logged, audit.Exact)},
			{Seq: 2, Time: 2000, User: "eve", Op: audit.OpUpdate, Key: key, Lossy: lossy,
				Before: audit.PresentImage(body(honest), audit.Folded, audit.Exact), After: audit.PresentImage(body(`"pwned"`), audit.Logged, audit.Exact)},
		}
		for i := range changes {
			changes[i].ID = changes[i].Identify()
		}
		sel, err := Select(Criteria{}, func(yield func(audit.Change, error) bool) { yield(changes[1], nil) })
		if err != nil {
			t.Fatal(err)
		}
		var records iter.Seq2[Record, error] = func(yield func(Record, error) bool) { yield(Record{Key: key, Changes: changes}, nil) }
		p, err := Make(context.Background(), Request{Selection: sel}, records)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Actions) != 1 {
			t.Fatalf("%d actions, want 1", len(p.Actions))
		}
		return p
	}
	for _, c := range []struct {
		lossy  bool
		honest string
		want   bool
	}{
		{true, `"2026-11-23T20:31:56.125Z"`, true},
		{true, `{"type":"Buffer","data":[1,2]}`, true},
		{true, `{"nested":["2026-11-23T20:31:56Z"]}`, true},
		{true, `"2026-11-23"`, false},
		{true, `"T"`, false},
		{true, `17`, false},
		{false, `"2026-11-23T20:31:56.125Z"`, false},
	} {
		got := strings.Contains(strings.Join(plan(c.lossy, c.honest).Header.Warnings, "\n"), "d.t.due (1 records)")
		if got != c.want {
			t.Errorf("lossy %v, %s: warned %v, want %v", c.lossy, c.honest, got, c.want)
		}
	}
}
