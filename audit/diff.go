package audit

import (
	"bytes"
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
	if !old.Equal(next) {
		d.walk("", old, next)
		slices.SortFunc(d, func(a, b Edit) int { return strings.Compare(a.Path, b.Path) })
	}
	return d
}

// walk appends the edits between two values that differ.
func (d *Diff) walk(path string, old, next Value) {
	whole := func(v Value) bool { return v.Kind() == KindObject || v == nil && path == "" }
	if !whole(old) || !whole(next) {
		*d = append(*d, Edit{path, old, next})
		return
	}
	for p := range Differing(old, next) {
		d.walk(path+"/"+escapePointer(string(p.Name)), p.Old, p.New)
	}
}

// attributes reads an object's attributes; what is no object has none.
func (v Value) attributes() items {
	if v.Kind() != KindObject {
		return items{}
	}
	return v.inside()
}

// compareNames says which of two objects has the earlier attribute next.
func (r items) compareNames(s items) int {
	switch {
	case r.left == 0:
		return 1
	case s.left == 0:
		return -1
	}
	return bytes.Compare(r.next(), s.next())
}

// Attributes lists the record's own attributes that the diff touches, sorted.
func (d Diff) Attributes() []string {
	var names []string
	for _, e := range d {
		names = append(names, e.Attribute())
	}
	return sortedOnce(names)
}

func sortedOnce(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

func escapePointer(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

func unescapePointer(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "~1", "/"), "~0", "~")
}

// Attribute is the record's own attribute in which an edit's path lies.
func (e Edit) Attribute() string {
	name, _, _ := strings.Cut(strings.TrimPrefix(e.Path, "/"), "/")
	return unescapePointer(name)
}
