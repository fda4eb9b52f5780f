package revert

import (
	"fmt"
	"strings"

	"recourse/audit"
)

// noteBirth says of a record that is made anew which times of its own are lost:
// Harper sets them at the insert, whatever is sent, and not every line of it lets
// anybody set them afterwards (docs/harper.md).
func (r *replay) noteBirth(o *outcome) {
	if o.action == nil || o.action.Do != DoInsert {
		return
	}
	var was []string
	for name, v := range r.birth() {
		was = append(was, fmt.Sprintf("%s, which was %s", short(name), short(v.JSON())))
	}
	if len(was) > 0 {
		o.action.Notes = put(o.action.Notes, ClassServerManaged, "made anew, the record gets a new "+strings.Join(was, ", and a new "))
	}
}

// birth yields what the record had in attributes that Harper assigns, but for the
// time of the last write, sorted by name.
func (r *replay) birth() func(func(string, audit.Value) bool) {
	return func(yield func(string, audit.Value) bool) {
		img, at, born := r.lastHonest()
		for _, name := range sortedNames(r.managed) {
			v := img.Body.Get(name)
			if blank(v) || name == audit.UpdatedTime || !born && at != 0 && audit.Stamps(v, at) {
				continue
			}
			if !yield(name, v) {
				return
			}
		}
	}
}

// lastHonest is the newest image of the record that a legitimate change left, when
// that was, and whether the change made the record; or what was there ahead of the
// history, whose time is not known.
func (r *replay) lastHonest() (img audit.Image, at audit.Time, born bool) {
	for n := len(r.past) - 1; n >= 0; n-- {
		i := r.past[n]
		c := &r.record.Changes[i]
		if r.actors[i].side == legit && c.After.State == audit.Present {
			return c.After, c.Time, c.Op == audit.OpInsert
		}
	}
	if len(r.past) > 0 {
		img = r.record.Changes[r.past[0]].Before
	}
	return img, 0, false
}
