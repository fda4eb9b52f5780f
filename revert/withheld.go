package revert

import (
	"maps"
	"slices"

	"recourse/audit"
)

// split takes what an action does to one attribute out of it.
func (a *Action) split(name string) *Action {
	part := &Action{Kind: a.Kind, K: a.K, Do: a.Do, Phase: a.Phase,
		Set: map[string]audit.Value{}, Unset: []string{}, Add: map[string]audit.Value{}, Attrs: map[string]Attribute{},
		Expect: Expect{Exists: a.Expect.Exists, Owned: map[string]audit.Value{}, Absent: []string{}, Version: a.Expect.Version},
		Kept:   map[string]KeptValue{}, Blind: []Window{}, Changes: []audit.ChangeID{}, Decided: []Class{}}
	move := func(from, to map[string]audit.Value) {
		if v, ok := from[name]; ok {
			to[name] = v
			delete(from, name)
		}
	}
	move(a.Set, part.Set)
	move(a.Add, part.Add)
	move(a.Expect.Owned, part.Expect.Owned)
	list := func(from, to *[]string) {
		if i := slices.Index(*from, name); i >= 0 {
			*from, *to = slices.Delete(*from, i, i+1), append(*to, name)
		}
	}
	list(&a.Unset, &part.Unset)
	list(&a.Expect.Absent, &part.Expect.Absent)
	part.Attrs[name] = a.Attrs[name]
	delete(a.Attrs, name)
	return part
}

// with is an action that does what both do; the other may be nil. Both must be
// of one record and one kind.
func (a *Action) with(b *Action) *Action {
	if b == nil {
		return a
	}
	sum := *a
	sum.Set, sum.Add, sum.Attrs = maps.Clone(a.Set), maps.Clone(a.Add), maps.Clone(a.Attrs)
	maps.Copy(sum.Set, b.Set)
	maps.Copy(sum.Add, b.Add)
	maps.Copy(sum.Attrs, b.Attrs)
	sum.Expect.Owned = maps.Clone(a.Expect.Owned)
	maps.Copy(sum.Expect.Owned, b.Expect.Owned)
	merge := func(x, y []string) []string {
		all := append(slices.Clone(x), y...)
		slices.Sort(all)
		return slices.Compact(all)
	}
	sum.Unset, sum.Expect.Absent = merge(a.Unset, b.Unset), merge(a.Expect.Absent, b.Expect.Absent)
	return &sum
}
