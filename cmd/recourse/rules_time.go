package main

import (
	"cmp"
	"context"
	"slices"
	"time"

	"recourse/audit"
	"recourse/rules"
)

// readBehind is how far behind a table's cursor its log is taken as read to the
// end: the changes of transactions that commit late are read by then.
const readBehind = audit.Time(30 * time.Second / time.Millisecond)

// idleCursor is how far behind the newest a cursor is of a table that is not
// tailed any more.
const idleCursor = audit.Time(10 * time.Minute / time.Millisecond)

// readUntil is the time before which no change is to come any more, as far as is
// known: by the cursors of the tables that are tailed; without any, what was
// imported is all there is, up to the newest.
func (w *workspace) readUntil(ctx context.Context, newest audit.Time) (audit.Time, error) {
	cursors, err := w.store.Cursors(ctx)
	if err != nil {
		return 0, err
	}
	if len(cursors) == 0 {
		return newest + 1, nil
	}
	newest = slices.MaxFunc(cursors, func(a, b audit.Cursor) int { return cmp.Compare(a.Time, b.Time) }).Time
	until := newest
	for _, c := range cursors {
		if c.Time >= newest-idleCursor {
			until = min(until, c.Time)
		}
	}
	return until - readBehind, nil
}

// advance has the engine decide what waited for the log to be read so far. What
// that gives is to be saved.
func (w *workspace) advance(ctx context.Context, engine *rules.Engine) ([]audit.Alert, error) {
	if !engine.Waits() {
		return nil, nil
	}
	until, err := w.readUntil(ctx, engine.Newest())
	if err != nil {
		return nil, err
	}
	return engine.Advance(until), nil
}

// countedRows are how many records each table had, by its complete baselines.
func (w *workspace) countedRows(ctx context.Context) (map[audit.Table][]rules.Rows, error) {
	baselines, err := w.store.Baselines(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(baselines, func(a, b audit.Baseline) int { return cmp.Compare(a.Ended, b.Ended) })
	counted := map[audit.Table][]rules.Rows{}
	for _, b := range baselines {
		if b.Ended != 0 {
			counted[b.Table] = append(counted[b.Table], rules.Rows{At: b.Ended, Rows: int64(b.Records)})
		}
	}
	return counted, nil
}
