package rules

import "recourse/audit"

// A placement is what the cheap part of a rule's match depends on.
type placement struct {
	op            audit.Op
	table         audit.Table
	before, after audit.State
	actor         string // the kind of the user
	late, lossy   bool
}

// recent is a number made of a little of a placement.
func (p *placement) recent() int {
	n := len(p.table.Name)
	if n > 0 {
		n = 7*n + 5*int(p.table.Name[n-1]) + 3*int(p.table.Name[0])
	}
	return n + 37*len(p.op) + 3*int(p.before) + int(p.after)
}

// shelf is that of the change at hand, made when it is first asked for.
func (e *Engine) shelf(c *audit.Change) *shelf {
	p := placement{c.Op, c.Key.Table, c.Before.State, c.After.State, e.facts.actorKind(), c.Late, c.Lossy}
	recent := &e.recent[p.recent()%len(e.recent)]
	if recent.shelf != nil && recent.placement == p {
		e.last, e.facts.said = recent.shelf, recent.shelf.said
		return recent.shelf
	}
	s := e.index[p]
	if s == nil {
		s = e.fill(p)
		if len(e.index) >= mostRemembered { // tables are few, unless somebody makes them up
			clear(e.index)
		}
		e.index[p] = s
	}
	recent.placement, recent.shelf = p, s
	e.last, e.facts.said = s, s.said
	return s
}
