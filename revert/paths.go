package revert

import (
	"strings"

	"recourse/audit"
)

// Within an object that the attacker changed, each path has an owner of its own:
// who changed an address' street did not change its city. Such attributes are
// spread out before the replay, so that each path is followed as an attribute
// is, and put together again behind it (fold.go): Harper writes an attribute as
// a whole.
//
// An attribute T is spread out as cells named by pathMark and a JSON Pointer.
// Where a path is an object its cell is the empty object and its members have
// cells of their own. Arrays are values like any other.
const pathMark = "\x00/"

// An attribute with more paths than this, or deeper, is followed as one value:
// each path costs as much as an attribute.
const (
	maxPaths     = 1000
	maxPathDepth = 32
)

// spread names the attributes to be spread out: those in which a hostile change or
// our own put an object in place, or took one away, or changed one. It is nil when there
// is none. On the way it finds the times of the server's own that a hostile
// change has set, and the last change that did.
func spread(r *Record, sides []side, managed map[string]bool) (set map[string]bool, tampered map[string]int) {
	for i := range r.Changes {
		if sides[i] == legit {
			continue
		}
		c := &r.Changes[i]
		before := c.Before
		if i > 0 {
			before = r.Changes[i-1].After
		}
		for p := range audit.Differing(before.Body, c.After.Body) {
			switch {
			case managed[string(p.Name)]:
				if sides[i] == hostile && string(p.Name) == audit.CreatedTime && before.Trust > audit.Provisional && c.After.Trust > audit.Provisional &&
					!blank(p.Old) && !blank(p.New) && c.Op != audit.OpInsert && !audit.Stamps(p.New, c.Time) {
					tampered = put(tampered, audit.CreatedTime, i)
				}
			case isTree(p.Old) || isTree(p.New):
				set = put(set, string(p.Name), true)
			}
		}
	}
	set = spreadLate(r, managed, set)
	for name := range set {
		if tooLarge(r, name) {
			delete(set, name)
		}
	}
	if len(set) == 0 {
		set = nil
	}
	return set, tampered
}

// spreadLate adds every object of a record with an image that was read late or
// not at all: what a hostile change wrote there, no image may show.
func spreadLate(r *Record, managed, set map[string]bool) map[string]bool {
	late := false
	for i := range r.Changes {
		c := &r.Changes[i]
		late = late || c.Op.Kind() != audit.KindMessage && (c.After.State == audit.Unknown || c.After.Trust <= audit.Provisional)
	}
	if !late {
		return set
	}
	for i := range r.Changes {
		for name, v := range r.Changes[i].After.Body.RawFields() {
			if isTree(v) && !managed[string(name)] {
				set = put(set, string(name), true)
			}
		}
	}
	return set
}

// isTree says that a value is an object with paths of its own. A raw increment
// is one value.
func isTree(v audit.Value) bool { return v.Kind() == audit.KindObject && !v.RawOp() }

func tooLarge(r *Record, name string) bool {
	for i := range r.Changes {
		for _, img := range []audit.Image{r.Changes[i].Before, r.Changes[i].After} {
			if v := img.Body.Get(name); isTree(v) && countPaths(v, 1, maxPaths) > maxPaths {
				return true
			}
		}
	}
	return false
}

// countPaths counts a tree's paths, and stops counting above most.
func countPaths(v audit.Value, depth, most int) int {
	if depth > maxPathDepth {
		return most + 1
	}
	n := 1
	for _, e := range v.RawFields() {
		if n > most {
			break
		}
		if isTree(e) {
			n += countPaths(e, depth+1, most-n)
		} else {
			n++
		}
	}
	return n
}

// spreadOut is the record with those attributes spread out in all its images.
// The record that was given stays as it is.
func spreadOut(r Record, set map[string]bool) Record {
	changes := make([]audit.Change, len(r.Changes))
	copy(changes, r.Changes)
	for i := range changes {
		changes[i].Before.Body = spreadBody(changes[i].Before.Body, set)
		changes[i].After.Body = spreadBody(changes[i].After.Body, set)
	}
	r.Changes = changes
	return r
}

func spreadBody(body audit.Value, set map[string]bool) audit.Value {
	if body.Kind() != audit.KindObject {
		return body
	}
	fields := map[string]audit.Value{}
	for name, v := range body.Fields() {
		// A name that looks like a path becomes one, so that no two are the same.
		if set[name] || strings.HasPrefix(name, pathMark) {
			spreadValue(fields, pathMark+escapePath(name), v)
		} else {
			fields[name] = v
		}
	}
	return audit.Object(fields)
}

func spreadValue(fields map[string]audit.Value, path string, v audit.Value) {
	if !isTree(v) {
		fields[path] = v
		return
	}
	fields[path] = audit.Object(nil)
	for name, e := range v.Fields() {
		spreadValue(fields, path+"/"+escapePath(name), e)
	}
}

func escapePath(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

func unescapePath(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "~1", "/"), "~0", "~")
}

// topOf is the attribute that a path's cell is of, and the path within it.
func topOf(cell string) (top, path string) {
	rest := strings.TrimPrefix(cell, pathMark)
	top, path = rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		top, path = rest[:i], rest[i:]
	}
	return unescapePath(top), path
}

// dotted is how a policy names a path: by the names on its way, with dots.
func dotted(cell string) string {
	parts := strings.Split(strings.TrimPrefix(cell, pathMark), "/")
	for i := range parts {
		parts[i] = unescapePath(parts[i])
	}
	return strings.Join(parts, ".")
}
