package harpertest

import (
	"cmp"
	"math"
	"regexp"
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
		var refused *opError
		if cond.value, refused = sel.t.cast(cond); refused != nil {
			return nil, refused
		}
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
// "7" may find the number 7. Of an array each element is cast; what is deeper in
// it is not.
func (t *table) cast(c condition) (audit.Value, *opError) {
	a := t.attr(c.name)
	if c.value.Kind() == audit.KindArray {
		cast := make([]audit.Value, 0, c.value.Len())
		for e := range c.value.Elems() {
			v, refused := a.cast(e)
			if refused != nil {
				return nil, refused
			}
			cast = append(cast, v)
		}
		return audit.Array(cast...), nil
	}
	v, refused := a.cast(c.value)
	if refused == nil && v.Kind() == audit.KindNull && c.name == t.pk {
		refused = clientError(400, `"%s" is not indexed for nulls, index needs to be rebuilt to search for nulls, can not search for this attribute`, c.name)
	}
	return v, refused
}

// cast is coerceType (resources/Table.ts).
func (a *attribute) cast(v audit.Value) (audit.Value, *opError) {
	f, _ := v.Float64()
	text := v.Kind() == audit.KindText
	if text && v.Text() == "" && a.Type != "" && a.Type != "String" && a.Type != "Any" {
		return audit.Null(), nil
	}
	refuse := clientError(400, `Invalid value for attribute %s: "%s", expecting %s`, a.Name, jsText(v), a.Type)
	switch a.Type {
	case "Any":
		if text {
			return autoCast(v.Text()), nil
		}
	case "Int", "Long":
		if !integerText.MatchString(jsText(v)) {
			return nil, refuse
		}
		fallthrough
	case "Float", "Boolean":
		if text {
			if cast, ok := coerceQuery(v.Text(), a.Type, false); ok {
				return cast, nil
			}
			return nil, refuse
		}
	case "Date":
		v, _ = coerceDate(v) // what is stored as text is compared with a moment
	case "BigInt":
		if math.IsInf(f, 0) || math.IsNaN(f) || f != math.Trunc(f) {
			return nil, refuse
		}
	}
	return v, nil
}

var integerText = regexp.MustCompile(`^-?[0-9]+$`)

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
	if c.comparator == "between" {
		return compareKeys(got, nth(c.value, 0)) >= 0 && compareKeys(got, nth(c.value, 1)) <= 0
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
