package audit

// inside reads what an array or an object holds.
func (v Value) inside() items {
	h := v.head()
	n := h.arg
	if h.major == majorMap {
		n *= 2
	}
	return items{rest: v[h.size:], left: n}
}

// items reads values that stand one after the other: an array's elements, or
// an object's names and values by turns.
type items struct {
	rest Value
	left uint64
}

func (r *items) next() Value {
	n := itemLen(r.rest)
	v := r.rest[:n:n]
	r.rest = r.rest[n:]
	r.left--
	return v
}
