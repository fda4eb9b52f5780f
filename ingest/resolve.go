package ingest

import (
	"bytes"
	"context"
	"errors"
	"slices"

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

// prefer settles what is still in doubt by what is stored: if a transaction's
// changes of the record were read when Harper could still tell what they are,
// they are those. What stays in doubt is an inference, and no more than
// provisional.
func (r *reading) prefer(ctx context.Context, known func(context.Context, audit.ChangeID) (bool, error)) error {
	type part struct {
		id audit.ID
		at audit.Time
	}
	left := map[part]map[audit.Kind]int{} // stored and not yet met
	for _, i := range r.doubtful {
		c := &r.changes[i]
		if c.Op.Kind() == audit.KindDelete {
			c.After.Trust = audit.Provisional
		}
		p := part{c.Key.ID, c.Time}
		if left[p] == nil && known != nil {
			stored, err := r.storedBeside(ctx, i, known)
			if err != nil {
				return err
			}
			left[p] = stored
		}
		kinds := []audit.Kind{c.Op.Kind(), audit.KindWrite, audit.KindDelete, audit.KindMessage}
		if !r.oneClock && c.Op.Kind() == audit.KindMessage {
			kinds = kinds[:1] // it has the time of a write that is another
			c.User = ""       // and stands beside that
		}
		for _, k := range kinds {
			if left[p][k] <= 0 {
				continue
			}
			if left[p][k]--; k != c.Op.Kind() {
				if c.Op = opOf(k, c.Reported); k != audit.KindMessage {
					c.After = audit.Image{}
				}
			}
			break
		}
	}
	return nil
}

// opOf is an operation of that kind: the group's, if it is one.
func opOf(k audit.Kind, reported audit.Op) audit.Op {
	switch {
	case reported.Kind() == k:
		return reported
	case k == audit.KindDelete:
		return audit.OpDelete
	case k == audit.KindMessage:
		return audit.OpMessage
	}
	return audit.OpUpsert
}

// storedBeside counts, by kind, what is stored of the record and transaction of
// a change, less what the reading is sure of.
func (r *reading) storedBeside(ctx context.Context, i int, known func(context.Context, audit.ChangeID) (bool, error)) (map[audit.Kind]int, error) {
	n := map[audit.Kind]int{}
	for _, k := range []audit.Kind{audit.KindWrite, audit.KindDelete, audit.KindMessage} {
		c := r.changes[i]
		for c.Op, c.Nth = opOf(k, c.Reported), 0; ; c.Nth++ {
			stored, err := known(ctx, c.Identify())
			if err != nil {
				return nil, err
			}
			if !stored {
				break
			}
			n[k]++
		}
	}
	for j := range r.changes {
		if d := &r.changes[j]; d.Time == r.changes[i].Time && d.Key.ID == r.changes[i].Key.ID && !slices.Contains(r.doubtful, j) {
			n[d.Op.Kind()]--
		}
	}
	return n, nil
}

// resolveOne finds the entry of a record's history that is a change, by its time
// and by what it shows, and says whether it settles what the change was. On the
// LMDB line not every entry is found there, and an entry between two readings
// may show something else.
func (r *reading) resolveOne(i int, history []harper.AuditRow) bool {
	c := &r.changes[i]
	var entries, alike []harper.AuditRow
	for _, e := range history {
		if e.Time != c.Time {
			continue
		}
		entries = append(entries, e)
		if bytes.Equal(e.Record, c.After.Body) {
			alike = append(alike, e)
		}
	}
	var mine []int
	for j := range r.changes {
		if r.changes[j].Time == c.Time && r.changes[j].Key.ID == c.Key.ID {
			mine = append(mine, j)
		}
	}
	var e harper.AuditRow
	switch n := slices.Index(mine, i); {
	case len(alike) > 0 && !slices.ContainsFunc(alike, func(o harper.AuditRow) bool { return o.Operation.Kind() != alike[0].Operation.Kind() }):
		e = alike[0]
	case len(alike) > 0 && len(mine) == len(entries), len(mine) == 1 && len(entries) == 1:
		e = entries[n] // they come in one order
	default:
		return false
	}
	shown := harper.AuditRow{Operation: e.Operation, Time: c.Time, Record: c.After.Body, IDsField: e.IDsField}
	// Its user too may be another than the group's: on LMDB a message has the time
	// of its record's last write, and stands in one group with it.
	c.Op, c.User = e.Operation, e.User
	c.After, c.Note = r.afterOf(c.Op, shown)
	r.stable[i] = isStable(c.Op, shown)
	return true
}
