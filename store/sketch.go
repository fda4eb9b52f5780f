package store

import (
	"context"
	"fmt"

	"recourse/audit"
)

// Sketches shows changes of one block by their numbers, which ascend, each read as
// deep as is wanted of it once its outline is known. A sketch is good until the
// next.
func (v *View) Sketches(ctx context.Context, seqs []audit.Seq, want func(*audit.Change) audit.Depth, see func(*audit.Sketch) error) error {
	if err := ctx.Err(); err != nil || len(seqs) == 0 {
		return err
	}
	n := audit.BlockOf(max(seqs[0], 1))
	if last := seqs[len(seqs)-1]; seqs[0] == 0 || last > v.last || audit.BlockOf(last) != n {
		return fmt.Errorf("sketch changes %d to %d: %w", seqs[0], last, ErrNotFound)
	}
	r := v.r.again()
	defer r.release()
	err := r.withBlock(n, func(b stowed) error { return r.sketches(b.block, seqs, want, see) })
	if err != nil {
		return fmt.Errorf("sketch changes from %d on: %w", seqs[0], err)
	}
	return nil
}

func (r *reader) sketches(b *block, seqs []audit.Seq, want func(*audit.Change) audit.Depth, see func(*audit.Sketch) error) error {
	if int(seqs[len(seqs)-1]-b.first) >= b.n {
		return b.corrupt("it ends too early")
	}
	open := b.reader
	if len(seqs) >= manyPlaces {
		open = b.all
	}
	d, err := open()
	if err != nil {
		return err
	}
	d.grow(min(b.bodies, (len(seqs)/2+1)*(b.bodies/b.n+64)))
	d.keys.grow((b.keys/b.n + 8) * len(seqs))
	var k audit.Sketch
	var w row
	at := 0
	for _, s := range seqs {
		i := int(s - b.first)
		if i/checkEvery > at/checkEvery {
			at = d.seek(i)
		}
		for ; at < i; at++ {
			d.pass(at)
		}
		k, w = audit.Sketch{}, row{}
		err := r.sketch(d, at, &w, &k, want)
		if err == nil && d.bad() {
			err = b.corrupt("its bodies")
		}
		if err == nil {
			err = see(&k)
		}
		if err != nil {
			return err
		}
		at++
	}
	return nil
}

// sketch reads the change at place i, which is the next, by a row that is zero.
func (r *reader) sketch(d *blockReader, i int, w *row, k *audit.Sketch, want func(*audit.Change) audit.Depth) (err error) {
	d.m.fill(i, w)
	w.c.Key.ID = d.keys.next(i)
	if r.known.isStale(w.c.Seq) || w.prev == 0 && r.known.based {
		d.passBodies(i) // what it is follows from others
		k.Change, err = r.get(w.c.Seq)
		k.Depth = audit.Whole
		return err
	}
	if k.Change, err = r.change(w); err != nil {
		return err
	}
	depth := want(&k.Change)
	if depth == audit.Edited {
		if names, ok := d.edited(i, &k.Change); ok {
			k.Depth, k.Edited, k.From = depth, names, w.prev
		} else {
			depth = audit.Whole
		}
	}
	if depth < audit.Whole {
		d.passBodies(i)
		return nil
	}
	d.images(i, w, momentOf(&w.c))
	if d.bad() {
		return nil // it is told of
	}
	if err = r.fetch(w); err != nil {
		return err
	}
	w.c.ID = w.c.Identify()
	if k.Change, err = r.change(w); err == nil && k.Before.Source == audit.Folded {
		k.From = w.prev
	}
	k.Depth = depth
	return err
}

// edited are the attributes that the change at place i, which is the next, edited, if
// the forms of their values tell.
func (d *blockReader) edited(i int, c *audit.Change) (names []string, ok bool) {
	if c.Before.State != audit.Present || c.Before.Source != audit.Folded || c.After.State != audit.Present || c.Op.Kind() == audit.KindMessage {
		return nil, false
	}
	after, was := int(d.m.cols[colAfterBody].at(i)), int(d.m.cols[colWasBody].at(i))
	switch {
	case after < bodyShape:
		return nil, false
	case was == bodyAfter:
		return nil, true
	case was < bodyShape:
		return nil, false
	}
	after, was = after-bodyShape, was-bodyShape
	forms := d.m.parts[partForms]
	form := func(role, shape, a int) byte {
		return cellAt(forms[d.m.groups[role][shape].at[a]:], int(d.seen[role][shape]))
	}
	for a, place := range d.placesIn(was, after) {
		old := form(roleWas, was, a)
		switch {
		case old == formSame && place >= 0:
			continue
		case place < 0 && old != formRaw:
		case place >= 0 && differ(old, form(roleAfter, after, place)):
		default:
			return nil, false
		}
		names = append(names, nameIn(d.namesOf(was)[a]))
	}
	if was == after {
		return names, true
	}
	for a, place := range d.placesIn(after, was) {
		switch {
		case place >= 0:
			continue
		case form(roleAfter, after, a) == formRaw:
			return nil, false
		}
		names = append(names, nameIn(d.namesOf(after)[a]))
	}
	return names, true
}

// nameIn is the name that a shape has as its CBOR text.
func nameIn(text []byte) string {
	_, size := cborHead(text)
	return string(text[size:])
}

// differ says that two values of different bytes are surely two values, by their
// forms.
func differ(a, b byte) bool {
	x, y := classOf(a), classOf(b)
	return x != classOther && y != classOther && !(x == classInt && y == classFloat) && !(x == classFloat && y == classInt)
}

// The classes of forms. An integer can be equal to a float; what is of another class
// can be equal to values of other bytes, or to be entered.
const (
	classOther = iota
	classInt
	classFloat
	classText
	classNull
	classBool
)

func classOf(form byte) int {
	switch form {
	case formNull:
		return classNull
	case formFalse, formTrue:
		return classBool
	case formInt, formNegative, formNear:
		return classInt
	case formHalf, formSingle, formDouble, formHundred, formThousand, formMyriad, formMillion:
		return classFloat
	case formSame, formRaw, formDate, formDateInt:
		return classOther
	}
	return classText
}
