package ingest

import (
	"context"

	"recourse/audit"
)

// newest are, of each record that one reading of the log to its end has shown,
// the last change. Where more is read than is held at once, a patch's image is
// stored as provisional, since what follows is not yet known; if nothing did, it
// was read while it was the record's newest change after all.
type newest struct {
	last map[audit.ID]lastChange
	full bool // there were more records than are kept: some stay provisional
}

type lastChange struct {
	id   audit.ChangeID
	time audit.Time
	open bool // its image is provisional, and for no other reason
}

// mostNewest is how many records are kept.
const mostNewest = 100_000

func (n *newest) add(r *reading) {
	for i := range r.changes {
		c := &r.changes[i]
		if c.Op.Kind() == audit.KindMessage {
			continue
		}
		old, known := n.last[c.Key.ID]
		if n.last == nil {
			n.last = map[audit.ID]lastChange{}
		}
		if !known && len(n.last) == mostNewest {
			n.full = true
			continue
		}
		open := c.After.State == audit.Present && c.After.Trust == audit.Provisional && c.Note == "" && r.isOf(c)
		if known && old.time > c.Time {
			open = false // by its time it is not the newest, whatever the log's order
			c = &audit.Change{ID: old.id, Time: old.time, Key: c.Key}
		}
		n.last[c.Key.ID] = lastChange{c.ID, c.Time, open}
	}
}

// promote stores how far images can be trusted, once the log was read to its
// end. Of what lies before from, something was left out.
func (t *Tailer) promote(ctx context.Context, tb *table, n *newest, from audit.Time) (audit.Appended, error) {
	var total audit.Appended
	var sure []audit.Change
	store := func() error {
		got, err := commit(ctx, t.o.Store, audit.Batch{Changes: sure})
		total.Amended += got.Amended
		sure = sure[:0]
		return err
	}
	for id, l := range n.last {
		if !l.open || l.time < from || l.time < tb.ahead[id] {
			continue
		}
		c, ok, err := t.provisional(ctx, l.id)
		if err != nil {
			return total, err
		}
		if !ok {
			continue
		}
		c.After.Trust, c.Before, c.Seq = audit.Prompt, audit.Image{}, 0
		if sure = append(sure, c); len(sure) == commitSingly {
			if err := store(); err != nil {
				return total, err
			}
		}
	}
	return total, store()
}

// provisional is a stored change, and whether its image is one of this node's
// that is provisional.
func (t *Tailer) provisional(ctx context.Context, id audit.ChangeID) (audit.Change, bool, error) {
	seq, known, err := t.o.Store.Lookup(ctx, id)
	if err != nil || !known {
		return audit.Change{}, false, err
	}
	c, err := t.o.Store.Get(ctx, seq)
	return c, c.After.State == audit.Present && c.After.Trust == audit.Provisional && c.Node == t.o.Node, err
}
