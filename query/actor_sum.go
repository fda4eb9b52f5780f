package query

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"recourse/audit"
)

// alertsOn are the alerts that have changes among their evidence, by their first.
func alertsOn(ctx context.Context, archive Archive, seqs map[audit.Seq]bool) ([]ActorAlert, error) {
	all, err := archive.Alerts(ctx)
	if err != nil {
		return nil, err
	}
	out := []ActorAlert{}
	for i := range all {
		alert := &all[i]
		n := 0
		for _, ev := range alert.Changes {
			if seqs[ev.Seq] {
				n++
			}
		}
		if n > 0 {
			out = append(out, ActorAlert{
				ID: alert.ID, Rule: alert.Rule, Severity: alert.Severity, State: alert.State, Title: alert.Title,
				First: Number(alert.FirstTime), FirstISO: ISO(alert.FirstTime), Changes: n,
			})
		}
	}
	return out, nil
}

// others finds who else has changed the records that the user has.
func (a *acting) others(ctx context.Context, e *Engine) error {
	a.also = map[string]*ActorOther{}
	keys := map[audit.Key]bool{}
	for of := range a.records {
		keys[of.key] = true
	}
	return e.eachLife(ctx, sortedKeys(keys), func(key audit.Key, cluster string, l life) error {
		if a.records[recordOf{cluster, key}] == 0 {
			return nil
		}
		seen := map[string]bool{}
		for i := range l {
			name := l[i].User
			if name == a.user {
				continue
			}
			o := a.also[name]
			if o == nil {
				o = &ActorOther{User: userDoc(name)}
				a.also[name] = o
			}
			o.Changes++
			if !seen[name] {
				seen[name] = true
				o.Records++
			}
		}
		return nil
	})
}

// finish puts everything in order.
func (a *acting) finish(top int) {
	out := a.out
	if out.Alerts == nil {
		out.Alerts = []ActorAlert{}
	}
	out.Ops, out.Nodes, out.Attrs = counted(a.ops), counted(a.nodes), counted(a.attrs)
	out.Tables = []ActorTable{}
	for _, t := range a.tables {
		t.ActorTable.Records = len(t.records)
		for _, op := range t.ops {
			t.ActorTable.Ops = append(t.ActorTable.Ops, *op)
		}
		slices.SortFunc(t.ActorTable.Ops, func(x, y ActorOp) int { return cmp.Or(compareRefs(x.First, y.First), cmp.Compare(x.Op, y.Op)) })
		out.Tables = append(out.Tables, t.ActorTable)
	}
	slices.SortFunc(out.Tables, func(x, y ActorTable) int {
		return cmp.Or(cmp.Compare(y.Changes, x.Changes), cmp.Compare(x.Database, y.Database), cmp.Compare(x.Table, y.Table))
	})
	out.Records = []ActorRecord{}
	for of, n := range a.records {
		out.Records = append(out.Records, ActorRecord{recordRef(of.key, of.cluster), n})
	}
	slices.SortFunc(out.Records, func(x, y ActorRecord) int {
		return cmp.Or(cmp.Compare(y.Changes, x.Changes), compareKeys(x.Record(), y.Record()), cmp.Compare(x.Cluster, y.Cluster))
	})
	out.Others = []ActorOther{}
	for _, name := range slices.Sorted(maps.Keys(a.also)) {
		out.Others = append(out.Others, *a.also[name])
	}
	slices.SortStableFunc(out.Others, func(x, y ActorOther) int { return cmp.Compare(y.Records, x.Records) })
	s := a.sessions.finish()
	out.Sessions = s.Sessions
	out.Summary.Sessions, out.Summary.Changes, out.Summary.GapMS = len(s.Sessions), s.Summary.Changes, s.Summary.GapMS
	out.Summary.Records, out.Summary.Others = len(out.Records), len(out.Others)
	out.Records = out.Records[:min(top, len(out.Records))]
	out.Others = out.Others[:min(top, len(out.Others))]
}

// compareRefs orders changes by time.
func compareRefs(a, b *Ref) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.Seq, b.Seq)) }
