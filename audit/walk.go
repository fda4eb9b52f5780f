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
	// Of two records eachEdit finds what differs by itself.
	if isRecord(before) && isRecord(after) || !before.Equal(after) {
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
		shared := passEqual(&a, &b)
		if a.left == 0 && b.left == 0 {
			return
		}
		if p := nextPair(&a, &b, shared); !p.Old.Equal(p.New) {
			eachEdit(p.Old, p.New, false, visit)
		}
	}
}
