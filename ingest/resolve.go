package ingest

import (
	"context"
	"errors"

	"recourse/audit"
	"recourse/internal/harper"
)

// inferred notes on a change that its operation is our inference.
const inferred = "the operation is inferred: Harper names only that of the group's first record"

// resolve settles the changes whose kind the answer left in doubt, by asking
// for the history of each of their records, which names every entry's own
// operation. What Harper cannot tell stays inferred and says so.
func (r *reading) resolve(ctx context.Context, source Source) error {
	if len(r.doubtful) == 0 {
		return nil
	}
	var ids []audit.ID
	seen := map[audit.ID]bool{}
	for _, i := range r.doubtful {
		r.changes[i].Note = inferred
		if id := r.changes[i].Key.ID; !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	if source == nil {
		return nil
	}
	histories, err := source.RecordHistory(ctx, r.table, ids)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if isPassing(err) {
		return err // another time it can be known
	}
	var open []int
	for _, i := range r.doubtful {
		if !r.resolveOne(i, histories[r.changes[i].Key.ID]) {
			open = append(open, i)
		}
	}
	r.doubtful = open
	return nil
}

// isPassing says that an answer failed for a reason that has nothing to do with
// the records that were asked for.
func isPassing(err error) bool {
	var broken *harper.TruncatedError
	return errors.As(err, &broken) && !broken.Server ||
		errors.Is(err, harper.ErrUnreachable) || errors.Is(err, harper.ErrBusy) || errors.Is(err, harper.ErrUnauthorized)
}

// prefer settles what is still in doubt by what is stored: if the same change
// was read when Harper could still tell what it is, it is that one. What stays
// in doubt is an inference, and no more than provisional.
func (r *reading) prefer(ctx context.Context, known func(context.Context, audit.ChangeID) (bool, error)) error {
	var open []int
	for _, i := range r.doubtful {
		c := &r.changes[i]
		other := *c
		if other.Op = c.Reported; c.Op.Kind() == audit.KindMessage {
			other.Op = audit.OpUpsert
		}
		if known != nil && other.Op.Kind() != c.Op.Kind() {
			stored, err := known(ctx, other.Identify())
			if err != nil {
				return err
			}
			if stored {
				c.Op, c.After = other.Op, audit.Image{}
				continue
			}
		}
		if c.Op.Kind() == audit.KindDelete {
			c.After.Trust = audit.Provisional
		}
		open = append(open, i)
	}
	r.doubtful = open
	return nil
}

// resolveOne matches the changes of one record in one transaction with the
// entries of its history, one by one; they come in the same order. It says
// whether the history settles the change.
func (r *reading) resolveOne(i int, history []harper.AuditRow) bool {
	c := &r.changes[i]
	var mine []int
	for j := range r.changes {
		if r.changes[j].Time == c.Time && r.changes[j].Key.ID == c.Key.ID {
			mine = append(mine, j)
		}
	}
	var entries []harper.AuditRow
	for _, e := range history {
		if e.Time == c.Time {
			entries = append(entries, e)
		}
	}
	if len(mine) != len(entries) {
		return false
	}
	for n, j := range mine {
		if j != i {
			continue
		}
		e := entries[n]
		shown := harper.AuditRow{Operation: e.Operation, Time: c.Time, Record: c.After.Body, IDsField: e.IDsField}
		c.Op, c.Note = e.Operation, ""
		c.After, c.Note = r.afterOf(c.Op, shown)
		r.stable[j] = isStable(c.Op, shown)
	}
	return true
}
