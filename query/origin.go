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
	// OriginAmong: one of several changes did, and which is not known: images
	// between them were read too late. The change is the last of them.
	OriginAmong Origin = "among"
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
	change int   // the change's place in the life
	among  []int // of OriginAmong: all that may be
}

// origins are where each attribute's value comes from at the end of a life, in the
// order of time.
type origins struct {
	strict bool
	life   life
	// at has the origins by path. Of an attribute that has none, that of the
	// longest path which leads to it counts; the empty path is the whole record.
	at    map[string]origin
	image audit.Image // as the last change left it
	late  *haze       // what is not sure since late images; nil: all is
	// each is told of every edit, in order; doubt of changes that may have written
	// more than that. Both may be nil.
	each  func(e audit.Edit, by origin)
	doubt func(changes []int)
	// edits are what each change is known to have done, of a life in outline, in which
	// each image before is that which the change before left; nil: the images tell.
	edits []audit.Diff
}

// did is what a change did to the record, or may have.
func (o *origins) did(i int) audit.Diff {
	if o.edits != nil {
		return o.edits[i]
	}
	return o.life[i].Touched()
}

// originsOf follows a life to its end. In strict, a write of the whole record counts
// for all its attributes.
func originsOf(l life, strict bool, each func(audit.Edit, origin), doubt func([]int)) *origins {
	o := &origins{strict: strict, life: l, at: map[string]origin{}, each: each, doubt: doubt}
	o.follow()
	return o
}

// follow takes all changes.
func (o *origins) follow() {
	l := o.life
	for i := range l {
		o.add(i)
		o.image = l[i].After
	}
	if o.late != nil {
		o.settle()
	}
}

// add takes the next change.
func (o *origins) add(i int) {
	c := &o.life[i]
	if o.late != nil && c.Before.State != audit.Unknown {
		if o.hazy(i) {
			return
		}
	}
	o.late = nil
	switch {
	case c.Before.State == audit.Unknown:
		o.lost(i)
	default:
		o.before(i)
		if c.After.Late() {
			o.enter(i)
			return
		}
		o.edit(i)
	}
}

// lost takes a change of which the record before is not known.
func (o *origins) lost(i int) {
	c := &o.life[i]
	by := origin{of: OriginSeen, change: i}
	if c.After.State == audit.Absent {
		by.of = OriginSet // a delete leaves nothing, whatever there was
	}
	o.whole(by)
	o.tell(o.did(i), by)
	o.sent(i)
}

// sent counts what a patch is known to have sent as given by it.
func (o *origins) sent(i int) {
	c := &o.life[i]
	if c.Sent.Kind() != audit.KindObject || c.After.State != audit.Present {
		return
	}
	for name := range c.Sent.Fields() {
		o.set(audit.JoinPath("", name), origin{of: OriginSet, change: i})
	}
}

// before takes what the record was before a change, if that is not what the
// change before it left: somebody was there of whom nothing is stored.
func (o *origins) before(i int) {
	c := &o.life[i]
	by := origin{of: OriginBefore, change: i}
	if i == 0 || o.image.State != c.Before.State {
		o.whole(by)
		return
	}
	if o.edits != nil {
		return // it is
	}
	for _, e := range audit.DiffOf(o.image.Body, c.Before.Body) {
		o.edited(e, by)
	}
}

// edit takes what a change did to a record that is known before it.
func (o *origins) edit(i int) {
	c := &o.life[i]
	by := origin{of: OriginSet, change: i}
	if c.After.State == audit.Unknown {
		return // the next change begins anew
	}
	d := o.did(i)
	o.tell(d, by)
	if c.Before.State != c.After.State || o.rewrites(c) {
		o.whole(by)
		return
	}
	for _, e := range d {
		o.edited(e, by)
	}
	if o.strict {
		o.sent(i)
	}
}

// rewrites says that a change counts for all attributes.
func (o *origins) rewrites(c *audit.Change) bool {
	return o.strict && (c.Op == audit.OpInsert || c.Op == audit.OpUpsert)
}

func (o *origins) tell(d audit.Diff, by origin) {
	if o.each == nil {
		return
	}
	for _, e := range d {
		o.each(e, by)
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
func (l life) trusts() []audit.Trust {
	out := make([]audit.Trust, len(l))
	least := audit.Exact
	for i := len(l) - 1; i >= 0; i-- {
		least = min(least, knownTrust(&l[i]))
		out[i] = least
	}
	return out
}

// knownTrust is the least trust of the images of a change that are known.
func knownTrust(c *audit.Change) audit.Trust {
	least := audit.Exact
	for _, image := range []audit.Image{c.Before, c.After} {
		if image.State != audit.Unknown {
			least = min(least, image.Trust)
		}
	}
	return least
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
