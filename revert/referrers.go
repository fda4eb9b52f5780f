package revert

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"recourse/audit"
)

// Others are the records besides those that a plan is about, as they are stored.
type Others interface {
	// Now is a record as the stored history ends. Its image is Unknown if nothing is
	// stored of it.
	Now(ctx context.Context, cluster string, k audit.Key) (Sight, error)
	// Table yields what is stored of the records of a table, in any order: what each
	// was after each of its changes, and in baselines. doubt says which records there
	// may be of which nothing is stored, and why; empty: none.
	Table(ctx context.Context, cluster string, t audit.Table) (all iter.Seq2[Sight, error], doubt string, err error)
}

// A Sight is a record as it was at some moment.
type Sight struct {
	Key   audit.Key
	Image audit.Image
	Last  Evidence // the change that left it so; without a time where none is stored
	// Hidden says that a stretch of the log which could not be read came after that:
	// the record may be another by now, or gone.
	Hidden bool
}

// A referrer is a living record that refers to one which is to be deleted, or stays
// absent.
type referrer struct {
	sight Sight
	attr  string
}

// look reads what is stored of the records that refer to those which the plan
// deletes. That they are deleted by it is decided later.
func (d *dangling) look(ctx context.Context) error {
	if len(d.refs) == 0 {
		return nil
	}
	deleted := map[audit.Key]string{} // with the cluster
	for i := range d.p.plan.Actions {
		a := &d.p.plan.Actions[i]
		d.byKey[a.Key()] = i
		if a.Do == DoDelete {
			deleted[a.Key()] = d.p.clusters[i]
		}
	}
	maps.Copy(deleted, d.p.absent)
	if d.p.req.Others == nil {
		return nil
	}
	if err := d.search(ctx, deleted); err != nil {
		return err
	}
	for k := range d.p.absent {
		if len(d.into[k]) > 0 {
			if d.absent++; d.first == "" || k.String() < d.first {
				d.first = k.String()
			}
		}
	}
	return nil
}

// search finds the records that refer to some. What once did is looked at again as
// it now is.
func (d *dangling) search(ctx context.Context, to map[audit.Key]string) error {
	from := map[audit.Table]map[string]bool{} // the tables to be read, with the clusters
	for k, cluster := range to {
		for _, t := range d.refs.into(k.Table) {
			from[t] = put(from[t], cluster, true)
		}
	}
	for _, t := range slices.SortedFunc(maps.Keys(from), compareTables) {
		for _, cluster := range slices.Sorted(maps.Keys(from[t])) {
			if err := d.searchTable(ctx, cluster, t, to); err != nil {
				return fmt.Errorf("look for references in %s: %w", t, err)
			}
		}
	}
	return nil
}

func (d *dangling) searchTable(ctx context.Context, cluster string, t audit.Table, to map[audit.Key]string) error {
	all, doubt, err := d.p.req.Others.Table(ctx, cluster, t)
	if err != nil {
		return err
	}
	if doubt != "" && !slices.Contains(d.partly, doubt) {
		d.partly = append(d.partly, doubt)
	}
	may := map[audit.Key]bool{}
	for s, err := range all {
		if err != nil {
			return err
		}
		if s.Image.State == audit.Unknown {
			may[s.Key] = true
		}
		for l := range d.refs.links(t, s.Image.Body) {
			if of, sought := to[l.to]; sought && of == cluster {
				may[s.Key] = true
			}
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(may), compareKeys) {
		now, err := d.p.req.Others.Now(ctx, cluster, k)
		if err != nil {
			return err
		}
		if now.Image.State == audit.Unknown || now.Hidden {
			d.dark++
		}
		for l := range d.refs.links(t, now.Image.Body) {
			if of, sought := to[l.to]; sought && of == cluster {
				d.into[l.to] = append(d.into[l.to], referrer{now, l.attr})
			}
		}
	}
	return nil
}
