package main

import (
	"fmt"
	"iter"

	"recourse/internal/report"
	"recourse/revert"
)

// partLines is how many lines of a plan are in memory while it is printed.
const partLines = 500

// A planFile is a plan to be printed, of which not all is in memory. It was read
// once and is whole.
type planFile struct {
	outline    *revert.Plan // the header, and the conflicts that were decided
	unresolved int
	fitting    int // lines that are asked for
	parts      iter.Seq2[report.PlanView, error]
	close      func() error
}

// openPlanFile reads a plan, or a review copy, and will read it again to print it.
// What cannot be read twice, such as a pipe, is kept.
func openPlanFile(e *env, path string, filter revert.LineFilter) (*planFile, error) {
	f, err := e.open(path)
	if err != nil {
		return nil, inputErr(fmt.Errorf("read plan: %w", err))
	}
	open := func() (iter.Seq2[revert.PlanLine, error], error) {
		_, err := f.Seek(0, 0)
		return revert.ScanPlan(f), err
	}
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() {
		plan, err := revert.ReadReview(f)
		if err != nil {
			f.Close()
			return nil, err
		}
		open = func() (iter.Seq2[revert.PlanLine, error], error) { return plan.Lines(), nil }
	}
	p, err := newPlanFile(filter, open)
	if err != nil {
		f.Close()
		return nil, err
	}
	p.close = f.Close
	return p, nil
}

func newPlanFile(filter revert.LineFilter, open func() (iter.Seq2[revert.PlanLine, error], error)) (*planFile, error) {
	lines, err := open()
	if err != nil {
		return nil, inputErr(fmt.Errorf("read plan: %w", err))
	}
	p := &planFile{outline: new(revert.Plan), close: func() error { return nil }}
	for l, err := range lines {
		switch {
		case err != nil:
			return nil, err
		case l.Header != nil:
			p.outline.Take(l)
			continue
		case l.Conflict != nil && l.Conflict.Resolution != nil:
			p.outline.Take(l)
		case l.Conflict != nil:
			p.unresolved++
		}
		if filter.Fits(l) {
			p.fitting++
		}
	}
	p.parts = func(yield func(report.PlanView, error) bool) {
		lines, err := open()
		if err != nil {
			yield(report.PlanView{}, inputErr(fmt.Errorf("read plan: %w", err)))
			return
		}
		part, n := &revert.Plan{Header: p.outline.Header}, 0
		for l, err := range lines {
			if err != nil {
				yield(report.PlanView{}, err)
				return
			}
			if l.Header != nil || !filter.Fits(l) {
				continue
			}
			part.Take(l)
			if n++; n%partLines == 0 {
				if !yield(report.PlanView{Plan: part}, nil) {
					return
				}
				part = &revert.Plan{Header: p.outline.Header}
			}
		}
		yield(report.PlanView{Plan: part}, nil)
	}
	return p, nil
}
