package revert

import (
	"maps"
	"slices"
	"strings"

	"recourse/audit"
)

// look takes a write's after-image. Harper computes the image of a patch when
// the log is read, so one that was read late is weighed attribute by attribute
// (docs/harper.md): what cannot be confirmed counts as not seen.
func (r *replay) look(i int) {
	c := &r.record.Changes[i]
	img := c.After
	switch {
	case img.State != audit.Present || c.Op == audit.OpInvalidate || c.Refuted():
		for _, cell := range r.cells.list {
			cell.blur(i)
		}
		r.dark, r.seen = append(r.dark, i), nil
	case img.Late():
		r.lookLate(i)
		r.seen = nil
	default:
		w := writer{i: i, side: r.actors[i].side, op: c.Op, trust: img.Trust}
		r.sight(w, img.Body)
		r.close(i)
	}
}

// lookLate takes an image that may be of another moment.
func (r *replay) lookLate(i int) {
	c := &r.record.Changes[i]
	w := writer{i: i, side: r.actors[i].side, op: c.Op, trust: c.After.Trust}
	body := maps.Collect(c.After.Body.Fields())
	doubt := map[string]bool{}
	for _, name := range r.names(append(r.laterBodies(i), c.After.Body)...) { // an object before its members
		cell, v := r.cell(name), body[name]
		if r.isPath(name) && doubt[name[:strings.LastIndexByte(name, '/')]] || !r.confirmed(cell, i, name, v) {
			cell.blur(i)
			doubt[name] = true // and what is not shown in it is not shown to be absent
			continue
		}
		cell.observe(r.policy, r.chooser(w, name), v, r.actors)
	}
	if len(doubt) > 0 { // it may have written attributes, too, that it does not show
		r.dark = append(r.dark, i)
	}
}

// sight takes a whole record as somebody left it. When the one before was seen
// whole too, only what differs needs a look, and what a hostile change wrote.
func (r *replay) sight(w writer, body audit.Value) {
	r.turn++
	if r.seen != nil {
		for p := range audit.Differing(r.seen, body) {
			r.meet(w, p.Name, p.New)
		}
		if w.side == legit {
			for _, c := range r.cells.list {
				if c.altered() && c.turn != r.turn {
					c.again(r.policy, w, c.a)
				}
			}
		}
	} else {
		for name, v := range body.RawFields() {
			r.meet(w, name, v)
		}
		for _, c := range r.cells.list {
			if c.turn != r.turn {
				c.observe(r.policy, w, nil, r.actors)
			}
		}
	}
	r.seen = body
}

// meet tells the attribute's cell its value.
func (r *replay) meet(w writer, name []byte, v audit.Value) {
	c := r.of(name)
	if c == nil {
		return
	}
	c.turn = r.turn
	c.observe(r.policy, r.chooser(w, c.name), v, r.actors)
}

// chooser is who wrote an attribute: of a write of ours, what a person had chosen
// is that person's, and is a new value.
func (r *replay) chooser(w writer, name string) writer {
	if w.side != own || len(r.chosen) == 0 {
		return w
	}
	if r.isPath(name) {
		name, _ = topOf(name)
	}
	if slices.Contains(r.chosen[r.known[w.i]].Attrs, name) {
		w.side, w.op = legit, audit.OpInsert
	}
	return w
}

// close is a whole image seen: no attribute is left that may have a value.
func (r *replay) close(i int) {
	if r.actors[i].side == legit && len(r.hostile) == 0 {
		r.wouldOpen = ""
	}
	if r.actors[i].side != legit && r.record.Changes[i].Op == audit.OpUpsert && r.anyLegit(r.dark) {
		r.wouldOpen = ClassImageRisk
	}
	r.open, r.dark = false, nil
}

// names lists what is to be looked at: the attributes met so far and those of
// the images, without what the server assigns.
func (r *replay) names(bodies ...audit.Value) []string {
	var names []string
	for _, c := range r.cells.list {
		names = append(names, c.name)
	}
	for _, b := range bodies {
		for n := range b.Fields() {
			if r.cells.get(n) == nil && !r.managed[n] {
				names = append(names, n)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// confirmed says that a late image shows the attribute as it was.
func (r *replay) confirmed(c *cell, i int, name string, v audit.Value) bool {
	return c.aKnown && audit.Confirmed(r.record.Changes, i, name, c.a, v, r.policy.same)
}

// laterBodies are the images up to the next that is beyond doubt: an attribute
// in them may be one that a late image should have shown.
func (r *replay) laterBodies(i int) []audit.Value {
	var bodies []audit.Value
	for j := range r.following(i) {
		c := &r.record.Changes[j]
		if c.Op.Kind() == audit.KindDelete {
			break
		}
		bodies = append(bodies, c.After.Body)
		if c.After.Trust > audit.Provisional {
			break
		}
	}
	return bodies
}

// following yields the later changes of the record itself.
func (r *replay) following(i int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for j := i + 1; j < len(r.record.Changes); j++ {
			if r.record.Changes[j].Op.Kind() != audit.KindMessage && !yield(j) {
				return
			}
		}
	}
}
