package revert

import (
	"reflect"
	"slices"

	"recourse/audit"
)

// encodeTarget is what Target.MarshalJSON makes, at a tenth of the work. Names and
// keys that are more than plain text go by way of that.
func encodeTarget(dst []byte, v reflect.Value) ([]byte, error) {
	database, table, id := v.Field(0).Field(0).String(), v.Field(0).Field(1).String(), v.Field(1).String()
	if !plainText(database) || !plainText(table) || !plainID(id) {
		return encodeOther(dst, v)
	}
	dst = append(append(dst, `["`...), database...)
	dst = append(append(dst, `","`...), table...)
	dst = append(append(dst, `",`...), id...)
	return append(dst, ']'), nil
}

// plainText says that a text is ASCII without anything that JSON, or HTML within it,
// would escape.
func plainText(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c > '~', c == '\\', c == '"', c == '<', c == '>', c == '&':
			return false
		}
	}
	return true
}

// plainID says that a key is plain text in quotes, or a number of digits alone.
func plainID(s string) bool {
	if n := len(s); n >= 2 && s[0] == '"' && s[n-1] == '"' {
		return plainText(s[1 : n-1])
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' || s[i] == '0' && i == 0 && len(s) > 1 {
			return false
		}
	}
	return s != ""
}

// encodeValues is encodeMap for the maps that a plan has most of.
func encodeValues(dst []byte, v reflect.Value) ([]byte, error) {
	m := v.Interface().(map[string]audit.Value)
	if m == nil {
		return append(dst, "null"...), nil
	}
	var space [16]string
	names := space[:0]
	for n := range m {
		names = append(names, n)
	}
	slices.SortFunc(names, compareUTF16)
	dst = append(dst, '{')
	var err error
	for i, n := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendString(dst, n); err != nil {
			return dst, err
		}
		if dst, err = appendValue(append(dst, ':'), m[n]); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}
