package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"recourse/audit"
)

// poll reads one table's log from its cursor to the end, and commits what is
// new together with the new cursor. Where very much of the log cannot be read it
// returns errSpent before it is through; the next poll gets further.
func (t *Tailer) poll(ctx context.Context, tg target) (audit.Appended, error) {
	var total audit.Appended
	server, _, err := t.o.Server.ServerTime(ctx)
	if err != nil {
		return total, err
	}
	cursor, known, err := t.o.Store.Cursor(ctx, t.o.Node, tg.table)
	if err != nil {
		return total, err
	}
	s := t.scan(ctx, tg, server, &total)
	var from audit.Time
	var outage []audit.Gap
	if known {
		from, outage = t.resume(tg.table, cursor.Time, server)
		s.late = min(cursor.Time, server) - ms(t.o.Overlap)
	}
	if err := s.run(ctx, window{from: from}); err != nil {
		if ctx.Err() == nil {
			got, kept := t.keep(ctx, tg.table, audit.Batch{Gaps: s.found})
			total, err = addAppended(total, got), errors.Join(err, kept)
		}
		return total, fmt.Errorf("tail %s: %w", tg.table, err)
	}
	got, err := t.keep(ctx, tg.table, audit.Batch{
		Gaps:    append(outage, s.found...),
		Cursors: []audit.Cursor{{Node: t.o.Node, Table: tg.table, Time: server}},
	})
	return addAppended(total, got), err
}

// resume is where reading goes on after a cursor, and the gap that there may be
// because it goes on late.
func (t *Tailer) resume(table audit.Table, cursor, server audit.Time) (audit.Time, []audit.Gap) {
	overlap := ms(t.o.Overlap)
	if server < cursor-overlap {
		// The server's clock was set back. Since when is not known, and what was
		// written since lies before the cursor.
		t.o.Log.Warn("the server's clock was set back: reading the whole log", "table", table.String(), "by", (cursor-server).String()+" ms")
		return 0, nil
	}
	if lost := server - ms(t.o.Retention); cursor < lost {
		return cursor - overlap, []audit.Gap{{
			Node: t.o.Node, Table: table, From: cursor, To: lost, Observed: audit.TimeOf(t.o.Now()),
			Reason: "not read for longer than Harper keeps its log: changes of this time may be lost",
		}}
	}
	return min(cursor, server) - overlap, nil
}

// keep stores gaps and cursors, and says so of the gaps that are new.
func (t *Tailer) keep(ctx context.Context, table audit.Table, b audit.Batch) (audit.Appended, error) {
	if len(b.Gaps)+len(b.Cursors) == 0 {
		return audit.Appended{}, nil
	}
	got, err := t.o.Store.Append(ctx, b)
	if err != nil {
		return got, err
	}
	if got.Gaps > 0 {
		for _, g := range b.Gaps {
			t.o.Log.Warn("gap in the audit log", "table", table.String(), "from", g.From.String(), "to", g.To.String(), "reason", g.Reason)
		}
	}
	t.remember(table, b.Gaps...)
	return got, nil
}

func (t *Tailer) scan(ctx context.Context, tg target, server audit.Time, total *audit.Appended) *scan {
	now := t.o.Now()
	t.mu.Lock()
	gaps := slices.Clone(t.gaps[tg.table])
	t.mu.Unlock()
	return &scan{
		source: t.o.Server, table: tg.table, primary: tg.primary, json: t.o.JSON,
		stamp: Stamp{
			Cluster: t.o.Cluster, Node: t.o.Node, Observed: audit.TimeOf(now),
			Lossy: t.o.JSON, UpdatedTime: tg.updated,
		},
		now: t.o.Now, server: server, deadline: now.Add(t.o.Deadline), gaps: gaps,
		known: func(id audit.ChangeID) (bool, error) {
			_, known, err := t.o.Store.Lookup(ctx, id)
			return known, err
		},
		emit: func(ctx context.Context, r *reading) error {
			fresh, err := t.fresh(ctx, r.changes)
			if err != nil {
				return err
			}
			got, err := commit(ctx, t.o.Store, audit.Batch{Changes: fresh})
			got.Known += len(r.changes) - len(fresh)
			*total = addAppended(*total, got)
			if got.New > 0 && t.o.Stored != nil {
				t.o.Stored(ctx, tg.table, got)
			}
			return err
		},
	}
}

// fresh is the changes less those that are stored already and whose image is
// only provisional now: that a patch reads otherwise once its record has changed
// again is how Harper is, and would make a divergence of every poll.
func (t *Tailer) fresh(ctx context.Context, changes []audit.Change) ([]audit.Change, error) {
	fresh := make([]audit.Change, 0, len(changes))
	for _, c := range changes {
		if c.After.Trust <= audit.Provisional && c.After.State != audit.Absent {
			_, known, err := t.o.Store.Lookup(ctx, c.ID)
			if err != nil {
				return nil, err
			}
			if known {
				continue
			}
		}
		fresh = append(fresh, c)
	}
	return fresh, nil
}

func (t *Tailer) loadGaps(ctx context.Context) error {
	gaps, err := t.o.Store.Gaps(ctx)
	if err != nil {
		return err
	}
	for _, g := range gaps {
		if g.Node == t.o.Node {
			t.remember(g.Table, g)
		}
	}
	return nil
}

// remember keeps the gaps around single unreadable entries, so that later polls
// read around them.
func (t *Tailer) remember(table audit.Table, gaps ...audit.Gap) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, g := range gaps {
		if width := g.To - g.From; width <= 0 || width > narrowest {
			continue
		}
		t.gaps[table] = append(t.gaps[table], g)
	}
}
