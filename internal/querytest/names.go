package querytest

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"recourse/audit"
	"recourse/query"
)

// Names are those that the queries of a corpus may have.
func Names(changes []audit.Change) *query.Names {
	return &query.Names{
		List: func(_ context.Context, name string) ([]string, error) {
			if name != "some" {
				return nil, fmt.Errorf("%w: %q", query.ErrUnknownName, name)
			}
			return []string{"eve", "paid", "318", "status", "shop.orders", "delete", "r-1"}, nil
		},
		Alerts: func(context.Context) iter.Seq2[audit.Alert, error] {
			return func(yield func(audit.Alert, error) bool) {
				for _, a := range alertsOf(changes) {
					if !yield(a, nil) {
						return
					}
				}
			}
		},
		Label: func(_ context.Context, label string) ([]string, error) {
			if label != "money" {
				return nil, fmt.Errorf("%w: %q", query.ErrUnknownName, label)
			}
			return []string{"shop.ord*", "bank.*"}, nil
		},
		Change: func(_ context.Context, seq audit.Seq) (audit.Change, error) {
			if len(changes) == 0 {
				return audit.Change{}, nil
			}
			return changes[int(seq)%len(changes)], nil // there is one of every number
		},
		Saved: func(_ context.Context, name string) (string, error) {
			if name != "night" {
				return "", fmt.Errorf("%w: %q", query.ErrUnknownName, name)
			}
			return "hour:in(0,1,2,23) or user:eve", nil
		},
	}
}

// alertsOf are two alerts: one with every ninth change as evidence, of a risk of
// 60, and one with those of Eve.
func alertsOf(changes []audit.Change) []audit.Alert {
	alerts := []audit.Alert{{ID: "a1", Risk: 60}, {ID: "a2", Risk: 10}}
	for i := range changes {
		c := &changes[i]
		for n, has := range []bool{i%9 == 4, c.User == "Eve"} {
			a := &alerts[n]
			if !has {
				continue
			}
			if len(a.Changes) == 0 || c.Time < a.FirstTime {
				a.FirstTime = c.Time
			}
			if len(a.Changes) == 0 || c.Time > a.LastTime {
				a.LastTime = c.Time
			}
			a.Changes = append(a.Changes, audit.Evidence{Seq: c.Seq})
		}
	}
	return alerts
}

// firsts names the changes that are the first with their values.
func firsts(f query.First, changes []audit.Change) query.Node {
	best := map[string]*audit.Change{}
	for i := range changes {
		c := &changes[i]
		var key strings.Builder
		for _, name := range f.Fields {
			value := map[query.FieldName]string{query.FieldUser: c.User, query.FieldOp: string(c.Op), query.FieldTable: c.Key.Table.String(), query.FieldNode: c.Node}[name]
			fmt.Fprintf(&key, "%q", value)
		}
		if b := best[key.String()]; b == nil || c.Time < b.Time || c.Time == b.Time && c.Seq < b.Seq {
			best[key.String()] = c
		}
	}
	out := query.Or{query.Not{Node: query.All{}}}
	for _, c := range best {
		out = append(out, query.Numbered{N: c.Seq})
	}
	return out
}

// named is a term that has a name of something else in it, or asks for what is
// worked out.
func (g *Corpus) named() string {
	switch g.R.IntN(6) {
	case 0:
		return pick(g.R, "first:user", "first:user+table", "first:op+node+user", "first:table+op", "first:user+op+table+node")
	case 1:
		return pick(g.R, "alert:a1", "alert:*", "alert:a2", "risk>=50", "risk<20", "@alert:a2±1h", "@alert:a1", "label:money", "@q:night")
	case 2:
		return fmt.Sprintf("like:%d", 1+g.R.IntN(90))
	case 3:
		return pick(g.R, "user:in(eve,Eve,nobody)", "attr:in(status,note)", "table:in(list:some)", "user:in(list:some)", "id:in(3,4,\"5\")",
			"op:in(delete,upsert)", "rule:in(list:some)", "user:~evil", "user:~~svc-x", "table:~order", "after.status:in(paid,318,null,true)",
			"after.note:in(list:some)", "before.total:~paid")
	case 4:
		return pick(g.R, "value:", "appears:", "vanishes:") + pick(g.R, "paid", "318", `"bob smith"`, `"eve@evil.example"`, "/^[A-Z]/", "p*", "in(paid,5)", "null",
			"[5..90]", `"NaN"`, "2026-08-01")
	}
	return pick(g.R, "delta.total>0", "delta.total:0", "ratio.total>1.5", "ratio.total<=1", "delta.note<0", "delta.meta.c>1", "hour>=12", "hour:in(1,2,3)",
		"weekday:saturday", "txn_size:0", "lag>5", "op_reported:update", "before_trust:exact", "after_trust:in(exact,prompt)", "synthetic:false", "mark:late")
}
