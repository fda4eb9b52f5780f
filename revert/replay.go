package revert

import (
	"slices"
	"strings"

	"recourse/audit"
)

// A Record is one record's whole stored history, the planner's input.
type Record struct {
	Key     audit.Key
	Changes []audit.Change // oldest first, by Time and then Seq; Before as the store derives it
	// Whole says that the history reaches back to where the record was not yet
	// there, because the log or a baseline is known to do so. Otherwise only an
	// insert proves a beginning.
	Whole bool
	// Unsure says that what the record was ahead of the change From, an index, is
	// not known, whatever that change and those before it say.
	Unsure bool
	From   int
}

// A replay follows one record through its history, as it was and as it would
// have been without the hostile changes.
type replay struct {
	policy  *Policy
	facts   *TableFacts // nil: not known
	used    *used       // nil: all memory is new
	idRoom  idRoom
	record  Record
	known   []audit.ChangeID // the ids of the record's changes
	actors  []actor
	managed map[string]bool
	nested  bool // some attributes are spread out (paths.go)

	tampered map[string]int // the server's own times that a hostile change has set

	actual, would audit.State // whether the record is there
	cells         cells
	slab          []cell      // memory for cells, with what those of the record before had
	alike         bool        // the record before was of the same table
	seen          audit.Value // the record as every cell has it; nil: not every cell is known
	inOrder       []*cell     // memory for sorting them
	turn          int
	past          []int // the changes followed so far
	open          bool  // attributes never met may have values: the history has no beginning
	wouldOpen     Class // the same of the record as it would be, and why; empty: closed
	dark          []int // changes since the last image that left none

	orphan    []int
	recreated []int
	stub      []int
	unlogged  []int // changes before which something happened that is not in the log
	blind     []Window
	hostile   []int

	chosen map[audit.ChangeID]audit.Choice // what persons had chosen of our own writes
	lags   bool                            // a write of our own is not in the history
	cutOff []int                           // changes that may be writes of our own, by an apply that was cut off

	before, after map[string]cell  // the attributes when the record was last made anew, just before and just after
	decided       map[Class]string // what people decided of the record's conflicts
}

// A Window is a time during which the record's existence was not what it would
// have been: legitimate writes that failed for it left no trace in the log.
type Window struct {
	From audit.Time `json:"from"`
	To   audit.Time `json:"to"` // 0: it still is so
}

// reset makes the replay one of another record. What an earlier one said of its
// record holds nothing of the replay's memory.
func (r *replay) reset(p *Policy, facts *TableFacts, rec Record, sides []side, managed map[string]bool) {
	set, tampered := spread(&rec, sides, managed)
	if set != nil {
		rec = spreadOut(rec, set)
	}
	r.cells.reset()
	*r = replay{policy: p, facts: facts, record: rec, managed: managed, used: r.used, idRoom: r.idRoom, nested: set != nil, tampered: tampered,
		cells: r.cells, slab: r.slab, alike: r.policy == p && r.record.Key.Table == rec.Key.Table, inOrder: r.inOrder, actors: r.actors[:0],
		past: r.past[:0], hostile: r.hostile[:0], open: true, wouldOpen: ClassNoBase}
	for i, s := range sides {
		r.actors = append(r.actors, actor{s, rec.Changes[i].Op})
	}
}

func (r *replay) run() {
	for i := range r.record.Changes {
		c := &r.record.Changes[i]
		if c.Op.Kind() == audit.KindMessage || i < r.record.From {
			continue
		}
		if len(r.past) == 0 {
			r.begin(c)
		} else if c.Before.Source == audit.Logged || c.Before.Source == audit.Baselined {
			r.reconcile(i, c.Before)
		}
		if r.actors[i].side == hostile {
			r.hostile = append(r.hostile, i)
		}
		if c.Op.Kind() == audit.KindDelete {
			r.remove(i)
		} else {
			r.arrive(i)
			r.look(i)
			if slices.Contains(r.recreated, i) {
				r.after = r.snapshot()
			}
		}
		r.past = append(r.past, i)
		r.watch(c.Time)
	}
}

// begin takes what is known of the record ahead of its first change.
func (r *replay) begin(c *audit.Change) {
	b := c.Before
	if r.record.Unsure {
		b = audit.Image{}
	} else if b.State == audit.Unknown && (c.Op == audit.OpInsert || r.record.Whole || born(c)) {
		// Harper's insert skips ids that exist, so one that is logged found none.
		b = audit.AbsentImage(audit.Logged, audit.Exact)
	}
	switch b.State {
	case audit.Absent:
		r.open, r.wouldOpen = false, ""
	case audit.Present:
		for name, v := range b.Body.RawFields() {
			if c := r.of(name); c != nil {
				c.a, c.aKnown = v, true
				c.set(v, b.Trust)
			}
		}
		if b.Trust > audit.Provisional {
			r.open, r.wouldOpen, r.seen = false, "", b.Body
		}
	}
	r.actual, r.would = b.State, b.State
}

// born says that the change made its record: it carries the change's own time as
// the time of its creation, which nobody can know beforehand.
func born(c *audit.Change) bool {
	created := c.After.Body.Get(audit.CreatedTime)
	return isNumber(created) && c.After.Trust > audit.Provisional && audit.Stamps(created, c.Time)
}

