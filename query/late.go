package query

import (
	"math"

	"recourse/audit"
)

// Harper computes the image of a patch when the log is read. One that was read
// after the record had changed again may show values of later writes, nulls, or
// increments that were not added up. So what such a late image shows of an
// attribute is believed only where nothing speaks against it.

// isLate says that the image after a change may be one of another moment.
func isLate(c *audit.Change) bool {
	return c.After.State == audit.Present && c.After.Trust <= audit.Provisional
}

// The attributes in which Harper keeps when a record was made, and last written,
// where the schema names no others.
const (
	createdTime = "__createdtime__"
	updatedTime = "__updatedtime__"
)

// stamps says that a value is the time of a transaction, as Harper assigns it.
func stamps(v audit.Value, t audit.Time) bool {
	if ms, ok := v.DateMillis(); ok {
		return math.Abs(ms-float64(t)) < 1
	}
	return v.Equal(audit.Float(float64(t)))
}

// with is the life with its next change. One whose image carries the change's own
// time as that of the record's creation, which nobody can know beforehand, has made
// the record: there was none before it.
func (l life) with(c audit.Change) life {
	if c.Before.State == audit.Unknown && !isLate(&c) {
		if created := c.After.Body.Get(createdTime); created != nil && stamps(created, c.Time) {
			c.Before = audit.AbsentImage(audit.Logged, c.After.Trust)
		}
	}
	return append(l, c)
}

// refuted says that the late image after a change is surely that of another moment:
// it carries another transaction's time.
func (l life) refuted(i int) bool {
	v := l[i].After.Body.Get(updatedTime)
	return (isNumber(v.Kind()) || v.Kind() == audit.KindDate) && !stamps(v, l[i].Time)
}

// confirmed says that the late image after a change shows an attribute as it was,
// which had another known value before, or the same.
func (l life) confirmed(i int, name string, before, v audit.Value) bool {
	switch {
	case v.Kind() == audit.KindObject && v.Get("__op__") != nil, v.Kind() == audit.KindNull:
		return false
	case !before.Equal(v) && (isBlank(v) || isBlank(before)):
		return false
	}
	return !l.leaked(i, name, v)
}

func isBlank(v audit.Value) bool { return v == nil || v.Kind() == audit.KindNull }

// leaked says that the value in the late image after a change may be that of a later
// write of the whole record.
func (l life) leaked(i int, name string, v audit.Value) bool {
	next := true
	for j := i + 1; j < len(l); j++ {
		c := &l[j]
		switch {
		case c.Op.Kind() == audit.KindDelete:
			return false
		case c.After.State != audit.Present:
			return true
		}
		put := c.After.Trust == audit.Exact || c.Op == audit.OpUpsert
		if put && !next && isNumber(v.Kind()) {
			return true // the write's number, from which later increments were taken off
		}
		if put && c.After.Body.Get(name).Equal(v) {
			// It shows through whole. Between this change and the next nothing can
			// have altered it.
			return !next || l[i].After.Body.Equal(c.After.Body)
		}
		if c.After.Trust > audit.Provisional {
			return false
		}
		next = false
	}
	return false
}

// doubtful are the attributes of the late image after a change which it may show as
// they were at another moment, sorted; all of them if it surely is of another.
func (l life) doubtful(i int, before audit.Value) []string {
	out := []string{}
	if !isLate(&l[i]) {
		return out
	}
	refuted := l.refuted(i)
	for p := range audit.Pairs(before, l[i].After.Body) {
		if name := string(p.Name); refuted || !l.confirmed(i, name, p.Old, p.New) {
			out = append(out, name)
		}
	}
	return sortedOnce(out)
}
