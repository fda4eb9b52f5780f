package harper

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"recourse/audit"
)

// ErrIDNotOnREST says that an id cannot be said exactly in a REST path, where
// Harper casts text to the type of the key. Use the operations API.
var ErrIDNotOnREST = errors.New("the id cannot be written as a REST path")

// extensions end a path to ask for a media type; Harper 5.1 takes them off an
// id that is percent-encoded, too. Those of Harper are json, cbor, msgpack and
// csv; the others are a margin.
var extensions = []string{"json", "cbor", "msgpack", "csv", "ndjson", "xml", "yaml", "yml", "html", "txt", "sse"}

// pathSegment is the id as one segment of a path, or ErrIDNotOnREST. The key's
// type and the attributes' names are those of the table.
func pathSegment(id audit.Value, keyType string, attributes []Attribute) (string, error) {
	refuse := func(why string) (string, error) {
		return "", fmt.Errorf("id %s: %w: %s", id.JSON(), ErrIDNotOnREST, why)
	}
	var text string
	numeric := id.Kind() == audit.KindInt || id.Kind() == audit.KindFloat
	switch keyType {
	case "Any", "":
		switch {
		case id.Kind() == audit.KindText && !plainText(id.Text()):
			return refuse("it would be cast to another type")
		case id.Kind() == audit.KindText:
			text = id.Text()
		case numeric:
			text = scriptText(id)
			if strings.ContainsRune(text, 'e') {
				return refuse("with an exponent it would be text")
			}
		default:
			return refuse("it is no text and no number")
		}
	case "ID", "String":
		if id.Kind() != audit.KindText {
			return refuse("it would be cast to text")
		}
		text = id.Text()
	case "Int", "Long", "Float":
		if !numeric || keyType != "Float" && id.Kind() != audit.KindInt {
			return refuse("the key is a number")
		}
		text = scriptText(id)
	default:
		return refuse("the key is of type " + keyType)
	}
	if id.Kind() == audit.KindInt && id.Big().CmpAbs(big.NewInt(maxSafe)) > 0 {
		return refuse("it would be rounded")
	}
	if _, property, ok := strings.Cut(text, "."); ok {
		isAttribute := slices.ContainsFunc(attributes, func(a Attribute) bool { return a.Name == property })
		if isAttribute || slices.Contains(extensions, property) {
			return refuse("its end would be taken for an attribute or a format")
		}
	}
	return escapeSegment(text), nil
}

var isoDate = regexp.MustCompile(`^\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d`)

// plainText says that Harper casts the text to nothing else where a key may be
// of any type. It is careful: of what looks like a number some is none.
// (autoCast in Harper's utility/common_utils.)
func plainText(s string) bool {
	switch s {
	case "true", "TRUE", "false", "FALSE", "undefined", "null", "NULL", "NaN",
		// What every JavaScript object has, Harper finds in its table of words.
		"constructor", "__proto__", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable",
		"toLocaleString", "toString", "valueOf", "__defineGetter__", "__defineSetter__",
		"__lookupGetter__", "__lookupSetter__":
		return false
	}
	// JavaScript's Number() trims more than Go's TrimSpace does.
	trimmed := strings.Trim(strings.TrimSpace(s), "\uFEFF\u2028\u2029\u00A0")
	if trimmed == "" || isoDate.MatchString(s) {
		return false
	}
	if _, err := strconv.ParseFloat(trimmed, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return false
	}
	_, err := strconv.ParseInt(trimmed, 0, 64)
	return err != nil && !errors.Is(err, strconv.ErrRange)
}

// escapeSegment percent-encodes everything but letters, digits, - and _: a dot
// and a slash mean something to Harper.
func escapeSegment(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}
