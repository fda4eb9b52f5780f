package revert

import "recourse/audit"

// An idRoom is memory for lists of ids that stay, of which most are short.
type idRoom struct{ free []audit.ChangeID }

// of is an empty list with room for n ids. It is kept before the next is asked for.
func (r *idRoom) of(n int) []audit.ChangeID {
	const together = 512
	if cap(r.free) < n {
		r.free = make([]audit.ChangeID, 0, max(n, together))
	}
	return r.free[:0:n]
}

// keep is the list, which may not grow any more: what it does not fill is for others.
func (r *idRoom) keep(ids []audit.ChangeID) []audit.ChangeID {
	n := len(ids)
	r.free = r.free[n:n]
	return ids[:n:n]
}
