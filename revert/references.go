package revert

import (
	"cmp"
	"iter"
	"slices"

	"recourse/audit"
)

// A reference is an attribute that holds keys of another table's records: one,
// or a list of them.
type reference struct {
	attr string
	to   audit.Table
}

// references are those of each table, sorted by attribute, each once.
type references map[audit.Table][]reference

// referencesOf are those that the policy declares and those that the schema has.
// Harper itself keeps no record from being deleted that others refer to.
func referencesOf(p *Policy, s *Schema) references {
	all := references{}
	add := func(from audit.Table, r reference) {
		at, known := slices.BinarySearchFunc(all[from], r, compareReferences)
		if !known {
			all[from] = slices.Insert(all[from], at, r)
		}
	}
	for name, table := range p.References {
		from, attr := attributeText(name).split()
		t, err := audit.ParseTable(from)
		to, bad := audit.ParseTable(table)
		if err == nil && bad == nil { // Check has looked at it
			add(t, reference{attr, to})
		}
	}
	if s != nil {
		for t, facts := range s.Tables {
			for name, a := range facts.Attributes {
				if to, err := audit.ParseTable(a.Refers); a.Refers != "" && err == nil {
					add(t, reference{name, to})
				}
			}
		}
	}
	return all
}

func compareReferences(a, b reference) int {
	return cmp.Or(cmp.Compare(a.attr, b.attr), compareTables(a.to, b.to))
}

// into are the tables that refer to one, sorted.
func (rs references) into(t audit.Table) []audit.Table {
	var from []audit.Table
	for table, list := range rs {
		if slices.ContainsFunc(list, func(r reference) bool { return r.to == t }) {
			from = append(from, table)
		}
	}
	slices.SortFunc(from, compareTables)
	return from
}

// A link is one record's reference to another.
type link struct {
	attr string
	to   audit.Key
}

// links are the references of a record with such contents.
func (rs references) links(t audit.Table, body audit.Value) iter.Seq[link] {
	return func(yield func(link) bool) {
		for _, r := range rs[t] {
			for id := range keysIn(body.Get(r.attr)) {
				if !yield(link{r.attr, audit.Key{Table: r.to, ID: id}}) {
					return
				}
			}
		}
	}
}

// keysIn are the keys that the value of a reference holds. An array is a list of
// them; what can be no key is none.
func keysIn(v audit.Value) iter.Seq[audit.ID] {
	return func(yield func(audit.ID) bool) {
		one := func(v audit.Value) bool {
			id, err := audit.IDOf(v)
			return err != nil || id.Empty() || yield(id)
		}
		if v.Kind() != audit.KindArray {
			one(v)
			return
		}
		for e := range v.Elems() {
			if !one(e) {
				return
			}
		}
	}
}
