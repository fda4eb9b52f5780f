package revert

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"recourse/audit"
)

// A change that was read as JSON has lost the types that JSON lacks: a date is
// its text, bytes are Harper's {"type":"Buffer","data":[…]}, and NaN is null.
// Written back, such a value would have another type than the one it replaces,
// so the plan names the attributes where that may be.

// lossyTypes are the attributes, as database.table.attribute, whose values to be
// written look like types that JSON lost, with how many records that concerns.
type lossyTypes map[string]int

// isLossy says that some of a history was read as JSON.
func isLossy(changes []audit.Change) bool {
	for i := range changes {
		if changes[i].Lossy {
			return true
		}
	}
	return false
}

// note looks at what an action would write to a record with a history that was
// read as JSON.
func (l lossyTypes) note(a *Action, t audit.Table) {
	for name, v := range a.Set {
		if looksLost(v) {
			l[attribute(t, name)]++
		}
	}
}

// warning is empty when there is nothing to warn of.
func (l lossyTypes) warning() string {
	if len(l) == 0 {
		return ""
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(l)) {
		parts = append(parts, fmt.Sprintf("%s (%d records)", name, l[name]))
	}
	return "types that JSON lost: the history was read as JSON, and these values may have been dates or bytes; where the table has no schema they would be written back as text or objects: " + strings.Join(parts, ", ")
}

// looksLost recognises the JSON forms of a date and of bytes, at any depth.
func looksLost(v audit.Value) bool {
	switch v.Kind() {
	case audit.KindText:
		s := v.Text()
		const shortest = len("2006-01-02T15:04:05Z")
		if len(s) < shortest || len(s) > shortest+10 || s[10] != 'T' {
			return false
		}
		_, err := time.Parse(time.RFC3339Nano, s)
		return err == nil
	case audit.KindObject:
		if v.Len() == 2 && v.Get("type").Text() == "Buffer" && v.Get("data").Kind() == audit.KindArray {
			return true
		}
		for _, e := range v.Fields() {
			if looksLost(e) {
				return true
			}
		}
	case audit.KindArray:
		for e := range v.Elems() {
			if looksLost(e) {
				return true
			}
		}
	}
	return false
}
