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

// edited counts which attributes the changes have edited, by the sums.
func (a *acting) edited(ctx context.Context, e *Engine, expr Expr) error {
	f, err := e.Facets(ctx, expr, []audit.Facet{audit.FacetAttribute}, 0)
	if err != nil {
		return err
	}
	for _, v := range f.Facets[0].Top {
		a.out.Attrs = append(a.out.Attrs, Counted(v))
	}
	return nil
}

// alertsAndOthers finds the alerts while it finds who else has changed the records.
func (a *acting) alertsAndOthers(ctx context.Context, e *Engine, archive Archive) error {
	var found error
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer audit.Guard(&found)
		a.out.Alerts, found = alertsOn(ctx, archive, a.seqs)
	}()
	err := a.others(ctx, e)
	<-done
	return cmp.Or(found, err)
}

// others finds who else has changed the records that the user has.
func (a *acting) others(ctx context.Context, e *Engine) error {
	keys := make(map[audit.Key]bool, len(a.records))
	for of := range a.records {
		keys[of.key] = true
	}
	var all []map[string]*otherUser // by worker
	err := e.touching(ctx, slices.Collect(maps.Keys(keys)), func(workers int) {
		all = make([]map[string]*otherUser, workers)
	}, func(worker int, c *audit.Change) {
		if all[worker] == nil {
			all[worker] = map[string]*otherUser{}
		}
		a.other(all[worker], c)
	})
	a.also = map[string]*ActorOther{}
	on := map[otherRecord]bool{}
	for _, some := range all {
		for name, of := range some {
			o := a.also[name]
			if o == nil {
				o = &ActorOther{User: userDoc(name)}
				a.also[name] = o
			}
			o.Changes += of.changes
			for r := range of.records {
				on[otherRecord{o, r}] = true
			}
		}
	}
	for r := range on {
		r.user.Records++
	}
	return err
}

// An otherUser is what one worker has seen of another user.
type otherUser struct {
	changes int
	records map[*actorRecord]bool
}

// otherRecord is a record that another user has changed.
type otherRecord struct {
	user   *ActorOther
	record *actorRecord
}

// other counts a change that is not the user's, if it is of one of the records.
func (a *acting) other(seen map[string]*otherUser, c *audit.Change) {
	if c.User == a.user || c.Op.Kind() == audit.KindMessage {
		return
	}
	r := a.records[recordOf{c.Cluster, c.Key}]
	if r == nil {
		return
	}
	o := seen[c.User]
	if o == nil {
		o = &otherUser{records: map[*actorRecord]bool{}}
		seen[c.User] = o
	}
	o.changes++
	o.records[r] = true
}

// finish puts everything in order.
func (a *acting) finish(top int) {
	out := a.out
	if out.Alerts == nil {
		out.Alerts = []ActorAlert{}
	}
	if a.sessions.n > 0 {
		out.First, out.Last = refPtr(&a.first), refPtr(&a.last)
	}
	if out.Attrs == nil {
		out.Attrs = []Counted{}
	}
	out.Ops, out.Nodes = counted(a.ops), counted(a.nodes)
	out.Tables = []ActorTable{}
	for of, t := range a.tables {
		out.Tables = append(out.Tables, t.sum(of))
	}
	slices.SortFunc(out.Tables, func(x, y ActorTable) int {
		return cmp.Or(cmp.Compare(y.Changes, x.Changes), cmp.Compare(x.Database, y.Database), cmp.Compare(x.Table, y.Table))
	})
	out.Records = a.mostChanged(top)
	out.Others = []ActorOther{}
	for _, name := range slices.Sorted(maps.Keys(a.also)) {
		out.Others = append(out.Others, *a.also[name])
	}
	slices.SortStableFunc(out.Others, func(x, y ActorOther) int { return cmp.Compare(y.Records, x.Records) })
	s := a.sessions.finish()
	out.Sessions = s.Sessions
	out.Summary.Sessions, out.Summary.Changes, out.Summary.GapMS = len(s.Sessions), s.Summary.Changes, s.Summary.GapMS
	out.Summary.Records, out.Summary.Others = len(a.records), len(out.Others)
	out.Others = out.Others[:min(top, len(out.Others))]
}

// mostChanged are so many records at most that the user has changed most often, the most
// changed first. Of many most are not among them, and are not put in order.
func (a *acting) mostChanged(top int) []ActorRecord {
	often := make([]int, 0, len(a.records))
	for _, r := range a.records {
		often = append(often, r.changes)
	}
	slices.Sort(often)
	least := 0
	if top < len(often) {
		least = often[len(often)-max(top, 1)]
	}
	out := []ActorRecord{}
	for of, r := range a.records {
		if r.changes >= least {
			out = append(out, ActorRecord{recordRef(of.key, of.cluster), r.changes})
		}
	}
	slices.SortFunc(out, func(x, y ActorRecord) int {
		return cmp.Or(cmp.Compare(y.Changes, x.Changes), compareKeys(x.Record(), y.Record()), cmp.Compare(x.Cluster, y.Cluster))
	})
	return out[:min(top, len(out))]
}

// compareRefs orders changes by time.
func compareRefs(a, b *Ref) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.Seq, b.Seq)) }
