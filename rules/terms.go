package rules

import "recourse/audit"

// A term is what a group remembers of values that a rule has seen. The zero
// value has not been seen.
type term struct {
	first, last audit.Time
	seen        bool
}

// takes notes that the values were seen at t, and says that they had not been
// for so long.
func (m *term) takes(t, within audit.Time) (isNew bool) {
	switch {
	case !m.seen || t > m.last && t-m.last > within:
		*m = term{first: t, last: t, seen: true}
		return true
	case t < m.first: // a late change; what was new then is told already
		m.first = t
	}
	m.last = max(m.last, t)
	return false
}

// A learning is from when on a rule has seen changes.
type learning struct {
	since   audit.Time
	begun   bool
	evicted audit.Time // when values were last forgotten for want of room; 0: never
}

// term decides entry i: whether its values are new, and enough was seen before
// to say so.
func (e *Engine) term(r *ruleState, g *group, i int) {
	n := &g.entries[i]
	if !r.learning.begun || n.time < r.learning.since {
		r.learning.since, r.learning.begun = n.time, true
	}
	since := r.learning.since
	if r.NewTerms.Per != nil {
		p := r.groupOf(e, r.perValues(g))
		p.newest, p.begun = max(p.newest, n.time), true
		p.term.takes(n.time, r.w.size)
		since = p.term.first
	}
	if !g.term.takes(n.time, r.w.size) {
		return
	}
	if n.time-since < millis(r.NewTerms.Learn) {
		r.stats.Learned++
		return
	}
	if forgot := r.learning.evicted; forgot != 0 && forgot > n.time-r.w.size {
		g.altered(i)
		n.unknown = true // it may have been seen, and forgotten
	}
	g.alert(i, i, nil, n, &r.w)
}

// knows says that a change's values are known, whatever is still to come: they
// were seen not long before it. It takes note of the change.
func (e *Engine) knows(r *ruleState, g *group, t audit.Time) bool {
	if !g.term.seen || len(g.entries) > 0 || t < g.term.last || t-g.term.last > r.w.size {
		return false
	}
	if r.NewTerms.Per != nil {
		p := r.held.at(g.per)
		if p == nil || p.life != g.perLife || p.dropped || e.expired(r, p) {
			p = r.groupOf(e, r.perValues(g))
			g.per, g.perLife = p.number, p.life
		} else {
			r.touch(e, p)
		}
		if !p.term.seen || t < p.term.last && t < p.term.first {
			return false
		}
		p.newest, p.begun = max(p.newest, t), true
		p.term.takes(t, r.w.size)
	}
	g.prune(t, &r.w)
	if g.term.last = t; len(g.alerts) == 0 {
		r.held.empty(g)
	}
	for _, a := range g.alerts {
		if t > a.to && t <= a.to+r.w.size {
			a.to = t
		}
	}
	return true
}

// perValues are those of the group's values for which learning goes on apart.
func (r *ruleState) perValues(g *group) []string {
	of := r.held.values(g)
	var values []string
	for i, name := range r.Window.By {
		for _, per := range r.NewTerms.Per {
			if name == per {
				values = append(values, of[i])
			}
		}
	}
	return values
}

// learns says that the rule has not seen enough yet to call anything new.
func (r *ruleState) learns(e *Engine) bool {
	return r.NewTerms != nil && (!r.learning.begun || e.watermark-r.learning.since < millis(r.NewTerms.Learn))
}
