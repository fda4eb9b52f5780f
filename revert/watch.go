package revert

import (
	"context"
	"fmt"
	"slices"
	"time"

	"recourse/audit"
)

// WatchOptions say how the records of a plan are watched after an apply.
type WatchOptions struct {
	User  string        // as whom the apply wrote
	For   time.Duration // how long
	Every time.Duration // the pause between two looks; zero is 5 s
}

// A Sighting is something that happened to a record after its step had ended.
type Sighting struct {
	N     int
	Key   audit.Key
	Class Class // attacker-active, half-back, duplicate, superseded-after
	Why   string
}

// Watch looks at the records of a plan that was applied, again and again, for
// what others make of them: a user of the selection who is back, a patch that
// brings a part of a deleted record back, a write of ours that comes late and
// twice, and honest changes. It returns what it saw, each once, and writes nothing.
func (a *Applier) Watch(ctx context.Context, p *Plan, o WatchOptions) ([]Sighting, error) {
	return a.watch(ctx, p.carried(), o)
}

// WatchOpened is Watch of a plan that stays in its file.
func (a *Applier) WatchOpened(ctx context.Context, p *OpenedPlan, o WatchOptions) ([]Sighting, error) {
	return a.watch(ctx, p.carried(), o)
}

func (a *Applier) watch(ctx context.Context, p *carried, o WatchOptions) ([]Sighting, error) {
	steps, err := a.watched(ctx, p, o.User)
	if err != nil || len(steps) == 0 {
		return nil, err
	}
	every := o.Every
	if every <= 0 {
		every = 5 * time.Second
	}
	var out []Sighting
	seen := map[audit.ChangeID]bool{}
	for left := o.For; ; left -= every {
		for some := range slices.Chunk(steps, 1000) {
			found, err := some[0].sightings(ctx, some, seen)
			out = append(out, found...)
			if err != nil {
				return out, fmt.Errorf("watch the records of plan %s: %w", p.head.Header.ID, err)
			}
		}
		if left <= 0 {
			return out, nil
		}
		if err := a.sleep(ctx, min(every, left)); err != nil {
			return out, err
		}
	}
}

// watched are the steps whose writes are proven, with as much of their actions as
// it takes.
func (a *Applier) watched(ctx context.Context, p *carried, user string) ([]*step, error) {
	h := &p.head.Header
	stands, err := a.standing(ctx, h.Digest)
	if err != nil {
		return nil, fmt.Errorf("watch the records of plan %s: %w", h.ID, err)
	}
	r := &run{Applier: a, plan: p.head, total: p.actions, options: &ApplyOptions{User: user}}
	var steps []*step
	for act, err := range p.eachAction {
		if err != nil {
			return nil, fmt.Errorf("watch the records of plan %s: %w", h.ID, err)
		}
		s := &step{run: r, action: &Action{N: act.N, K: act.K, Do: act.Do}, stand: stands[act.N]}
		if v := s.stand.last.Version; v > 0 {
			steps = append(steps, s)
		}
	}
	return steps, nil
}

// sightings are the changes that came after the steps' own, those that were seen
// before left out.
func (r *run) sightings(ctx context.Context, steps []*step, seen map[audit.ChangeID]bool) ([]Sighting, error) {
	trails, err := r.trails(ctx, steps, func(s *step) audit.Time { return s.stand.last.Version })
	if err != nil {
		return nil, err
	}
	var out []Sighting
	for i, s := range steps {
		ours := len(s.stand.repairs)
		for _, c := range trails[i].Changes {
			if c.Time <= s.stand.last.Version || c.Op.Kind() == audit.KindMessage {
				continue
			}
			if c.User == r.options.User {
				if ours--; ours >= 0 {
					continue // a repair
				}
			}
			if seen[c.ID] {
				continue
			}
			seen[c.ID] = true
			out = append(out, Sighting{N: s.action.N, Key: s.action.Key(), Class: s.sighted(&c), Why: short(string(c.Op)) + " by " + who(&c)})
		}
	}
	return out, nil
}

// sighted is what a later change means.
func (s *step) sighted(c *audit.Change) Class {
	switch {
	case s.attacker([]audit.Change{*c}) != "":
		return ClassAttackerActive
	case c.User == s.options.User:
		return ClassDuplicate
	case s.action.Do == DoDelete && c.Op == audit.OpPatch:
		return ClassHalfBack
	}
	return ClassSupersededAfter
}