// reconcile takes a before-image that the log itself held. Where it says
// otherwise than the history, something happened that was not logged; it counts
// as nobody's, which is to say as legitimate.
func (r *replay) reconcile(i int, b audit.Image) {
	if b.State != audit.Present || r.actual != audit.Present {
		return
	}
	w := writer{i: -1, side: legit, op: audit.OpUpdate, trust: b.Trust}
	for _, name := range r.names(b.Body) {
		if c := r.cell(name); c.aKnown && !r.policy.same(c.a, b.Body.Get(name)) {
			r.unlogged = append(r.unlogged, i)
		}
	}
	r.sight(w, b.Body)
	r.open, r.dark, r.seen = false, nil, b.Body
}

// arrive is what a write means for the record's being there.
func (r *replay) arrive(i int) {
	was := r.actual
	r.actual = audit.Present
	if r.actors[i].side != legit {
		if was == audit.Unknown && r.existed(i) {
			r.would = audit.Present
		}
		return
	}
	switch {
	case was == audit.Unknown:
		r.would = audit.Present
	case was == audit.Present && r.would == audit.Absent:
		r.orphan = append(r.orphan, i)
	case was == audit.Absent && r.would == audit.Absent:
		r.would, r.wouldOpen = audit.Present, ""
		r.orphan, r.recreated, r.stub = nil, nil, nil
	case was == audit.Absent && r.would == audit.Present && !r.equalsWould(i):
		r.before = r.snapshot()
		if r.record.Changes[i].Op == audit.OpPatch {
			r.stub = append(r.stub, i)
		} else {
			r.recreated = append(r.recreated, i)
		}
	}
}

// existed says that the record was there before its first change, whatever that
// was: Harper's update skips ids that are not, and a record is no older than its
// creation.
func (r *replay) existed(i int) bool {
	c := &r.record.Changes[i]
	if c.Op == audit.OpUpdate {
		return true
	}
	created, ok := c.After.Body.Get(audit.CreatedTime).Float64()
	return ok && c.After.Trust > audit.Provisional && created < float64(c.Time)-1
}

// equalsWould says that a record made anew is what it would have been anyway.
func (r *replay) equalsWould(i int) bool {
	img := r.record.Changes[i].After
	if img.State != audit.Present || img.Trust <= audit.Provisional || r.wouldOpen != "" {
		return false
	}
	for _, name := range r.names(img.Body) {
		if c := r.cell(name); !c.sKnown || !r.policy.same(c.s, img.Body.Get(name)) {
			return false
		}
	}
	return true
}

// remove is a delete.
func (r *replay) remove(i int) {
	w := writer{i: i, side: r.actors[i].side, op: audit.OpDelete, trust: audit.Exact}
	if w.side == legit {
		r.would, r.wouldOpen = audit.Absent, ""
		r.orphan, r.recreated, r.stub = nil, nil, nil
	} else if r.anyLegit(r.dark) {
		r.wouldOpen = ClassImageRisk
	}
	for _, c := range r.cells.list {
		c.remove(r, w)
	}
	r.actual, r.open, r.dark, r.seen = audit.Absent, false, nil, nobody
}

func (c *cell) remove(r *replay, w writer) {
	gone := c.aKnown && blank(c.a)
	if !c.aKnown && w.side != legit && (!c.hasLast || r.anyLegit(c.maybe)) {
		why := ClassImageRisk
		if !c.hasLast {
			why = ClassNoBase
		}
		c.sKnown, c.s, c.unknown = false, nil, why
	}
	if w.side == hostile && !gone {
		c.strike(w.i, nil)
	}
	c.ours = c.ours || w.side == own && !gone
	if w.side == legit {
		c.set(nil, audit.Exact)
		c.alts, c.altBy = nil, nil
	}
	if !gone || w.side == legit {
		c.owner, c.side, c.mixed = w.i, w.side, false
	}
	c.a, c.aKnown, c.maybe, c.hasLast, c.last = nil, true, nil, false, nil
}

func (r *replay) anyLegit(is []int) bool {
	for _, i := range is {
		if i >= 0 && r.actors[i].side == legit {
			return true
		}
	}
	return false
}

// watch keeps the blind windows.
func (r *replay) watch(t audit.Time) {
	apart := r.actual != audit.Unknown && r.would != audit.Unknown && r.actual != r.would
	n := len(r.blind)
	inside := n > 0 && r.blind[n-1].To == 0
	if apart && !inside {
		r.blind = append(r.blind, Window{From: t})
	} else if !apart && inside {
		r.blind[n-1].To = t
	}
}

// nobody is a record without attributes.
var nobody = audit.Object(nil)

// number says what a change of a numeric attribute means. Within an object
// nothing is incremented: Harper does that with attributes only.
func (r *replay) number(name string) Number {
	if !r.isPath(name) {
		return r.policy.number(r.record.Key.Table, name)
	}
	n := r.policy.number(r.record.Key.Table, dotted(name))
	if _, path := topOf(name); path != "" && n == NumberUnknown {
		return NumberRegister
	}
	return n
}

// isPath says that a cell is of an attribute that was spread out.
func (r *replay) isPath(cell string) bool { return r.nested && strings.HasPrefix(cell, pathMark) }
