package ingest

import (
	"context"

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
	if err != nil && len(histories) == 0 {
		return nil // the answer's own inference stands, and is marked
	}
	for _, i := range r.doubtful {
		r.resolveOne(i, histories[r.changes[i].Key.ID])
	}
	r.doubtful = nil
	return nil
}

// resolveOne matches the changes of one record in one transaction with the
// entries of its history, one by one; they come in the same order.
func (r *reading) resolveOne(i int, history []harper.AuditRow) {
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
		return
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
}
