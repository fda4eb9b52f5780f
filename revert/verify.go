package revert

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"recourse/audit"
)

// A Verification is how the records of a plan stand when they are read again.
type Verification struct {
	Plan    string  `json:"plan"`
	Records int     `json:"records"`
	OK      int     `json:"ok"`     // records that are as the plan wants them
	Differ  int     `json:"differ"` // records that are not
	Checks  []Check `json:"checks"` // by the plan's order
}

// A Check compares one attribute, or with an empty Attr the record's being
// there.
type Check struct {
	N    int         `json:"n"` // the action
	K    Target      `json:"k"`
	Attr string      `json:"attr,omitempty"`
	OK   bool        `json:"ok"`
	Want audit.Value `json:"want,omitempty"` // absent: it is not to be there
	Got  audit.Value `json:"got,omitempty"`
	Why  string      `json:"why,omitempty"` // who changed it since, as far as the log tells
}

// Err is ErrNotVerified, with the numbers, unless all is as the plan wants it.
func (v *Verification) Err() error {
	if v.Differ == 0 {
		return nil
	}
	return fmt.Errorf("verify plan: %w: %d of %d", ErrNotVerified, v.Differ, v.Records)
}

// How many records Verify asks for at once.
const verifyBatch = 100

// Verify reads all records of the plan's actions and compares them with what the
// plan wants. What differs is explained from Harper's log, where that can be
// read. It writes nothing.
func (a *Applier) Verify(ctx context.Context, p *Plan) (*Verification, error) {
	return a.verifyLines(ctx, p.carried(), false)
}

// VerifyOpened is Verify of a plan that stays in its file. Brief leaves out of the
// Checks those of records that are as the plan wants them: then no more is in memory
// than some hundred of its lines, and what differs.
func (a *Applier) VerifyOpened(ctx context.Context, p *OpenedPlan, brief bool) (*Verification, error) {
	return a.verifyLines(ctx, p.carried(), brief)
}

func (a *Applier) verifyLines(ctx context.Context, p *carried, brief bool) (*Verification, error) {
	v := &Verification{Plan: p.head.Header.Digest}
	r := &run{Applier: a, plan: p.head, total: p.actions, options: &ApplyOptions{}}
	err := together(p.eachAction, verifyBatch, func(some []*Action) error {
		keys := make([]audit.Key, len(some))
		for i, act := range some {
			keys[i] = act.Key()
		}
		images, err := a.Server.Read(ctx, keys)
		if err != nil {
			return fmt.Errorf("read records: %w", err)
		}
		for i, act := range some {
			if err := v.check(ctx, &step{run: r, action: act}, images[keys[i]], brief); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("verify plan %s: %w", p.head.Header.ID, err)
	}
	return v, nil
}

// together gives what is yielded, so many at a time.
func together[T any](all iter.Seq2[T, error], most int, take func([]T) error) error {
	var some []T
	for one, err := range all {
		if err != nil {
			return err
		}
		if some = append(some, one); len(some) == most {
			if err := take(some); err != nil {
				return err
			}
			some = nil
		}
	}
	if len(some) == 0 {
		return nil
	}
	return take(some)
}

func (v *Verification) check(ctx context.Context, s *step, img audit.Image, brief bool) error {
	checks := s.checks(img)
	good := !slices.ContainsFunc(checks, func(c Check) bool { return !c.OK })
	v.Records++
	if good {
		v.OK++
	} else {
		v.Differ++
		trails, err := s.trails(ctx, []*step{s}, func(s *step) audit.Time { return s.action.Expect.Version })
		if err != nil {
			return err
		}
		g := &guard{image: img, trail: trails[0].Trail}
		for i := range checks {
			if c := &checks[i]; !c.OK && c.Why == "" {
				c.Why = s.explain(g, c.Attr)
			}
		}
	}
	if !good || !brief {
		v.Checks = append(v.Checks, checks...)
	}
	return nil
}

func (s *step) explain(g *guard, name string) string {
	if g.trail.Err != nil {
		return "the record's log cannot be read: " + short(g.trail.Err.Error())
	}
	if since := s.sinceWhen(g, name); since != "" {
		return since[len(", since "):]
	}
	return "the log shows no change since the plan was made: it was not applied"
}

func (s *step) checks(img audit.Image) []Check {
	a := s.action
	want := audit.Present
	if a.Do == DoDelete {
		want = audit.Absent
	}
	head := Check{N: a.N, K: a.K, OK: img.State == want}
	if img.State == audit.Unknown {
		head.Why = "the record could not be read"
	}
	checks := []Check{head}
	if !head.OK || want == audit.Absent {
		return checks
	}
	wants := a.targets()
	for name := range a.Add {
		wants[name] = a.Attrs[name].Target
	}
	for _, name := range slices.Sorted(maps.Keys(wants)) {
		got := img.Body.Get(name)
		c := Check{N: a.N, K: a.K, Attr: name, Want: wants[name], Got: got, OK: s.plan.Header.Policy.same(got, wants[name])}
		if _, summed := a.Add[name]; summed && !c.OK && sameSum(got, wants[name]) {
			c.OK, c.Why = true, "the same but for the rounding of sums of floats"
		}
		checks = append(checks, c)
	}
	return checks
}
