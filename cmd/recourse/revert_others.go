package main

import (
	"context"
	"iter"
	"math"

	"recourse/audit"
	"recourse/revert"
	"recourse/store"
)

// storedOthers are the records of the store besides those that a plan is about.
type storedOthers struct{ *store.DB }

var _ revert.Others = storedOthers{}

// Now implements revert.Others.
func (s storedOthers) Now(ctx context.Context, cluster string, k audit.Key) (revert.Sight, error) {
	sight := revert.Sight{Key: k}
	last, known, err := s.Newest(ctx, cluster, k)
	if err != nil {
		return sight, err
	}
	if known {
		sight.Last = revert.Evidence{ID: last.Identify(), Time: last.Time, User: last.User, Op: last.Op}
	}
	sight.Image, err = s.AsOf(ctx, cluster, k, audit.Time(math.Inf(1)))
	return sight, err
}

// Table implements revert.Others. A baseline that came to its end knows of every
// record that was there, and the log of those that came later.
func (s storedOthers) Table(ctx context.Context, cluster string, t audit.Table) (iter.Seq2[revert.Sight, error], bool, error) {
	baselines, err := s.Baselines(ctx)
	if err != nil {
		return nil, false, err
	}
	whole := false
	for _, b := range baselines {
		whole = whole || b.Table == t && b.Cluster == cluster && b.Ended != 0
	}
	return func(yield func(revert.Sight, error) bool) {
		for r, err := range s.TableBase(ctx, t) {
			if err != nil || r.Cluster == cluster {
				if !yield(revert.Sight{Key: r.Key, Image: audit.PresentImage(r.Body, audit.Baselined, audit.Exact)}, err) || err != nil {
					return
				}
			}
		}
		for c, err := range s.TableChanges(ctx, t, audit.Time(math.Inf(-1)), audit.Time(math.Inf(1))) {
			if err != nil || c.Cluster == cluster {
				if !yield(revert.Sight{Key: c.Key, Image: c.After}, err) || err != nil {
					return
				}
			}
		}
	}, whole, nil
}
