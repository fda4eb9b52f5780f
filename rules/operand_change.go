package rules

import (
	"math"
	"strings"

	"recourse/audit"
)

// textOfChange are the names that conditions have for the texts of a change.
func textOfChange(name string) func(c *audit.Change) string {
	switch name {
	case "before_state":
		return func(c *audit.Change) string { return c.Before.State.String() }
	case "after_state":
		return func(c *audit.Change) string { return c.After.State.String() }
	case "before_trust":
		return func(c *audit.Change) string { return c.Before.Trust.String() }
	case "after_trust":
		return func(c *audit.Change) string { return c.After.Trust.String() }
	case "user":
		return func(c *audit.Change) string { return c.User }
	case "op":
		return func(c *audit.Change) string { return string(c.Op) }
	case "op_reported":
		return func(c *audit.Change) string { return string(c.Reported) }
	case "kind", "node", "db", "table_name":
		return func(c *audit.Change) string { return fieldOf(c, name) }
	}
	return nil
}

// ofChange are the names that conditions have for parts of a change.
func ofChange(name string) operand {
	if text := textOfChange(name); text != nil {
		return func(f *facts, _ *element) (val, bool) { return f.text(text(f.c)), true }
	}
	switch name {
	case "table":
		return func(f *facts, _ *element) (val, bool) { return f.text(f.c.Key.Table.String()), true }
	case "late":
		return func(f *facts, _ *element) (val, bool) { return truthOf(f.c.Late), true }
	case "lossy":
		return func(f *facts, _ *element) (val, bool) { return truthOf(f.c.Lossy), true }
	case "ts":
		return func(f *facts, _ *element) (val, bool) { return fraction(float64(f.c.Time)), true }
	case "hour":
		return func(f *facts, _ *element) (val, bool) { return whole(int64(f.c.Time.Go().Hour())), true }
	case "txn_size":
		return func(f *facts, _ *element) (val, bool) { return whole(int64(f.c.Group.Size)), true }
	case "lag":
		return lag
	case "id":
		return idOf
	case "canary":
		return func(f *facts, _ *element) (val, bool) {
			return truthOf(f.table().canaries[f.c.Key.ID]), true
		}
	case "actor.kind":
		return func(f *facts, _ *element) (val, bool) { return f.text(f.actorKind()), true }
	}
	return nil
}

// idOf is the record's key.
func idOf(f *facts, _ *element) (val, bool) {
	id := string(f.c.Key.ID)
	if n := len(id); n > 1 && id[0] == '"' && !strings.Contains(id, `\\`) {
		return f.text(id[1 : n-1]), true
	}
	return valOf(f.c.Key.ID.Value()), true
}

func lag(f *facts, _ *element) (val, bool) {
	if f.c.Observed == 0 {
		return val{}, true
	}
	ms := float64(f.c.Observed - f.c.Time)
	return numberVals(number{f: ms, float: true}), !math.IsNaN(ms)
}

// ofRecord is an attribute that the condition names, of the record before or
// after, and what is within it.
func ofRecord(slot int, after bool, path []string) operand {
	return func(f *facts, _ *element) (val, bool) {
		v := f.attribute(slot, after)
		for _, name := range path {
			for v.Kind() == audit.KindTagged {
				_, v = v.Tag()
			}
			v = v.Get(name)
		}
		return valOf(v), true
	}
}

// ofTwo is a function of an attribute's two values.
func ofTwo(old, next operand, call func(n, o number) val) operand {
	return func(f *facts, el *element) (val, bool) {
		n, ok := next(f, el)
		o, also := old(f, el)
		if !ok || !also {
			return val{}, false
		}
		if n.kind != numberVal || o.kind != numberVal || n.date || o.date {
			return val{}, true
		}
		return call(n.number(), o.number()), true
	}
}
