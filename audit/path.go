package audit

import "strings"

// JoinPath is the JSON Pointer (RFC 6901) to an attribute of the object that a
// path leads to; the empty path is the record.
func JoinPath(path, name string) string { return path + "/" + escapePointer(name) }

// SplitPath is the names in a JSON Pointer, from the record inwards.
func SplitPath(path string) []string {
	if path == "" {
		return nil
	}
	names := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, n := range names {
		names[i] = unescapePointer(n)
	}
	return names
}

// At is the value that a JSON Pointer leads to through objects; nil if there is
// none. Arrays are not entered, as in a [Diff].
func (v Value) At(path string) Value {
	for _, name := range SplitPath(path) {
		if v = v.Get(name); v == nil {
			return nil
		}
	}
	return v
}
