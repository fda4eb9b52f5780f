package audit

import "math"

// Harper computes the image of a patch when the log is read. One that was read
// after the record had changed again may show values of later writes, nulls, or
// increments that were not added up (docs/harper.md). So what such a late image
// shows of an attribute is believed only where nothing speaks against it.

// Late says that the image may be one of another moment than that of its change.
func (i Image) Late() bool { return i.State == Present && i.Trust <= Provisional }

// The attributes in which Harper keeps when a record was made, and last written,
// where the schema names no others.
const (
	CreatedTime = "__createdtime__"
	UpdatedTime = "__updatedtime__"
)

// Stamps says that a value is the time of a transaction, as Harper assigns it: a
// number, or a date, which drops fractions of a millisecond.
func Stamps(v Value, t Time) bool {
	if ms, ok := v.DateMillis(); ok {
		return math.Abs(ms-float64(t)) < 1
	}
	return v.Equal(Float(float64(t)))
}

// RawOp says that the value is an increment that Harper did not resolve.
func (v Value) RawOp() bool { return v.Kind() == KindObject && v.Get("__op__") != nil }

// Refuted says that the image after the change is late, and surely that of another
// moment: it carries another transaction's time.
func (c *Change) Refuted() bool {
	if !c.After.Late() {
		return false
	}
	v := c.After.Body.Get(UpdatedTime)
	return (isNumber(v) || v.Kind() == KindDate) && !Stamps(v, c.Time)
}

func isNumber(v Value) bool { return v.Kind() == KindInt || v.Kind() == KindFloat }

func isBlank(v Value) bool { return v.Kind() == KindMissing || v.Kind() == KindNull }

// Confirmed says that the late image after one of a record's changes, which are in
// their order, shows an attribute as it was. It had a known value before; same says
// which values are no other than one another. What such images are known to show
// instead: a later put's values, null, the raw increment, and values that came later
// where there were none.
func Confirmed(life []Change, i int, name string, before, v Value, same func(a, b Value) bool) bool {
	switch {
	case v.RawOp(), v.Kind() == KindNull:
		return false
	case !same(before, v) && (isBlank(v) || isBlank(before)):
		return false
	}
	return !leaked(life, i, name, v, same)
}

// leaked says that the value in the late image after a change may be that of a later
// write of the whole record.
func leaked(life []Change, i int, name string, v Value, same func(a, b Value) bool) bool {
	next := true
	for j := i + 1; j < len(life); j++ {
		c := &life[j]
		switch {
		case c.Op.Kind() == KindMessage:
			continue
		case c.Op.Kind() == KindDelete:
			return false
		case c.After.State != Present:
			return true
		}
		put := c.After.Trust == Exact || c.Op == OpUpsert
		if put && !next && isNumber(v) {
			return true // the put's number, from which later increments were taken off
		}
		if put && same(c.After.Body.Get(name), v) {
			// It shows through whole. Between this change and the next nothing can
			// have altered it.
			return !next || life[i].After.Body.Equal(c.After.Body)
		}
		if c.After.Trust > Provisional {
			return false
		}
		next = false
	}
	return false
}
