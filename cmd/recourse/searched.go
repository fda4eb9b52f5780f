package main

import (
	"context"

	"recourse/audit"
	"recourse/internal/querytest"
	"recourse/query"
	"recourse/store"
)

// A searched store answers questions from a copy of all its changes in memory.
type searched struct{ *store.DB }

// View implements query.Viewer.
func (s searched) View(ctx context.Context) (query.View, error) {
	var all []audit.Change
	for c, err := range s.Follow(ctx, 0) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return querytest.Holding(all).View(ctx)
}
