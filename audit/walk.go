package audit

// RawText is Text as v's own memory, which must not be changed; nil for other
// kinds.
func (v Value) RawText() []byte {
	if v.Kind() != KindText {
		return nil
	}
	return v[v.head().size:]
}

// EachLeaf calls visit with every value within v that holds no others: v itself,
// or what stands in its arrays and objects, and in tags that we do not know. The
// names of attributes are passed over. Nothing is visited of a nil Value.
func (v Value) EachLeaf(visit func(Value)) {
	switch v.Kind() {
	case KindMissing:
	case KindArray:
		for r := v.inside(); r.left > 0; {
			r.next().EachLeaf(visit)
		}
	case KindObject:
		for r := v.inside(); r.left > 0; {
			r.next()
			r.next().EachLeaf(visit)
		}
	case KindTagged:
		_, content := v.Tag()
		content.EachLeaf(visit)
	default:
		visit(v)
	}
}

// EachTouched calls visit with the values that the edits of Touched took away
// and put in place: both, or one of them and nil. It is Touched for those who do
// not ask where, and costs no memory.
func (c *Change) EachTouched(visit func(old, next Value)) {
	before, after := c.Before.Body, c.After.Body
	switch {
	case c.Op.Kind() == KindMessage:
		before = nil
	case c.Before.State == Unknown && c.After.State == Unknown:
		return
	}
	if !before.Equal(after) {
		eachEdit(before, after, true, visit)
	}
}

// eachEdit visits the edits between two values that differ, as Diff.walk does.
func eachEdit(old, next Value, top bool, visit func(old, next Value)) {
	whole := func(v Value) bool { return v.Kind() == KindObject || v == nil && top }
	if !whole(old) || !whole(next) {
		visit(old, next)
		return
	}
	a, b := old.attributes(), next.attributes()
	for a.left > 0 || b.left > 0 {
		var o, n Value
		order := a.compareNames(b)
		if order <= 0 {
			a.next()
			o = a.next()
		}
		if order >= 0 {
			b.next()
			n = b.next()
		}
		if !o.Equal(n) {
			eachEdit(o, n, false, visit)
		}
	}
}
