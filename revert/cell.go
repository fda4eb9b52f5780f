package revert

import (
	"slices"

	"recourse/audit"
)

// A side is whose change it is.
type side uint8

const (
	legit   side = iota // a legitimate user's, or nobody's that we know
	hostile             // selected, or undone by an earlier plan
	own                 // our own compensating write: it decides nothing
)

// A cell is one attribute of one record during the replay, as it is and as it
// would be.
type cell struct {
	name string
	kind Number // what a change of it means where it is a number
	turn int    // when it was last met (replay.turn)
	// As it is. While it is not known, last is the last value that was, and maybe
	// are the changes since then that may have written it.
	a       audit.Value
	aKnown  bool
	last    audit.Value
	hasLast bool
	maybe   []int

	// As it would be.
	s       audit.Value
	sKnown  bool
	sTrust  audit.Trust
	unknown Class // why s is not known

	owner int  // the last effective writer, an index into the history; -1: none
	side  side // whose change that was
	mixed bool // owner may be a legitimate change or a hostile one

	ours      bool // a write of our own wrote it, or may have
	hit       bool // a hostile change wrote it, or may have
	base      audit.Value
	baseKnown bool
	theirs    audit.Value
	by        []int // the hostile changes that wrote it

	// Legitimate changes of a number upon a hostile value: s is the value if the
	// last of them set it, alts are what it may be if some were increments, first
	// if all were.
	alts  []audit.Value
	altBy []int

	masked  int // a legitimate put left out what a hostile change had removed; -1: none
	carried int // a legitimate write may have sent a hostile value again; -1: none
	resent  []audit.Value
}

// altered says that the cell was written by a change that is not a legitimate
// user's: what legitimate users then did, they did upon that.
func (c *cell) altered() bool { return c.hit || c.ours }

// diverged says that the cell is not, or may not be, as it would be.
func (c *cell) diverged(p *Policy) bool {
	return len(c.alts) > 0 || c.carried >= 0 || c.masked >= 0 || !c.sKnown || !c.aKnown || !p.same(c.a, c.s)
}

// blur notes that the change may have written the cell, to a value not known.
func (c *cell) blur(i int) {
	if c.aKnown {
		c.last, c.hasLast, c.aKnown, c.maybe, c.a = c.a, true, false, nil, nil
	}
	c.maybe = append(c.maybe, i)
}

// A writer is one change as it meets a cell.
type writer struct {
	i     int
	side  side
	op    audit.Op
	trust audit.Trust
}

// An actor is whose change it is, and its operation.
type actor struct {
	side side
	op   audit.Op
}

// observe tells the cell its value after a change. actors are those of all the
// record's changes.
func (c *cell) observe(p *Policy, w writer, v audit.Value, actors []actor) {
	switch {
	case !c.aKnown:
		c.resolve(p, w, v, actors)
	case p.same(c.a, v):
		c.again(p, w, v)
	default:
		c.write(p, w, v)
	}
}

// again is a change that left the cell as it was.
func (c *cell) again(p *Policy, w writer, v audit.Value) {
	if w.side == legit && c.altered() && c.sKnown && !p.same(c.s, v) {
		switch {
		case w.op == audit.OpUpsert && blank(v):
			c.masked = w.i
		default:
			c.carried = w.i
			if len(c.resent) < maxAlts && !slices.ContainsFunc(c.resent, v.Equal) {
				c.resent = append(c.resent, v)
			}
		}
	}
	if w.side == legit && !c.hit && c.sKnown && blank(c.s) && blank(v) {
		c.s = v // null and absent are the same, but what is written back is what it was
	}
	c.a = v
}

// write is an effective change.
func (c *cell) write(p *Policy, w writer, v audit.Value) {
	switch w.side {
	case legit:
		c.legitimate(p, w, v)
	case hostile:
		c.strike(w.i, v)
	case own:
		c.ours = true
	}
	c.a, c.owner, c.side, c.mixed = v, w.i, w.side, false
}

func (c *cell) strike(i int, v audit.Value) {
	if !c.hit {
		c.base, c.baseKnown = c.s, c.sKnown
	}
	c.hit, c.theirs = true, v
	c.by = append(c.by, i)
}

