package query

import (
	"strings"

	"recourse/audit"
)

// An Origin says how it is known where an attribute's value comes from.
type Origin string

// The origins.
const (
	// OriginSet: the change gave the attribute its value, or took it away.
	OriginSet Origin = "set"
	// OriginBefore: the attribute had the value before the change, the first
	// of which the record before is known; who gave it is not stored.
	OriginBefore Origin = "before"
	// OriginSeen: the change is the first that shows the value; whether it gave
	// it, or somebody before, is not known.
	OriginSeen Origin = "seen"
)

// An origin is where a value comes from.
type origin struct {
	of     Origin
	change int // the change's place in the history
}

// origins follow one record's changes in one cluster, in the order of time, and
// keep of each attribute where its value comes from.
type origins struct {
	strict  bool
	changes []audit.Change // but messages
	// at has the origins by path. Of an attribute that has none, that of the
	// longest path which leads to it counts; the empty path is the whole record.
	at    map[string]origin
	image audit.Image // as the last change left it
	// each is told of every edit, in order.
	each func(c *audit.Change, i int, e audit.Edit, of Origin)
}

func newOrigins(strict bool) *origins { return &origins{strict: strict, at: map[string]origin{}} }

// add takes the next change. Messages leave the record as it was.
func (o *origins) add(c audit.Change) {
	if c.Op.Kind() == audit.KindMessage {
		return
	}
	i := len(o.changes)
	o.changes = append(o.changes, c)
	switch {
	case c.Before.State == audit.Unknown:
		o.lost(&c, i)
	default:
		o.before(&c, i)
		o.edit(&c, i)
	}
	o.image = c.After
}

// lost takes a change of which the record before is not known.
func (o *origins) lost(c *audit.Change, i int) {
	of := OriginSeen
	if c.After.State == audit.Absent {
		of = OriginSet // a delete leaves nothing, whatever there was
	}
	o.whole(origin{of, i})
	o.tell(c, i, audit.DiffOf(nil, c.After.Body), of)
	o.sent(c, i)
}

// sent counts what a patch is known to have sent as given by it.
func (o *origins) sent(c *audit.Change, i int) {
	if c.Sent.Kind() != audit.KindObject || c.After.State != audit.Present {
		return
	}
	for name := range c.Sent.Fields() {
		o.set(audit.JoinPath("", name), origin{OriginSet, i})
	}
}

// before takes what the record was before a change, if that is not what the
// change before it left: somebody was there of whom nothing is stored.
func (o *origins) before(c *audit.Change, i int) {
	known := o.image.State != audit.Unknown
	switch {
	case i == 0 || !known:
		o.whole(origin{OriginBefore, i})
	case o.image.State != c.Before.State:
		o.whole(origin{OriginBefore, i})
	default:
		for _, e := range audit.DiffOf(o.image.Body, c.Before.Body) {
			o.edited(e, origin{OriginBefore, i})
		}
	}
}

// edit takes what a change did to a record that is known before it.
func (o *origins) edit(c *audit.Change, i int) {
	by := origin{OriginSet, i}
	if c.After.State == audit.Unknown {
		return // add forgets the image, and the next change begins anew
	}
	d := audit.DiffOf(c.Before.Body, c.After.Body)
	o.tell(c, i, d, OriginSet)
	if c.Before.State != c.After.State || o.strict && (c.Op == audit.OpInsert || c.Op == audit.OpUpsert) {
		o.whole(by)
		return
	}
	for _, e := range d {
		o.edited(e, by)
	}
	if o.strict {
		o.sent(c, i)
	}
}

func (o *origins) tell(c *audit.Change, i int, d audit.Diff, of Origin) {
	if o.each == nil {
		return
	}
	for _, e := range d {
		o.each(c, i, e, of)
	}
}

// whole gives the record and all in it one origin.
func (o *origins) whole(by origin) {
	clear(o.at)
	o.at[""] = by
}

// edited gives what an edit wrote or took away an origin.
func (o *origins) edited(e audit.Edit, by origin) {
	if e.Old.Kind() == audit.KindObject {
		o.set(e.Path, by)
		return
	}
	o.at[e.Path] = by // nothing stands in it
}

// set gives what a path leads to, and all in it, an origin.
func (o *origins) set(path string, by origin) {
	for p := range o.at {
		if len(p) > len(path) && p[len(path)] == '/' && strings.HasPrefix(p, path) {
			delete(o.at, p)
		}
	}
	o.at[path] = by
}

// of is where what a path leads to comes from.
func (o *origins) of(path string) origin {
	for {
		if by, ok := o.at[path]; ok {
			return by
		}
		path = path[:strings.LastIndexByte(path, '/')]
	}
}

// trusts are for each change the least trust of the images from it on: what may
// be wrong since makes an origin before it so.
func (o *origins) trusts() []audit.Trust {
	out := make([]audit.Trust, len(o.changes))
	least := audit.Exact
	for i := len(o.changes) - 1; i >= 0; i-- {
		c := &o.changes[i]
		for _, image := range []audit.Image{c.Before, c.After} {
			if image.State != audit.Unknown {
				least = min(least, image.Trust)
			}
		}
		out[i] = least
	}
	return out
}

// eachLeaf visits what stands in a record, objects entered, with its path. An
// empty object stands for itself.
func eachLeaf(path string, v audit.Value, visit func(path string, v audit.Value)) {
	if v.Kind() != audit.KindObject || v.Len() == 0 && path != "" {
		if v != nil {
			visit(path, v)
		}
		return
	}
	for name, inner := range v.Fields() {
		eachLeaf(audit.JoinPath(path, name), inner, visit)
	}
}
