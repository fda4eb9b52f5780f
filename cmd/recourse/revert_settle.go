package main

import (
	"context"
	"fmt"

	"recourse/audit"
	"recourse/revert"
)

// settle enters into the ledger the writes of applies that were cut off before
// they could enter them, as far as they have been read from Harper's log. It says
// which records of which applies have a step without a known end.
func (w *workspace) settle(ctx context.Context) (map[string][]audit.Key, error) {
	plans, err := w.store.Plans(ctx)
	if err != nil {
		return nil, err
	}
	own, err := w.store.Own(ctx)
	if err != nil {
		return nil, err
	}
	open := map[string][]audit.Key{}
	for _, plan := range plans {
		receipts, err := w.store.Receipts(ctx, plan)
		if err != nil {
			return nil, err
		}
		s, err := revert.Settle(ctx, w.store, receipts, own)
		if err != nil {
			return nil, fmt.Errorf("settle apply %s: %w", revert.ShortPlan(plan), err)
		}
		for _, id := range s.Own {
			if err := w.store.MarkOwn(ctx, plan, id); err != nil {
				return nil, err
			}
			own[id] = plan
		}
		if len(s.Open) > 0 {
			open[plan] = s.Open
		}
	}
	return open, nil
}
