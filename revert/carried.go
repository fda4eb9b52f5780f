package revert

import (
	"errors"
	"iter"
)

// A carried plan is one that is carried out, wherever its lines are.
type carried struct {
	head       *Plan // its header, its decided conflicts and its containment; maybe more
	actions    int   // how many
	unresolved int
	records    func() int // how many it says something of
	eachAction iter.Seq2[*Action, error]
	eachKept   iter.Seq2[*Kept, error]
	check      func() error // refuses what a plan must never ask for
	brief      bool         // of steps no more is kept than a person wants to look at
}

func (p *Plan) carried() *carried {
	return &carried{
		head: p, actions: len(p.Actions), unresolved: p.Unresolved(), records: func() int { return len(p.Keys()) }, check: p.check,
		eachAction: eachOf(p.Actions), eachKept: eachOf(p.Kept),
	}
}

// eachOf yields what is in memory.
func eachOf[T any](all []T) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for i := range all {
			if !yield(&all[i], nil) {
				return
			}
		}
	}
}

// carried is the plan to carry out: its lines were checked when it was opened.
func (p *OpenedPlan) carried() *carried {
	return &carried{
		brief: true, head: p.Outline, actions: p.Actions, unresolved: p.Unresolved, records: func() int { return p.Records }, check: p.check,
		eachAction: p.EachAction(), eachKept: p.eachKept(),
	}
}

// check refuses what no planner makes, and no single line shows.
func (p *OpenedPlan) check() error {
	u := p.Outline.TakesBack()
	if err := u.check(); err != nil {
		return badPlan(1, "%v", err)
	}
	if p.takesBack && len(u.Plans) == 0 {
		return badPlan(1, "%v", errNamesNoApply)
	}
	return nil
}

var errNamesNoApply = errors.New("it takes changes back and names no apply of which")

func (p *OpenedPlan) eachKept() iter.Seq2[*Kept, error] {
	const kept = 2 // of stages
	return func(yield func(*Kept, error) bool) {
		for l, err := range p.linesOf(kept, kept) {
			if !yield(l.Kept, err) {
				return
			}
		}
	}
}
