package query

import "recourse/audit"

// with is the life with its next change.
func (l life) with(c audit.Change) life {
	born(&c)
	return append(l, c)
}

// born says of a change whose image carries the change's own time as that of the
// record's creation, which nobody can know beforehand, that it has made the record:
// there was none before it.
func born(c *audit.Change) {
	if c.Before.State != audit.Unknown || c.After.Late() {
		return
	}
	if created := c.After.Body.Get(audit.CreatedTime); created != nil && audit.Stamps(created, c.Time) {
		c.Before = audit.AbsentImage(audit.Logged, c.After.Trust)
	}
}

// confirmed says that the late image after a change shows an attribute as it was,
// which had another known value before, or the same.
func (l life) confirmed(i int, name string, before, v audit.Value) bool {
	return audit.Confirmed(l, i, name, before, v, audit.Value.Equal)
}

// doubtful are the attributes of the late image after a change which it may show as
// they were at another moment, sorted; all of them if it surely is of another.
func (l life) doubtful(i int, before audit.Value) []string {
	out := []string{}
	if !l[i].After.Late() {
		return out
	}
	refuted := l[i].Refuted()
	for p := range audit.Pairs(before, l[i].After.Body) {
		if name := string(p.Name); refuted || !l.confirmed(i, name, p.Old, p.New) {
			out = append(out, name)
		}
	}
	return sortedOnce(out)
}
