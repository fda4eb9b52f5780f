package ingest

import (
	"bytes"
	"slices"

	"recourse/audit"
)

// An ordered finds out whether captures are lines of the common form of which each
// is later than those of its table before it, or of another record. Then storing a
// change makes nothing otherwise that was stored of the same import before: no line
// comes twice, none moves in between two others, and lines show no gap and cover
// nothing. The zero value has seen no capture.
type ordered struct {
	last   map[audit.Table]*newestGroups
	broken bool
}

// A newestGroups is the newest time of a table and the keys of the groups of that time.
type newestGroups struct {
	time audit.Time
	keys [][]byte // as they stand in their lines
}

// mostAtOnce is how many groups of one time are told apart.
const mostAtOnce = 64

func (o *ordered) add(c *capture) {
	if o.broken {
		return
	}
	if !c.plain || !differ(c.keys) {
		o.broken = true
		return
	}
	m := o.last[c.table]
	if m == nil {
		if o.last == nil {
			o.last = map[audit.Table]*newestGroups{}
		}
		m = &newestGroups{time: c.time}
		o.last[c.table] = m
	}
	o.broken = !m.add(c)
}

func (m *newestGroups) add(c *capture) bool {
	switch {
	case c.time > m.time:
		m.time = c.time
		// The first's memory is used again: nearly all times have one group.
		m.keys = m.keys[:min(len(m.keys), 1)]
		if len(m.keys) == 1 {
			m.keys[0] = append(m.keys[0][:0], c.keys...)
			return true
		}
	case !(c.time == m.time), len(m.keys) == mostAtOnce:
		return false
	}
	for _, k := range m.keys {
		if !apart(k, c.keys) {
			return false
		}
	}
	m.keys = append(m.keys, bytes.Clone(c.keys))
	return true
}

// differ says that a list has one key, or several that are texts and surely different: a
// group may have a record twice and be stored in two parts.
func differ(keys []byte) bool {
	inner, list := bytes.CutPrefix(bytes.TrimSpace(keys), []byte{'['})
	inner, ended := bytes.CutSuffix(inner, []byte{']'})
	if !list || !ended {
		return false
	}
	if !bytes.Contains(inner, []byte{','}) {
		return true
	}
	parts := bytes.Split(inner, []byte{','})
	seen := make(map[string]bool, len(parts))
	for _, part := range parts {
		if !oneText(slices.Concat([]byte{'['}, part, []byte{']'})) || seen[string(part)] {
			return false
		}
		seen[string(part)] = true
	}
	return true
}

// apart says that two lists of keys are each of one text and these are different:
// what is written otherwise may be the same.
func apart(a, b []byte) bool {
	return oneText(a) && oneText(b) && !bytes.Equal(a, b)
}

// oneText says that a list has one key, a text in which nothing is escaped.
func oneText(keys []byte) bool {
	return bytes.HasPrefix(keys, []byte(`["`)) && bytes.HasSuffix(keys, []byte(`"]`)) && bytes.Count(keys, []byte{'"'}) == 2 && !bytes.Contains(keys, []byte{'\\'})
}
