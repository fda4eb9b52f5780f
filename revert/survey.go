package revert

import (
	"context"
	"fmt"

	"recourse/audit"
)

// leastSurvey is for how few records a survey is not worth its requests.
const leastSurvey = 8

// surveyMargin is how far back a survey looks, in milliseconds: a transaction has
// the time of its beginning, and clocks differ.
const surveyMargin = 1000

// glance is look for records that are still as the plan knows them, told by their
// versions: their logs need not be read. It returns the others.
func (r *run) glance(ctx context.Context, steps []*step) ([]*step, error) {
	r.glanced = r.now()
	survey, ok := r.Server.(Survey)
	if !ok || len(steps) < leastSurvey {
		return steps, nil
	}
	lives, err := r.versions(ctx, survey, steps)
	if err != nil {
		return nil, err
	}
	var rest []*step
	for i, s := range steps {
		v := s.action.Expect.Version
		if s.repairs || v == 0 || lives[i].Version != v || lives[i].State != audit.Present {
			rest = append(rest, s)
			continue
		}
		s.take(&guard{image: lives[i].Image, version: v, floor: v})
	}
	return rest, nil
}

func (r *run) versions(ctx context.Context, survey Survey, steps []*step) ([]Live, error) {
	keys := make([]audit.Key, len(steps))
	for i, s := range steps {
		keys[i] = s.action.Key()
	}
	all, err := survey.Versions(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read records: %w", err)
	}
	out := make([]Live, len(steps))
	for i, k := range keys {
		out[i] = all[k]
	}
	return out, nil
}

// survey proves the steps of which the table's recent log shows one change since
// the guard, which is ours, and whose record has that very version. It returns the
// others, whose own logs are to be read.
func (r *run) survey(ctx context.Context, steps []*step) ([]*step, error) {
	survey, ok := r.Server.(Survey)
	if !ok || len(steps) < leastSurvey {
		return steps, nil
	}
	lives, err := r.versions(ctx, survey, steps)
	if err != nil {
		return nil, err
	}
	recent, whole, err := survey.Recent(ctx, steps[0].action.K.Table, r.glanced-surveyMargin)
	if err != nil || !whole {
		return steps, ctx.Err() // each record's own log may still tell
	}
	byKey := map[audit.Key][]audit.Change{}
	for _, c := range recent {
		c.ID = c.Identify()
		byKey[c.Key] = append(byKey[c.Key], c)
	}
	var rest []*step
	for i, s := range steps {
		var trail Trail
		for _, c := range byKey[s.action.Key()] {
			if s.guard.fresh(&c) && c.Time > s.guard.version {
				trail.Changes = append(trail.Changes, c)
			}
		}
		if !s.acked || len(trail.Changes) != 1 || lives[i].State == audit.Present && lives[i].Version != trail.Changes[0].Time {
			rest = append(rest, s)
			continue
		}
		if s.verdict = s.judge(lives[i].Image, trail); s.verdict.phase != audit.PhaseVerified {
			rest = append(rest, s)
		}
	}
	return rest, nil
}
