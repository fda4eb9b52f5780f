package rules

import (
	"slices"

	"recourse/audit"
)

// sequence decides entry last as the end of a sequence: whether the other steps
// are before it, in their order, each later than the one before. Evidence is all
// that is part of any such chain, so that it does not depend on the order in
// which the changes came.
func (g *group) sequence(last int, w *windowing) {
	end := &g.entries[last]
	if end.steps&w.last == 0 {
		return
	}
	low := from(g.entries, end.time-w.size)
	found := g.entries[low : last+1]
	earliest := g.reached(found, end, w)
	if earliest == nil {
		return
	}
	// Backwards: the latest time that a step may have for the rest to follow.
	latest := make([]audit.Time, w.inputs)
	latest[w.inputs-1] = end.time
	chain := []int{len(found) - 1}
	known := make([]bool, w.inputs)
	known[w.inputs-1] = true
	for i := len(found) - 2; i >= 0; i-- {
		n := &found[i]
		part := false
		for s := w.inputs - 2; s >= 0; s-- {
			if n.steps&(1<<s) == 0 || !known[s+1] || n.time >= latest[s+1] || n.time < earliest[s] {
				continue
			}
			part = true
			if !known[s] {
				known[s], latest[s] = true, n.time
			}
		}
		if part {
			chain = append(chain, i)
		}
	}
	slices.Reverse(chain)
	g.alert(low, last, chain, end, w)
}

// reached is the earliest time at which a chain can have come to each step, or
// nil if none comes to the end. A chain does not begin before the last thing that
// must not be in between.
func (g *group) reached(found []entry, end *entry, w *windowing) []audit.Time {
	begin := found[0].time
	for i := len(found) - 2; i >= 0; i-- {
		if n := &found[i]; n.steps&w.not != 0 && n.time < end.time {
			begin = n.time
			break
		}
	}
	earliest := make([]audit.Time, w.inputs)
	step := 0 // the first that is not reached
	for i := range found {
		n := &found[i]
		for step < w.inputs-1 && n.time >= begin && n.steps&(1<<step) != 0 && (step == 0 || n.time > earliest[step-1]) {
			earliest[step] = n.time
			step++
		}
	}
	if step == w.inputs-1 && (step == 0 || end.time > earliest[step-1]) {
		return earliest
	}
	return nil
}
