package harpertest

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"recourse/audit"
)

// living are a table's records in the order of their keys, as Harper walks
// them: numbers, then compound keys and text.
func (t *table) living() []*record {
	var out []*record
	for _, r := range t.records {
		if r.live() {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b *record) int { return compareParts(a.parts, b.parts) })
	return out
}

// compareKeys is the order of Harper's keys (ordered-binary): null, false, true,
// numbers, texts by their bytes; a compound key part by part, behind its
// beginning, of which a key that is not compound is one.
func compareKeys(a, b audit.Value) int { return compareParts(partsOf(a), partsOf(b)) }

func compareParts(a, b []audit.Value) int {
	return slices.CompareFunc(a, b, func(x, y audit.Value) int {
		if byKind := cmp.Compare(kindOrder(x), kindOrder(y)); byKind != 0 {
			return byKind
		}
		if x.Kind() == audit.KindText {
			return cmp.Compare(x.Text(), y.Text())
		}
		m, _ := x.Float64()
		n, _ := y.Float64()
		return cmp.Compare(m, n)
	})
}

// onePart is a key without brackets around its only part, which change nothing,
// however many there are.
func onePart(v audit.Value) audit.Value {
	for v.Kind() == audit.KindArray && v.Len() == 1 {
		for e := range v.Elems() {
			v = e
		}
	}
	return v
}

func partsOf(v audit.Value) []audit.Value {
	v = onePart(v)
	if v.Kind() == audit.KindArray {
		return slices.Collect(v.Elems())
	}
	return []audit.Value{v}
}

func kindOrder(v audit.Value) int {
	switch v.Kind() {
	case audit.KindMissing, audit.KindNull:
		return 0
	case audit.KindBool:
		if !v.Bool() {
			return 1
		}
		return 2
	case audit.KindInt, audit.KindFloat, audit.KindDate:
		return 3
	}
	return 4
}

// selection is what a search shows of each record.
type selection struct {
	t     *table
	names []string
	all   bool   // the record as it is stored
	entry string // what Harper wants of the record's entry, if it is asked for "$id" or the like
}

// entryAttributes are what a search shows of the entry behind a record, and the
// property that it is taken from.
var entryAttributes = map[string]string{"$id": "key", "$updatedtime": "version", "$record": "value"}

func (o *op) selection() (*selection, error) {
	attrs := o.body.Get("get_attributes")
	if attrs == nil {
		return nil, &jsError{"Error", "'get_attributes' is required"}
	}
	sel := &selection{t: o.s.table(o.target())}
	for e := range attrs.Elems() {
		name := e.Text()
		switch {
		case name == "*":
			sel.all = true
		case entryAttributes[name] != "":
			if sel.entry == "" {
				sel.entry = entryAttributes[name]
			}
			sel.names = append(sel.names, name)
		case sel.t.attr(name) == nil:
			return nil, &jsError{"Error", "unknown attribute '" + name + "'"}
		default:
			sel.names = append(sel.names, name)
		}
	}
	if sel.all && !sel.t.defined {
		sel.all, sel.names = false, nil
		for _, a := range sel.t.attrs {
			sel.names = append(sel.names, a.Name)
		}
	}
	return sel, nil
}

// show selects from a record; what is missing is null, except where the whole
// record is shown.
func (sel *selection) show(r *record) any {
	if sel.all {
		return r.value
	}
	if slices.Contains(sel.names, "$id") && (r.id == "0" || r.id == `""`) {
		// JavaScript takes these keys for false, and Harper then looks for a record
		// of the key {"value":0}. LMDB may hang after it.
		return obj{{"error", "Error"}, {"message", `Unable to serialize object as a key: {"value":` + string(r.id) + `}`}, {sel.t.pk, r.id}}
	}
	out := make(obj, len(sel.names))
	for i, name := range sel.names {
		var v any
		switch got := r.value.Get(name); {
		case name == "$updatedtime":
			v = r.version
		case name == "$id":
			v = r.id
		case name == "$record":
			v = r.value
		case got != nil:
			v = got
		}
		out[i] = field{name, v}
	}
	return out
}

// readable checks what every search checks first.
func (o *op) readable() (*selection, error) {
	if err := o.mustHave(404); err != nil {
		return nil, err
	}
	if denied := permitTable(o.user, o.target(), "read"); denied != nil {
		return nil, denied
	}
	return o.selection()
}

func (o *op) searchByID() (any, error) {
	sel, err := o.readable()
	if err != nil {
		return nil, err
	}
	ids := o.body.Get("ids")
	if ids == nil {
		ids = o.body.Get("hash_values")
	}
	for v := range ids.Elems() {
		if v.Kind() != audit.KindText && v.Kind() != audit.KindInt && v.Kind() != audit.KindFloat {
			return nil, &jsError{"Error", "'hash_values' must be strings or numbers"}
		}
	}
	st := &stream{}
	for v := range ids.Elems() {
		id, err := audit.IDOf(v)
		if err != nil {
			continue
		}
		if r := sel.t.records[id]; r.live() {
			if sel.entry != "" { // Harper finds no entry behind a record fetched by id
				st.items = append(st.items, obj{{"message", "TypeError: Cannot read properties of undefined (reading '" + sel.entry + "')"}})
				continue
			}
			st.items = append(st.items, sel.show(r))
		} else if o.body.Get("onlyIfCached").Bool() { // on either line, of any table
			st.items = append(st.items, obj{{"message", "ServerError: Entry is not cached"}})
		}
	}
	return st, nil
}

func (o *op) searchByValue() (any, error) {
	sel, err := o.readable()
	if err != nil {
		return nil, err
	}
	name := cmp.Or(o.text("search_attribute"), o.text("attribute"))
	want := o.body.Get("search_value")
	if want == nil {
		want = o.body.Get("value")
	}
	if sel.t.attr(name) == nil {
		return nil, &jsError{"Error", "unknown attribute '" + name + "'"}
	}
	return o.found(sel, sel.t.living(), func(r *record) bool { return matchText(r.value.Get(name), want) })
}

// matchText is equality, with a star at either end of a text for anything.
func matchText(got, want audit.Value) bool {
	pattern := want.Text()
	switch {
	case pattern == "*":
		return true
	case !strings.Contains(pattern, "*"):
		return got.Equal(want)
	}
	text := got.Text()
	tail, open := strings.CutPrefix(pattern, "*")
	head, ends := strings.CutSuffix(tail, "*")
	switch {
	case open && ends:
		return strings.Contains(text, head)
	case open:
		return strings.HasSuffix(text, tail)
	default:
		return strings.HasPrefix(text, strings.TrimSuffix(pattern, "*"))
	}
}

func (o *op) found(sel *selection, among []*record, match func(*record) bool) (any, error) {
	st := &stream{}
	limit := math.Inf(1)
	if n, ok := o.body.Get("limit").Float64(); ok {
		limit = n
	}
	offset, _ := o.body.Get("offset").Float64()
	for _, r := range among {
		if !match(r) {
			continue
		}
		if offset > 0 {
			offset--
			continue
		}
		if float64(len(st.items)) >= limit {
			break
		}
		st.items = append(st.items, sel.show(r))
	}
	return st, nil
}
