package ingest

import (
	"context"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
)

// RecordChanges turns one record's history, as harper.Client.RecordHistory
// reads it, into changes with the identity that a tail gives them. Each entry
// names its own operation there, so nothing is inferred.
func RecordChanges(ctx context.Context, table audit.Table, stamp Stamp, rows []harper.AuditRow) ([]audit.Change, error) {
	r := newReading(table, stamp)
	for _, row := range rows {
		row.Index = 0 // an entry for itself
		r.add(row)
	}
	if err := r.resolve(ctx, nil); err != nil {
		return nil, err
	}
	if err := r.prefer(ctx, nil); err != nil {
		return nil, err
	}
	r.settle(extent{reachedEnd: true}, &occurrences{})
	return r.changes, nil
}

// Window reads what one table's log has from a time on, and what of it cannot
// be read. server is the server's time, or a time shortly before.
func Window(ctx context.Context, source Source, table audit.Table, stamp Stamp, from, server audit.Time) ([]audit.Change, []audit.Gap, error) {
	var all []audit.Change
	s := scan{
		source: source, table: table, stamp: stamp, now: time.Now, server: server,
		deadline: time.Now().Add(defaultDeadline),
		emit: func(_ context.Context, r *reading) error {
			all = append(all, r.changes...)
			return nil
		},
	}
	err := s.run(ctx, window{from: from})
	return all, s.found, err
}
