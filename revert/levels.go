package revert

import (
	"fmt"

	"recourse/audit"
)

// order gives the actions their levels: of inserts a record comes after those that
// it refers to, of deletes before them. It returns how many refer to each other in a
// circle, which have no order, nor have those that come after such.
func (rs references) order(actions []Action) (circle int) {
	if len(rs) == 0 {
		return 0
	}
	for _, do := range []string{DoInsert, DoDelete} {
		circle += rs.level(actions, do)
	}
	return circle
}

func (rs references) level(actions []Action, do string) (circle int) {
	at := map[audit.Key]int{}
	for i := range actions {
		if actions[i].Do == do {
			at[actions[i].Key()] = i
		}
	}
	next, waits := map[int][]int{}, map[int]int{} // what comes after an action, and after how many it comes
	for i := range actions {
		a := &actions[i]
		if a.Do != do {
			continue
		}
		body := a.Set
		if do == DoDelete {
			body = a.Expect.Owned
		}
		for l := range rs.links(a.K.Table, audit.Object(body)) {
			parent, ours := at[l.to]
			if !ours || parent == i {
				continue
			}
			first, then := parent, i
			if do == DoDelete {
				first, then = i, parent
			}
			next[first] = append(next[first], then)
			waits[then]++
		}
	}
	return levels(actions, at, next, waits)
}

// levels goes from those that wait for none to those that wait for them. What is
// left over goes in a circle, and comes last.
func levels(actions []Action, at map[audit.Key]int, next map[int][]int, waits map[int]int) (circle int) {
	var ready []int
	for _, i := range at {
		if waits[i] == 0 {
			ready = append(ready, i)
		}
	}
	last, done := 0, map[int]bool{}
	for len(ready) > 0 {
		i := ready[0]
		ready, done[i] = ready[1:], true
		last = max(last, actions[i].Level)
		for _, j := range next[i] {
			actions[j].Level = max(actions[j].Level, actions[i].Level+1)
			if waits[j]--; waits[j] == 0 {
				ready = append(ready, j)
			}
		}
	}
	for _, i := range at {
		if !done[i] {
			actions[i].Level = last + 1
			circle++
		}
	}
	return circle
}

// circular warns of records without an order.
func circular(n int) string {
	return fmt.Sprintf("dangling-ref: records to be made or deleted that refer to each other in a circle: %d; while the plan is carried out some refer to none", n)
}
