package query

import (
	"maps"
	"slices"

	"recourse/audit"
)

// A haze is a record's attributes while late images stand between the last image
// that is sure and the next.
type haze struct {
	known map[string]audit.Value // as last known; what is not in it was not there
	maybe map[string][]int       // of the attributes that are not known since: which changes may have written them
}

// names are all attributes that are, or may be, in question, sorted.
func (h *haze) names(body audit.Value) []string {
	names := slices.Collect(maps.Keys(h.known))
	names = slices.AppendSeq(names, maps.Keys(h.maybe))
	return sortedOnce(append(names, body.Names()...))
}

func sortedOnce(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// enter takes a change whose image after is late, and that before is not.
func (o *origins) enter(i int) {
	c := &o.life[i]
	o.late = &haze{known: map[string]audit.Value{}, maybe: map[string][]int{}}
	for name, v := range c.Before.Body.Fields() {
		o.late.known[name] = v
	}
	if c.Before.State == audit.Absent {
		by := origin{of: OriginSet, change: i}
		o.whole(by)
		o.tell(audit.DiffOf(nil, c.After.Body), by)
	}
	o.weigh(i)
}

// hazy takes a change after late images; false: it is to be taken as if there were
// none before it.
func (o *origins) hazy(i int) bool {
	c := &o.life[i]
	if c.Before.Source != audit.Folded && c.Before.Trust > audit.Provisional {
		if c.Before.State == audit.Present {
			o.resolve(i, c.Before.Body, false)
			o.image = c.Before
		}
		return false
	}
	switch {
	case c.After.Late():
		o.weigh(i)
		return true
	case c.After.State == audit.Present:
		o.resolve(i, c.After.Body, true)
		if o.rewrites(c) {
			o.whole(origin{of: OriginSet, change: i})
		}
	case c.After.State == audit.Absent:
		by := origin{of: OriginSet, change: i}
		o.tell(audit.DiffOf(c.Before.Body, nil), by)
		o.whole(by)
	}
	o.late = nil
	return true
}

// weigh takes a late image attribute by attribute: what it cannot be believed of is
// not known from then on.
func (o *origins) weigh(i int) {
	body := o.life[i].After.Body
	refuted := o.life[i].Refuted()
	for _, name := range o.late.names(body) {
		before, v := o.late.known[name], body.Get(name)
		if _, blurred := o.late.maybe[name]; blurred || refuted || !o.life.confirmed(i, name, before, v) {
			o.late.maybe[name] = append(o.late.maybe[name], i)
			continue
		}
		o.wrote(name, before, v, origin{of: OriginSet, change: i})
		o.late.known[name] = v
	}
	o.sent(i)
}

// resolve takes an image that is sure, which a change left, or found if it is not
// among those that may have written.
func (o *origins) resolve(i int, body audit.Value, wrote bool) {
	for _, name := range o.late.names(body) {
		before, v := o.late.known[name], body.Get(name)
		maybe, blurred := o.late.maybe[name]
		by := origin{of: OriginSet, change: i}
		switch {
		case !blurred && !wrote:
			by.of = OriginBefore
		case blurred && wrote:
			maybe = append(maybe, i)
			fallthrough
		case blurred:
			by = amongst(maybe)
		}
		if before.Equal(v) {
			if blurred && o.doubt != nil {
				o.doubt(maybe)
			}
			continue
		}
		o.wrote(name, before, v, by)
	}
}

// amongst is the origin of what one of several changes wrote.
func amongst(changes []int) origin {
	by := origin{of: OriginAmong, change: changes[len(changes)-1], among: changes}
	if len(changes) == 1 {
		by.of, by.among = OriginSet, nil
	}
	return by
}

// wrote gives what differs within an attribute an origin.
func (o *origins) wrote(name string, before, v audit.Value, by origin) {
	if before.Equal(v) {
		return
	}
	alone := func(v audit.Value) audit.Value {
		if v == nil {
			return audit.Object(nil)
		}
		return audit.Object(map[string]audit.Value{name: v})
	}
	d := audit.DiffOf(alone(before), alone(v))
	o.tell(d, by)
	for _, e := range d {
		o.edited(e, by)
	}
}

// settle ends a life whose last image is late: what it shows is all there is.
func (o *origins) settle() {
	for _, name := range slices.Sorted(maps.Keys(o.late.maybe)) {
		maybe := o.late.maybe[name]
		before, v := o.late.known[name], o.image.Body.Get(name)
		if before.Equal(v) {
			if o.doubt != nil {
				o.doubt(maybe)
			}
			continue
		}
		o.wrote(name, before, v, amongst(maybe))
	}
}
