package harpertest_test

import (
	"errors"
	"testing"

	"recourse/audit"
	"recourse/internal/harper"
)

// testDeleteIf deletes under a condition on declared attributes: one record, or
// none and then without a trace in the log.
func (s *suite) testDeleteIf(t *testing.T) {
	s.needREST(t)
	ctx := testContext(t)
	since := s.mark(t, dogs)
	id := func(n string) audit.ID { return audit.ID(audit.Text(s.prefix + "if" + n).JSON()) }
	for _, n := range []string{"1", "2", "3"} {
		if err := s.client.Put(ctx, dogs, id(n), parse(t, `{"name":"mine","age":5,"n":5}`)); err != nil {
			t.Fatal(err)
		}
	}
	for _, try := range []struct {
		id    string
		only  string
		asked bool
	}{
		{"1", `{"name":"other"}`, false},
		{"1", `{"name":"mine","age":6}`, false},
		{"0", `{"name":"mine"}`, false},
		{"1", `{"name":"mine","age":5,"bad":"two words"}`, true},
		{"1", `{"name":"mine"}`, false},
		{"2", `{"name":"mine"}`, true},
	} {
		only := map[string]audit.Value{}
		for name, v := range parse(t, try.only).Fields() {
			only[name] = v
		}
		asked, err := s.client.DeleteIf(ctx, dogs, id(try.id), only)
		if asked != try.asked || err != nil {
			t.Errorf("delete %s if %s: asked %v, %v", try.id, try.only, asked, err)
		}
	}
	left, err := s.client.Records(ctx, dogs, []audit.ID{id("1"), id("2"), id("3")})
	if err != nil || len(left) != 1 || left[id("3")] == nil {
		t.Errorf("left are %v, %v; want the third", left, err)
	}
	deleted := map[audit.ID]int{}
	for _, row := range s.scan(t, dogs, since, 0) {
		if row.Operation == "delete" {
			deleted[row.ID]++
		}
	}
	if len(deleted) != 2 || deleted[id("1")] != 1 || deleted[id("2")] != 1 {
		t.Errorf("deletes in the log: %v", deleted)
	}
	for _, only := range []string{`{}`, `{"name":"two words"}`, `{"name":"true"}`, `{"name":null}`, `{"name":1.5}`, `{"a b":"x"}`, `{"undeclared":"x"}`} {
		conditions := map[string]audit.Value{}
		for name, v := range parse(t, only).Fields() {
			conditions[name] = v
		}
		if asked, err := s.client.DeleteIf(ctx, dogs, audit.ID(`"x"`), conditions); asked || !errors.Is(err, harper.ErrNoCondition) {
			t.Errorf("under %s: asked %v, %v", only, asked, err)
		}
	}
	for _, id := range []audit.ID{`"a b"`, `"a*"`, `["x",1]`, `7`, `""`} {
		if asked, err := s.client.DeleteIf(ctx, dogs, id, map[string]audit.Value{"name": audit.Text("x")}); asked || err == nil {
			t.Errorf("of %s: asked %v, %v", id, asked, err)
		}
	}
}
