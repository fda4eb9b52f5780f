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

// fewRecords is how many changes there are for each record of which the lives are
// read one by one: where there are fewer, all changes are gone through once.
const fewRecords = 256

// others finds who else has changed the records that the user has.
func (a *acting) others(ctx context.Context, e *Engine) error {
	a.also, a.alsoOn = map[string]*ActorOther{}, map[otherRecord]bool{}
	view, err := e.Store.View(ctx)
	if err != nil {
		return err
	}
	last := int(view.Last())
	view.Close()
	if len(a.records)*fewRecords < last {
		keys := map[audit.Key]bool{}
		for of := range a.records {
			keys[of.key] = true
		}
		return e.eachLife(ctx, sortedKeys(keys), func(_ audit.Key, _ string, l life) error {
			for i := range l {
				a.other(&l[i])
			}
			return nil
		})
	}
	var tables Or
	for t := range a.tables {
		tables = append(tables, Field{Name: FieldTable, Pattern: Exactly(t.String())})
	}
	rest := And{tables, Not{Field{Name: FieldUser, Pattern: Exactly(a.user)}}}
	if len(tables) == 0 {
		return nil
	}
	_, err = e.Stream(ctx, Query{Expr: Of(rest)}, func(changes []audit.Change) error {
		for i := range changes {
			a.other(&changes[i])
		}
		return nil
	})
	return err
}

// otherRecord is a record that another user has changed.
type otherRecord struct {
	user string
	of   recordOf
}

// other counts a change that is not the user's, if it is of one of the records.
func (a *acting) other(c *audit.Change) {
	of := recordOf{c.Cluster, c.Key}
	if c.User == a.user || c.Op.Kind() == audit.KindMessage || a.records[of] == 0 {
		return
	}
	o := a.also[c.User]
	if o == nil {
		o = &ActorOther{User: userDoc(c.User)}
		a.also[c.User] = o
	}
	o.Changes++
	if on := (otherRecord{c.User, of}); !a.alsoOn[on] {
		a.alsoOn[on] = true
		o.Records++
	}
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
