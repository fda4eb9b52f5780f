package rules

import "math"

// What of a group is as it was saved need not be saved again. Most groups only get
// entries at their end and lose some at their begin.

// altered says that entry i is no longer as it was saved.
func (g *group) altered(i int) { g.same = min(g.same, int32(i)) }

// entered says that there is a new entry i.
func (g *group) entered(i int) {
	g.altered(i)
	switch {
	case i <= g.clear[0]:
		g.clear[0]++
		g.clear[1]++
	case i < g.clear[1]:
		g.clear[1] = i
	}
}

// left says that the entries from low to before high are going.
func (g *group) left(low, high int) {
	n := int32(high)
	switch {
	case low > 0:
		g.altered(low)
		g.clear[1] = min(g.clear[1], low)
		g.clear[0] = min(g.clear[0], low)
		return
	case n <= g.same:
		g.cut, g.same = g.cut+n, g.same-n
	default:
		g.same = 0
	}
	g.clear[0], g.clear[1] = max(g.clear[0]-high, 0), max(g.clear[1]-high, 0)
}

// clears says that the entries from low to before high are all evidence now.
func (g *group) clears(low, high int) {
	if low > g.clear[1] || high < g.clear[0] {
		g.clear = [2]int{low, high}
		return
	}
	g.clear = [2]int{min(low, g.clear[0]), max(high, g.clear[1])}
}

// isSaved says that a group is saved as it is.
func (g *group) isSaved() {
	g.dirtyAt, g.saved = 0, true
	g.cut, g.same = 0, int32(len(g.entries))
	if g.history != nil {
		g.history.from = math.MaxInt64
	}
}
