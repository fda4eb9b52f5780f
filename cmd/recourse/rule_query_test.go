package main

import (
	"testing"
	"time"

	"recourse/audit"
	"recourse/internal/querytest"
	"recourse/query"
	"recourse/rules"
)

// TestQueriesAsRules holds the condition that a query is saved as against the
// query itself, on changes of which both images are known and that have no lists
// in them: docs/query.md and the notes of a saved rule say what differs else.
func TestQueriesAsRules(t *testing.T) {
	changes := plainChanges(300)
	for _, text := range []string{
		`user:eve`, `user:svc-*`, `user:/^svc-/`, `user:in(eve,"bob smith")`, `-user:eve op:update`, `op:in(update,upsert) or table:shop.*`, `table:orders`,
		`kind:delete`, `db:bank node:n1`, `attr:status`, `set:note`, `unset:total`, `attr:st*`, `before:absent`, `after:present late:true`, `after.status:paid`,
		`before.total>10 after.total<=300`, `after.total:[0..200]`, `after.total:in(5,7,"x")`, `after.status:*`, `delta.total>0`, `ratio.total>=1.5`, `hour>=12`,
		`weekday:sunday`, `txn_size:[1..5]`, `user:a\|b*`, `id:3`, `after.status:pa*`, `after.ok:true`, `not (user:eve or op:delete)`,
	} {
		expr, err := query.Parse(text, time.UnixMilli(int64(querytest.Start)))
		if err != nil {
			t.Fatal(err)
		}
		condition, err := query.AsCondition(expr)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		compiled, err := rules.ParseCondition("rule", condition.Text)
		if err != nil {
			t.Errorf("%s: %s: %v", text, condition.Text, err)
			continue
		}
		found := 0
		for i := range changes {
			got, err := compiled.Holds(&changes[i])
			if err != nil {
				t.Errorf("%s: %v", condition.Text, err)
			}
			want := expr.Match(&changes[i])
			if want {
				found++
			}
			if got != want {
				t.Errorf("%s of change %d (%s) is %v, and %s is %v", text, changes[i].Seq, changes[i].After.Body.JSON(), want, condition.Text, got)
				break
			}
		}
		if found == len(changes) {
			t.Errorf("%s finds all", text)
		}
	}
	for _, text := range []string{`paid`, `/x/`, `first:user`, `rule:x`, `@2026-08-01`, `like:5`, `alert:*`, `user:~eve`, `seq:5`, `delta.a.b>1`, `appears:x`, `after.x:null`} {
		expr, err := query.Parse(text, time.UnixMilli(int64(querytest.Start)))
		if err != nil {
			t.Fatal(err)
		}
		if c, err := query.AsCondition(expr); err == nil {
			t.Errorf("%s became %s", text, c.Text)
		}
	}
}

// plainChanges are changes of records whose values are texts, numbers and booleans.
func plainChanges(n int) []audit.Change {
	g := querytest.NewCorpus(4)
	m := &querytest.Memory{}
	live := map[audit.Key]audit.Value{}
	for _, c := range g.Changes(n) {
		body := live[c.Key]
		switch c.Op.Kind() {
		case audit.KindMessage:
			continue
		case audit.KindDelete:
			delete(live, c.Key)
		default:
			for i, v := range []audit.Value{audit.Text("paid"), audit.Int(int64(g.R.IntN(400) - 50)), audit.Text("Pending"), audit.Bool(true), audit.Float(7.5)} {
				if g.R.IntN(3) == 0 {
					body = body.With([]string{"status", "total", "note", "ok", "total"}[i], v)
				}
			}
			live[c.Key] = body
			c.After = audit.PresentImage(body, audit.Logged, audit.Exact)
			if body == nil {
				c.After = audit.PresentImage(audit.Object(nil), audit.Logged, audit.Exact)
			}
		}
		m.Add(c)
	}
	var known []audit.Change
	for _, c := range m.Changes() {
		if c.Before.State == audit.Unknown { // the first of a record: it is made
			c.Before = audit.AbsentImage(audit.Logged, audit.Exact)
		}
		if c.After.State != audit.Unknown {
			known = append(known, c)
		}
	}
	return known
}
