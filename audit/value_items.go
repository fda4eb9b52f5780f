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

func (r *items) next() Value { return r.take(itemLen(r.rest)) }

// nextLen is how many bytes the next value has; 0: none is left.
func (r *items) nextLen() int {
	if r.left == 0 {
		return 0
	}
	return itemLen(r.rest)
}

// take is the next value, which has so many bytes.
func (r *items) take(n int) Value {
	v := r.rest[:n:n]
	r.rest = r.rest[n:]
	r.left--
	return v
}
