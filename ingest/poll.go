package ingest

import (
	"context"
	"fmt"
	"slices"

	"recourse/audit"
)

// poll reads one table's log from its cursor to the end, and commits what is
// new together with the new cursor.
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
	s := t.scan(tg, server, &total)
	var from audit.Time
	if known {
		// A server whose clock was set back writes behind the cursor.
		from = min(cursor.Time, server) - ms(t.o.Overlap)
		s.late = from
		if lost := server - ms(t.o.Retention); cursor.Time < lost {
			s.found = append(s.found, audit.Gap{
				Node: t.o.Node, Table: tg.table, From: cursor.Time, To: lost, Observed: s.stamp.Observed,
				Reason: "not read for longer than Harper keeps its log: changes of this time may be lost",
			})
		}
	}
	if err := s.run(ctx, window{from: from}); err != nil {
		return total, fmt.Errorf("tail %s: %w", tg.table, err)
	}
	got, err := t.o.Store.Append(ctx, audit.Batch{
		Gaps:    s.found,
		Cursors: []audit.Cursor{{Node: t.o.Node, Table: tg.table, Time: server}},
	})
	if err != nil {
		return total, err
	}
	total = addAppended(total, got)
	for _, g := range s.found {
		t.o.Log.Warn("gap in the audit log", "table", tg.table.String(), "from", g.From.String(), "to", g.To.String(), "reason", g.Reason)
	}
	t.remember(tg.table, s.found...)
	return total, nil
}

func (t *Tailer) scan(tg target, server audit.Time, total *audit.Appended) *scan {
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
