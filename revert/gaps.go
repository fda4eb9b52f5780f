package revert

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"recourse/audit"
)

// planGaps are those of the request's gaps that are of tables of the plan.
func (p *planner) planGaps() []PlanGap {
	gaps := []PlanGap{}
	for _, g := range p.req.Gaps {
		if p.tables[g.Table] {
			gaps = append(gaps, PlanGap{Table: g.Table.String(), Node: g.Node, From: g.From, To: g.To})
		}
	}
	slices.SortFunc(gaps, func(a, b PlanGap) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Node, b.Node))
	})
	return slices.Compact(gaps)
}

// gaps names the tables to be written whose log could not be read whole.
func (p *planner) gaps() string {
	type stretch struct {
		n        int
		from, to audit.Time
	}
	at := map[audit.Table]*stretch{}
	for _, t := range p.tablesWritten() {
		at[t] = &stretch{}
	}
	for _, g := range p.req.Gaps {
		if s := at[g.Table]; s != nil {
			if s.n == 0 || g.From < s.from {
				s.from = g.From
			}
			s.n, s.to = s.n+1, max(s.to, g.To)
		}
	}
	var parts []string
	for _, t := range p.tablesWritten() {
		if s := at[t]; s.n > 0 {
			from := s.from.ISO()
			if s.from <= 0 {
				from = "its begin"
			}
			parts = append(parts, fmt.Sprintf("%s (%d, %s to %s)", t, s.n, from, s.to.ISO()))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "log-gap: stretches of the log could not be read; a change in one is not known, and a value that it made would be written over with an older one: " + strings.Join(parts, ", ")
}