func (c *cell) legitimate(p *Policy, w writer, v audit.Value) {
	numeric := isNumber(v) && (blank(c.a) || isNumber(c.a))
	adds := numeric && c.kind == NumberCounter
	maybe := numeric && c.kind == NumberUnknown && p.mayAdd(w.op) && c.altered() && c.diverged(p)
	if (adds || maybe) && !c.sKnown {
		return // to what it added is not known
	}
	if !c.sKnown && c.altered() && isTree(v) && !isTree(c.a) {
		return // into what the members went that it shows, had there been an object, is not known
	}
	if adds || maybe {
		diff, _ := difference(v, c.a)
		if sum, ok := plus(c.s, diff); ok && adds {
			c.s, c.sTrust = sum, min(c.sTrust, w.trust)
			return
		}
		if alts := c.fork(diff); maybe && len(alts) > 0 {
			c.set(v, w.trust)
			c.alts, c.altBy = alts, append(c.altBy, w.i)
			return
		}
	}
	c.set(v, w.trust)
	c.alts, c.altBy = nil, nil
}

// So many possible values of one number are kept; what is certain by then is
// that it is not certain.
const maxAlts = 16

// fork adds the difference to all that the number may be.
func (c *cell) fork(diff audit.Value) []audit.Value {
	var alts []audit.Value
	may := slices.Concat(c.alts, []audit.Value{c.s}, c.resent)
	if c.masked >= 0 {
		may = append(may, nil)
	}
	for _, from := range may {
		sum, ok := plus(from, diff)
		if ok && len(alts) < maxAlts && !slices.ContainsFunc(alts, sum.Equal) {
			alts = append(alts, sum)
		}
	}
	return alts
}

// ambiguous says that the number may be another than s.
func (c *cell) ambiguous(p *Policy) bool {
	return slices.ContainsFunc(c.alts, func(v audit.Value) bool { return !p.same(v, c.s) })
}

func (c *cell) set(v audit.Value, t audit.Trust) {
	c.s, c.sKnown, c.sTrust, c.unknown, c.masked, c.carried, c.resent = v, true, t, "", -1, -1, nil
}

// resolve is the first sight of the cell after changes that may have written it.
func (c *cell) resolve(p *Policy, w writer, v audit.Value, actors []actor) {
	writers := append(c.maybe, w.i)
	anyLegit, mayAdd, undone, lastHostile := false, false, false, -1
	for _, i := range writers {
		switch {
		case i < 0:
			anyLegit = true
		case actors[i].side != legit:
			lastHostile, undone = i, undone || anyLegit
		default:
			anyLegit = true
			if p.mayAdd(actors[i].op) {
				w.op, mayAdd = actors[i].op, true
			}
		}
	}
	// An increment on top of what was undone in between is not what it looks like.
	undone = undone || lastHostile >= 0 && mayAdd && isNumber(v) && c.kind != NumberRegister
	hadLast, last := c.hasLast, c.last
	c.aKnown, c.maybe, c.hasLast, c.last = true, nil, false, nil
	c.a = last
	switch {
	case hadLast && p.same(last, v) && !undone:
		c.again(p, w, v)
	case hadLast && lastHostile < 0:
		c.write(p, w, v)
	case hadLast && !anyLegit:
		c.write(p, writer{i: lastHostile, side: actors[lastHostile].side}, v)
	case lastHostile < 0: // never seen before, and no hostile change can have written it
		c.a, c.owner, c.side = v, w.i, legit
		if !c.hit {
			c.set(v, w.trust)
		}
	default:
		c.doubt(hadLast, lastHostile, actors[lastHostile].side, v)
	}
}

// doubt is a value that a hostile change may have written, or somebody before
// it, or that a hostile change may have put in the place of somebody's.
func (c *cell) doubt(hadLast bool, i int, by side, v audit.Value) {
	if by == hostile {
		c.strike(i, v)
	}
	c.ours = c.ours || by == own
	why := ClassImageRisk
	if !hadLast {
		why = ClassNoBase
	}
	c.a, c.owner, c.side, c.mixed = v, i, by, true
	c.sKnown, c.s, c.unknown = false, nil, why
	c.alts, c.altBy = nil, nil
}
