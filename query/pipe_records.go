package query

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"recourse/audit"
)

// records asks a verb of each record.
func (x *execution) records(ctx context.Context, pipe Pipe) error {
	if _, err := x.engine.archive(); err != nil {
		return err
	}
	keys, err := x.keysOf(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys { // what the answers rest on is told of the tables, not record by record
		if n := len(x.covers); n == 0 || !slices.ContainsFunc(x.covers[n-1].Stretches, func(s TableStretch) bool { return s.Table == k.Table }) {
			reading, err := x.engine.reading(ctx)
			if err != nil {
				return err
			}
			x.covers = append(x.covers, reading.Of([]audit.Table{k.Table}, 0, untilOf(pipe)))
		}
	}
	x.stages = nil
	x.source = source{rows: func(ctx context.Context, yield func([]any) error) error {
		for _, k := range keys {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := x.record(ctx, pipe, k, yield); err != nil {
				if errors.Is(err, errEnded) {
					return err
				}
				return fmt.Errorf("%s of %s: %w", pipe, k, err)
			}
		}
		return nil
	}}
	return nil
}

// untilOf is the time up to which a pipe looks at records.
func untilOf(pipe Pipe) audit.Time {
	switch p := pipe.(type) {
	case PipeAsOf:
		return after(p.At)
	case PipeDiff:
		return after(p.To)
	}
	return forever
}

func (x *execution) record(ctx context.Context, pipe Pipe, k audit.Key, yield func([]any) error) error {
	switch p := pipe.(type) {
	case PipeBlame:
		return x.blameRecord(ctx, p, k, yield)
	case PipeAsOf:
		a, err := x.engine.AsOf(ctx, k, p.At)
		if err != nil {
			return err
		}
		for _, r := range a.Records {
			row := append([]any{k.String(), r.State.String(), r.Trust.String(), cell(r.Body)}, refCells(r.Change)...)
			if err := yield(append(row[:7:7], textCell(r.Why))); err != nil {
				return err
			}
		}
		return nil
	case PipeDiff:
		d, err := x.engine.Diff(ctx, k, p.From, p.To)
		if err != nil {
			return err
		}
		return diffRows(d, k, yield)
	}
	return nil
}

// refCells are a change's number, time, user and op.
func refCells(r *Ref) []any {
	if r == nil {
		return []any{nil, nil, nil, nil}
	}
	return []any{r.Seq, r.At(), userCell(r.User), string(r.Op)}
}

func (x *execution) blameRecord(ctx context.Context, p PipeBlame, k audit.Key, yield func([]any) error) error {
	b, err := x.engine.Blame(ctx, k, p.Options)
	if err != nil {
		return err
	}
	for _, a := range b.Attributes {
		row := []any{k.String(), a.Path, cell(a.Value), a.Removed, string(a.Origin), a.Trust.String()}
		if err := yield(append(row, refCells(a.Change)...)); err != nil {
			return err
		}
	}
	return nil
}

func diffRows(d *Diff, k audit.Key, yield func([]any) error) error {
	for _, r := range d.Records {
		head := []any{k.String(), string(r.Class)}
		tail := []any{r.Changes, r.Users}
		if len(r.Edits) == 0 {
			if err := yield(slices.Concat(head, []any{nil, nil, nil}, tail)); err != nil {
				return err
			}
		}
		for _, edit := range r.Edits {
			if err := yield(slices.Concat(head, []any{edit.Path, cell(edit.Old), cell(edit.New)}, tail)); err != nil {
				return err
			}
		}
	}
	return nil
}
