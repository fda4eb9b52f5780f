package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"recourse/audit"
	"recourse/internal/harper"
)

// sampleTables is how many tables one round samples.
const sampleTables = 2

// sample compares some living records with the stored changes. Page by page it
// comes round to every record of every table, and then begins again.
func (r *round) sample(ctx context.Context) error {
	if r.s.o.Sample < 0 || r.behind {
		return nil
	}
	var tables []*tableMemory
	for _, tm := range r.m.sorted() {
		if tm.Seen == r.server && tm.Off == 0 && !tm.Sourced && tm.Read != 0 {
			tables = append(tables, tm)
		}
	}
	if len(tables) == 0 {
		return nil
	}
	known, err := r.read(ctx)
	if err != nil {
		return err
	}
	var errs []error
	n := min(sampleTables, len(tables))
	for range n {
		tm := tables[r.m.Turn%len(tables)]
		r.m.Turn++
		err := r.sampleTable(ctx, tm, known, max(1, r.s.o.Sample/n))
		if isRefused(err) {
			r.s.once("records of "+namedTable(tm.Table)+" may not be read: writes past its log are not found", err)
			continue
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (r *round) sampleTable(ctx context.Context, tm *tableMemory, known coverage, limit int) error {
	page, err := r.s.o.Server.Page(ctx, tm.Table, tm.Page, limit)
	if err == nil && len(page) == 0 && tm.Page != "" {
		page, err = r.s.o.Server.Page(ctx, tm.Table, "", limit) // it came to the end
	}
	if err != nil {
		tm.Page = ""
		return fmt.Errorf("sample %s: %w", tm.Table, err)
	}
	tm.Page = ""
	if len(page) > 0 {
		tm.Page = page[len(page)-1].ID
	}
	var suspects []finding
	for _, rec := range page {
		odd, err := r.suspect(ctx, tm, known, rec)
		if err != nil {
			return err
		}
		if odd {
			suspects = append(suspects, finding{rec.ID, rec.Version})
		}
	}
	found, err := r.unlogged(ctx, tm.Table, suspects)
	if err != nil {
		return err
	}
	r.unauditedWrites(tm, found)
	return nil
}

// suspect says that a record's version is newer than its newest stored change,
// though the log of that time was read.
func (r *round) suspect(ctx context.Context, tm *tableMemory, known coverage, rec harper.Stored) (bool, error) {
	v := rec.Version
	if rec.Err != nil || v <= r.server-r.m.keepsLog() || v >= tm.Read-ms(r.s.o.Overlap) || !known.has(tm.Table, v) {
		return false, nil
	}
	newest, found, err := r.s.o.Store.Newest(ctx, r.s.o.Cluster, audit.Key{Table: tm.Table, ID: rec.ID})
	return err == nil && (!found || v > newest.Time), err
}

// cutOff is in Harper's answer when a record has lost its way to the log, which
// it does by a write that has no entry.
const cutOff = "local audit time"

// unlogged are the suspects whose own history in the log does not have the
// version either. Where a history cannot be read, nothing is known, unless
// Harper says that the record was written without an entry.
func (r *round) unlogged(ctx context.Context, table audit.Table, suspects []finding) ([]finding, error) {
	if len(suspects) == 0 {
		return nil, nil
	}
	ids := make([]audit.ID, len(suspects))
	for i, f := range suspects {
		ids[i] = f.ID
	}
	histories, err := r.s.o.Server.RecordHistory(ctx, table, ids)
	var unreadable harper.IDErrors
	if err != nil && !errors.As(err, &unreadable) {
		return nil, err
	}
	return slices.DeleteFunc(suspects, func(f finding) bool {
		if err := unreadable[f.ID]; err != nil {
			return !strings.Contains(err.Error(), cutOff)
		}
		rows, told := histories[f.ID]
		if !told {
			return true
		}
		logged := slices.ContainsFunc(rows, func(row harper.AuditRow) bool { return row.Time == f.Version })
		if logged {
			r.s.o.Log.Warn("a change is in the log that was not stored; a later reading has to find it", "table", table.String(), "time", f.Version.String())
		}
		return logged
	}), nil
}

// unauditedWrites raises writes that the log does not have, those of one hour
// as one alert.
func (r *round) unauditedWrites(tm *tableMemory, found []finding) {
	hours := map[audit.Time]bool{}
	for _, f := range found {
		if !slices.Contains(tm.Found, f) && len(tm.Found) < mostFindings {
			tm.Found = append(tm.Found, f)
			hours[wholeHour(f.Version)] = true
		}
	}
	slices.SortFunc(tm.Found, func(a, b finding) int { return cmp.Compare(a.Version, b.Version) })
	for _, h := range slices.Sorted(maps.Keys(hours)) {
		a := Alarm{Rule: LogUnauditedWrite, Table: tm.Table, Begin: h}
		for _, f := range tm.Found {
			if wholeHour(f.Version) != h {
				continue
			}
			a.End = max(a.End, f.Version)
			a.Changes = append(a.Changes, audit.Evidence{Database: tm.Table.Database, Table: tm.Table.Name, Key: f.ID, Time: f.Version})
		}
		a.Title = fmt.Sprintf("%s of %s, written in the hour from %s on, without an entry in the log",
			counted(len(a.Changes), "record"), namedTable(tm.Table), clock(h))
		r.raise(a, true)
	}
}

// coverage is what was read of a node's logs.
type coverage struct {
	spans []audit.Span
	gaps  []audit.Gap
}

func (r *round) read(ctx context.Context) (coverage, error) {
	spans, err := r.s.o.Store.Spans(ctx)
	if err != nil {
		return coverage{}, err
	}
	gaps, err := r.s.o.Store.Gaps(ctx)
	return coverage{
		spans: slices.DeleteFunc(spans, func(s audit.Span) bool { return s.Node != r.s.o.Node }),
		gaps:  slices.DeleteFunc(append(gaps, r.batch.Gaps...), func(g audit.Gap) bool { return g.Node != r.s.o.Node || g.Healed != 0 }),
	}, err
}

// commitSlack is how much later than its version, in milliseconds, a write may
// be in the log of the LMDB line, whose clock limits spans and gaps there.
const commitSlack = 10_000

// has says that the log of a version's time was read and has no gap there.
func (c coverage) has(table audit.Table, v audit.Time) bool {
	in := slices.ContainsFunc(c.spans, func(s audit.Span) bool { return s.Table == table && s.From <= v && v < s.To })
	return in && !slices.ContainsFunc(c.gaps, func(g audit.Gap) bool {
		return g.Table == table && g.From-commitSlack <= v && v <= g.To+commitSlack
	})
}
