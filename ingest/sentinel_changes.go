package ingest

import (
	"context"

	"recourse/audit"
)

// followChanges is how many stored changes one round takes in.
const followChanges = 200_000

// follow takes in the changes that were stored since the last round: what they
// say about jobs, about changes without a user, about the number of records, and
// which changes are to be found in the log.
func (r *round) follow(ctx context.Context) error {
	// Before the changes are read, so that those up to it are among them.
	jobs, known, err := r.s.o.Store.Cursor(ctx, r.s.o.Node, jobTable)
	if err != nil {
		return err
	}
	if known {
		r.jobsUntil = jobs.Time
	}
	n := 0
	for c, err := range r.s.o.Store.Follow(ctx, r.m.Seq) {
		if err != nil {
			return err
		}
		if n++; n > followChanges {
			r.behind = true
			break
		}
		r.m.Seq = c.Seq
		if c.Cluster == r.s.o.Cluster {
			r.take(&c)
		}
	}
	return nil
}

func (r *round) take(c *audit.Change) {
	mine := c.Node == r.s.o.Node
	switch {
	case c.Synthetic:
	case c.Key.Table == jobTable && mine:
		r.jobChange(c)
	case c.Key.Table.Database == "system":
	case c.Op == audit.OpReload:
		if !mine {
			return
		}
		a := ReloadAlarm(c.Node, c.Key.Table, c.Time, c.User)
		a.Changes = []audit.Evidence{evidence(c)}
		r.raise(a, true)
	default:
		tm := r.m.table(c.Key.Table)
		tm.Count.take(c, r.server, mine)
		if !mine {
			return
		}
		tm.Writes++
		if c.Op.Kind() == audit.KindMessage {
			return // its time may be that of an earlier write
		}
		if c.Time <= r.server {
			tm.remember(mark{c.Time, c.Key.ID})
		}
		if c.User == "" {
			tm.addAnonymous(c, r.server)
		}
	}
}
