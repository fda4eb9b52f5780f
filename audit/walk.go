package audit

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
	for {
		if passEqual(&a, &b); a.left == 0 && b.left == 0 {
			return
		}
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
