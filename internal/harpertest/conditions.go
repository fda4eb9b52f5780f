package harpertest

import (
	"cmp"
	"slices"
	"strings"

	"recourse/audit"
)

// condition is one test of search_by_conditions.
type condition struct {
	name, comparator string
	value            audit.Value
}

func (o *op) searchByConditions() (any, error) {
	sel, err := o.readable()
	if err != nil {
		return nil, err
	}
	var conditions []condition
	for c := range o.body.Get("conditions").Elems() {
		cond := condition{cmp.Or(c.Get("attribute").Text(), c.Get("search_attribute").Text()), cmp.Or(c.Get("comparator").Text(), c.Get("search_type").Text(), "equals"), c.Get("value")}
		if cond.value == nil {
			cond.value = c.Get("search_value")
		}
		if sel.t.attr(cond.name) == nil {
			return nil, &opError{status: 404, class: "HdbError", msg: cond.name + " is not a defined attribute"}
		}
		cond.value = sel.t.cast(cond)
		conditions = append(conditions, cond)
	}
	if !strings.EqualFold(o.text("operator"), "or") {
		return o.found(sel, sel.t.living(), func(r *record) bool {
			return !slices.ContainsFunc(conditions, func(c condition) bool { return !sel.t.matches(c, r) })
		})
	}
	if len(conditions) < 2 {
		return nil, &jsError{"Error", `An "or" operator requires at least two conditions`}
	}
	var either []*record // in the order of the conditions
	seen := map[*record]bool{}
	for _, c := range conditions {
		for _, r := range sel.t.candidates(c) {
			if sel.t.matches(c, r) && !seen[r] {
				seen[r] = true
				either = append(either, r)
			}
		}
	}
	return o.found(sel, either, func(*record) bool { return true })
}

// cast is a condition's value in the type of its attribute, so that the text
// "7" may find the number 7.
func (t *table) cast(c condition) audit.Value {
	if c.value.Kind() != audit.KindText {
		return c.value
	}
	switch a := t.attr(c.name); a.Type {
	case "Any":
		return autoCast(c.value.Text())
	case "Int", "Long", "Float", "Boolean":
		if v, ok := coerceQuery(c.value.Text(), a.Type, false); ok {
			return v
		}
	}
	return c.value
}

// candidates are the records that a condition may hold for.
func (t *table) candidates(c condition) []*record {
	if c.name == t.pk && (c.comparator == "equals" || c.comparator == "eq") {
		if id, err := audit.IDOf(c.value); err == nil && t.records[id].live() {
			return []*record{t.records[id]}
		}
		return nil
	}
	return t.living()
}

// matches tests the key under which a record is stored, whatever it says itself.
func (t *table) matches(c condition, r *record) bool {
	if c.name == t.pk {
		return c.match(r.id.Value())
	}
	return c.match(r.value.Get(c.name))
}

func (c condition) match(got audit.Value) bool {
	switch c.comparator {
	case "equals", "eq":
		return got.Equal(c.value)
	case "not_equal", "ne":
		return !got.Equal(c.value)
	case "starts_with":
		return strings.HasPrefix(got.Text(), c.value.Text())
	case "contains":
		return strings.Contains(got.Text(), c.value.Text())
	}
	if got == nil || got.Kind() == audit.KindNull {
		return false
	}
	order := compareKeys(got, c.value)
	switch c.comparator {
	case "greater_than", "gt":
		return order > 0
	case "greater_than_equal", "ge":
		return order >= 0
	case "less_than", "lt":
		return order < 0
	case "less_than_equal", "le":
		return order <= 0
	}
	return false
}
