package rules

import (
	"strings"
	"testing"
)

func TestUnseen(t *testing.T) {
	set := mustCompile(t, `
apiVersion: rules/v1
macros: {mail: before.emial != nil}
rules:
  - {id: a, name: A, severity: low, alert: {title: t}, match: {tables: [shop.order]}, where: after.x > 1}
  - {id: b, name: B, severity: low, alert: {title: t}, match: {tables: ["shop.*"], not_tables: [shop.log]}, where: 'mail and delta("totl") > 1 or "stats" in changed or after.note == "x" or "__createdtime__" in written'}
  - {id: c, name: C, severity: low, alert: {title: t}, match: {tables: ["bank.*", system.hdb_user]}, where: after.anything == 1}
  - {id: d, name: D, severity: low, alert: {title: t}, match: {tables: ["shop.*"]}, where: 'after.email == "x" and any(changed, old(#) == nil)'}
`)
	seen := Catalogue{
		{Database: "shop", Name: "orders"}: {"id", "email", "total", "status"},
		{Database: "shop", Name: "log"}:    {"note", "emial"},
	}
	want := []string{
		"test.yaml:5:5: rule a: no change of table shop.order was seen; did you mean shop.orders?",
		"test.yaml:6:117: rule b: attribute emial was never seen in the tables that it looks at; did you mean email?",
		"rule b: attribute totl was never seen in the tables that it looks at; did you mean total?",
		"rule b: attribute stats was never seen in the tables that it looks at; did you mean status?",
		"rule b: attribute note was never seen in the tables that it looks at",
	}
	got := set.Unseen(seen)
	for i, w := range got {
		if i >= len(want) || !strings.Contains(w.Error(), want[i]) {
			t.Errorf("warning %d: %v", i, w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d warnings; want %d", len(got), len(want))
	}
}

func TestExplain(t *testing.T) {
	set := mustCompile(t, ruleWith(`    match: {ops: [write], tables: ["shop.*"], not_users: [ops]}
    where: user in ["eve", "bob"] and after.total > 5 and any(changed, glob(#, "*price*")) and len(before.note) > 2
    exceptions: [{id: X, fields: user, values: [a], reason: r, owner: o}]
`))
	x := set.rules[0].Explain()
	if x.Form != "window" || strings.Join(x.Tables, " ") != "shop.*" || strings.Join(x.Ops, " ") != "write" || strings.Join(x.NotUsers, " ") != "ops" ||
		len(x.Needs) != 1 || x.Needs[0].Field != "user" || len(x.Needs[0].Values) != 2 ||
		strings.Join(x.Reads, " ") != "after.total before.note changed user" || strings.Join(x.Images, " ") != "before after" ||
		strings.Join(x.Walks, " ") != "any glob" || x.Early != "all that is plain" || x.Excepted != 1 || x.Line != 3 || x.Parts < 15 {
		t.Errorf("%+v", x)
	}
}
