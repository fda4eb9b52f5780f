package revert

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// appendCanonical appends JSON that encoding/json wrote, with a line break at its
// end, in canonical form.
func appendCanonical(dst, src []byte) ([]byte, error) {
	c := canonizer{src: src}
	dst = c.value(dst)
	if c.bad {
		return dst, errNotUTF8
	}
	return dst, nil
}

// A canonizer goes through JSON that encoding/json wrote.
type canonizer struct {
	src []byte
	pos int
	bad bool
}

func (c *canonizer) value(dst []byte) []byte {
	switch c.src[c.pos] {
	case '{':
		return c.object(dst)
	case '[':
		dst = append(dst, '[')
		for c.pos++; c.src[c.pos] != ']'; {
			if c.src[c.pos] == ',' {
				dst = append(dst, ',')
				c.pos++
			}
			dst = c.value(dst)
		}
		c.pos++
		return append(dst, ']')
	case '"':
		return c.text(dst)
	}
	from := c.pos
	for {
		switch c.src[c.pos] {
		case ',', ']', '}', '\n':
			return append(dst, c.src[from:c.pos]...)
		}
		c.pos++
	}
}

// A member is a name with its value, at its place in what was written.
type member struct {
	name     string
	from, to int
}

func (c *canonizer) object(dst []byte) []byte {
	dst = append(dst, '{')
	start := len(dst)
	var members []member
	sorted := true
	for c.pos++; c.src[c.pos] != '}'; {
		if c.src[c.pos] == ',' {
			c.pos++
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		m := member{from: len(dst)}
		dst = c.text(dst)
		m.name = unquote(dst[m.from:])
		dst = append(dst, ':')
		c.pos++ // the colon
		dst = c.value(dst)
		m.to = len(dst)
		sorted = sorted && (len(members) == 0 || compareUTF16(members[len(members)-1].name, m.name) < 0)
		members = append(members, m)
	}
	c.pos++
	if !sorted {
		dst = reorder(dst, start, members)
	}
	return append(dst, '}')
}

// reorder writes the members of the last object, which begin at start, anew.
func reorder(dst []byte, start int, members []member) []byte {
	slices.SortStableFunc(members, func(a, b member) int { return compareUTF16(a.name, b.name) })
	old := slices.Clone(dst[start:])
	dst = dst[:start]
	for i, m := range members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, old[m.from-start:m.to-start]...)
	}
	return dst
}

// text copies a string. encoding/json escapes more than need be: line separators,
// and what is no UTF-8, which it replaces and which must not be lost so.
func (c *canonizer) text(dst []byte) []byte {
	from := c.pos
	for c.pos++; c.src[c.pos] != '"'; c.pos++ {
		if c.src[c.pos] != '\\' {
			continue
		}
		c.pos++
		if c.src[c.pos] != 'u' {
			continue
		}
		switch string(c.src[c.pos+1 : c.pos+5]) {
		case "2028", "2029":
			dst = append(dst, c.src[from:c.pos-1]...)
			n, _ := strconv.ParseUint(string(c.src[c.pos+1:c.pos+5]), 16, 16)
			dst = append(dst, string(rune(n))...)
			c.pos += 4
			from = c.pos + 1
		case "fffd":
			c.bad = true
		}
	}
	c.pos++
	return append(dst, c.src[from:c.pos]...)
}

// unquote is the text of a string that was copied.
func unquote(quoted []byte) string {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	var s string
	_ = json.Unmarshal(quoted, &s) // it was encoded by us
	return s
}

// compareUTF16 orders by UTF-16 units: characters beyond the first 65,536 come
// before those from U+E000 on.
func compareUTF16(a, b string) int {
	if a == b {
		return 0
	}
	wide := func(r rune) bool { return r >= 0xe000 }
	if strings.IndexFunc(a, wide) < 0 || strings.IndexFunc(b, wide) < 0 {
		return strings.Compare(a, b)
	}
	return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
}
