package revert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"recourse/audit"
)

// ErrAstride says that a time cannot be restored, because of some change it would
// be both kept and taken back that it is undone.
var ErrAstride = errors.New("an apply was under way at that time")

// A Restore brings records back to how they were at a time: all that was done to
// them since is undone, whoever did it, and what was up to then counts as it was.
// It is a plan like any other: what cannot be known is a conflict.
type Restore struct {
	At audit.Time
	// Except are users whose changes since then stay.
	Except map[string]bool
	// Hidden are the stretches of each table's log that were not read whole. Where
	// one lies between the time and a record's first change since, the record as it
	// was at the time is not known, unless its last change before is, and all
	// between that one and the time.
	Hidden map[audit.Table][]audit.Stretch
	Ledger *audit.Ledger
	// Cluster is the one whose records are restored; nil: there is one only.
	Cluster *string
}

// Prepare makes of histories what a plan needs: the selection of what is to be
// undone, and what is taken back of earlier applies, because they were made since
// the time. The plan is then made of the Histories of the selection's records.
func (r *Restore) Prepare(ctx context.Context, criteria Criteria, records iter.Seq2[Record, error]) (*Selection, Undo, error) {
	u := restoring{Restore: r, since: map[audit.ChangeID][]string{}, until: map[audit.ChangeID][]string{}, begun: map[string]audit.Time{}}
	for i := range r.Ledger.Applies {
		u.begun[r.Ledger.Applies[i].Plan] = r.Ledger.Applies[i].At
	}
	sel, err := Select(criteria, func(yield func(audit.Change, error) bool) {
		for rec, err := range OfCluster(records, r.Cluster) {
			if err := cmp.Or(err, ctx.Err()); err != nil {
				yield(audit.Change{}, err)
				return
			}
			u.ledger(rec)
			for i := range rec.Changes {
				if c := &rec.Changes[i]; r.undoes(c) && !yield(*c, nil) {
					return
				}
			}
		}
	})
	if err != nil {
		return nil, Undo{}, fmt.Errorf("restore: %w", err)
	}
	undo, err := u.undo()
	return sel, undo, err
}

// undoes says that the change is to be undone. Our own writes are no user's.
func (r *Restore) undoes(c *audit.Change) bool {
	if c.Time <= r.At || c.Op.Kind() == audit.KindMessage {
		return false
	}
	id := c.Identify()
	_, ours := r.Ledger.Own[id]
	return ours && !r.Ledger.Chosen[id].Whole || !r.Except[c.User]
}

// A restoring gathers what earlier applies did with changes up to the time,
// since the time and until it.
type restoring struct {
	*Restore
	since, until map[audit.ChangeID][]string
	begun        map[string]audit.Time // by plan
}

// ledger looks at one record.
func (r *restoring) ledger(rec Record) {
	wrote := map[string]audit.Time{} // by plan, its newest write of this record
	for i := range rec.Changes {
		c := &rec.Changes[i]
		if plan, ok := r.Ledger.Own[c.Identify()]; ok {
			wrote[plan] = max(wrote[plan], c.Time)
		}
	}
	for i := range rec.Changes {
		c := &rec.Changes[i]
		if c.Time > r.At {
			continue
		}
		id := c.Identify()
		for _, e := range r.Ledger.Entries[id] {
			made, ok := wrote[e.Plan]
			if !ok {
				made = r.begun[e.Plan]
			}
			if made > r.At {
				r.since[id] = append(r.since[id], e.Plan)
			} else {
				r.until[id] = append(r.until[id], e.Plan)
			}
		}
	}
}

// undo is what is taken back: of all that was done since the time with changes up
// to it.
func (r *restoring) undo() (Undo, error) {
	u := Undo{Purpose: audit.PurposeRestore, Since: r.At, Changes: slices.SortedFunc(maps.Keys(r.since), compareIDs)}
	plans := map[string]bool{}
	for _, made := range r.since {
		for _, p := range made {
			plans[p] = true
		}
	}
	u.Plans = slices.Sorted(maps.Keys(plans))
	for _, id := range u.Changes {
		for _, p := range r.until[id] {
			if plans[p] {
				return u, fmt.Errorf("restore %s: %w: %s had undone some of the changes and not all", r.At.ISO(), ErrAstride, ShortPlan(p))
			}
		}
	}
	return u, nil
}

// Histories marks the records of which it is not known how they were at the time.
func (r *Restore) Histories(records iter.Seq2[Record, error]) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for rec, err := range OfCluster(records, r.Cluster) {
			if err == nil && r.unsure(&rec) {
				rec.Unsure, rec.Whole = true, false
				for rec.From < len(rec.Changes) && rec.Changes[rec.From].Time <= r.At {
					rec.From++
				}
			}
			if !yield(rec, err) {
				return
			}
		}
	}
}

func (r *Restore) unsure(rec *Record) bool {
	last, first := audit.Time(0), audit.Time(0)
	known := false
	for i := range rec.Changes {
		c := &rec.Changes[i]
		switch {
		case c.Op.Kind() == audit.KindMessage:
		case c.Time <= r.At:
			last, known = c.Time, true
		case first == 0:
			first = c.Time
		}
	}
	hidden := func(from, to audit.Time) bool {
		return slices.ContainsFunc(r.Hidden[rec.Key.Table], func(s audit.Stretch) bool { return s.From < to && s.To > from })
	}
	return first != 0 && hidden(r.At, first) && (!known || hidden(last, r.At))
}
