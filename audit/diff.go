package audit

import (
	"slices"
	"strings"
)

// A Diff is the edits that lead from one image to another, sorted by path.
type Diff []Edit

// An Edit is one attribute's old and new value; nil is an attribute that is not
// there. Objects are entered, so that each edit is as small as it can be;
// arrays change as a whole.
type Edit struct {
	Path     string // JSON Pointer (RFC 6901); empty for the whole value
	Old, New Value
}

// DiffOf is the edits that lead from one record to another. A record that is
// not there is nil, and differs in every attribute from one that is.
func DiffOf(old, next Value) Diff {
	var d Diff
	d.walk("", old, next)
	slices.SortFunc(d, func(a, b Edit) int { return strings.Compare(a.Path, b.Path) })
	return d
}

func (d *Diff) walk(path string, old, next Value) {
	if old.Equal(next) {
		return
	}
	enter := old.Kind() == KindObject && next.Kind() == KindObject
	if path == "" {
		enter = enter || old == nil && next.Kind() == KindObject || next == nil && old.Kind() == KindObject
	}
	if !enter {
		*d = append(*d, Edit{path, old, next})
		return
	}
	for name, o := range old.Fields() {
		d.walk(path+"/"+escapePointer(name), o, next.Get(name))
	}
	for name, n := range next.Fields() {
		if old.Get(name) == nil {
			d.walk(path+"/"+escapePointer(name), nil, n)
		}
	}
}

// Attributes lists the record's own attributes that the diff touches, sorted.
func (d Diff) Attributes() []string {
	var names []string
	for _, e := range d {
		names = append(names, e.Attribute())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func escapePointer(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

func unescapePointer(s string) string {
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(s)
}

// Attribute is the record's own attribute in which an edit's path lies.
func (e Edit) Attribute() string {
	name, _, _ := strings.Cut(strings.TrimPrefix(e.Path, "/"), "/")
	return unescapePointer(name)
}
