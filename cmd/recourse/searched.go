package main

import (
	"context"

	"recourse/query"
	"recourse/store"
)

// A searched store is one that questions are asked of.
type searched struct{ *store.DB }

// View implements query.Viewer.
func (s searched) View(ctx context.Context) (query.View, error) {
	v, err := s.DB.View(ctx)
	if err != nil {
		return nil, err
	}
	return v, nil
}
