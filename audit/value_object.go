package audit

import (
	"bytes"
	"slices"
)

// A span says where an attribute stands: its name, its value, its end.
type span struct {
	name, val, end int
	order          uint64 // the first bytes of the name, as a number that sorts as they do
}

func spanOf(dst []byte, name, val int) span {
	s := span{name: name, val: val, end: len(dst)}
	for i := range 8 {
		s.order <<= 8
		if name+i < val {
			s.order |= uint64(dst[name+i])
		}
	}
	return s
}

// compare orders two attributes by the bytes of their names, which stand in b.
func (s *span) compare(t *span, b []byte) int {
	switch {
	case s.order < t.order:
		return -1
	case s.order > t.order:
		return 1
	}
	return bytes.Compare(b[s.name:s.val], b[t.name:t.val])
}

// finishObject makes an object of the attributes that stand in dst from start
// on, without gaps. Its names are put in order by their bytes, with spare's
// memory; of a name that comes twice the last counts, as in JavaScript.
func finishObject(dst []byte, start int, spans []span, spare []byte) (out, used []byte) {
	sorted := true
	for i := 1; i < len(spans) && sorted; i++ {
		sorted = spans[i-1].compare(&spans[i], dst) < 0
	}
	if sorted {
		return insertHead(dst, start, majorMap, uint64(len(spans))), spare
	}
	sortSpans(spans, dst)
	n := 0
	for i := range spans {
		if i+1 == len(spans) || spans[i].compare(&spans[i+1], dst) != 0 {
			spans[n] = spans[i]
			n++
		}
	}
	spare = appendHead(spare[:0], majorMap, uint64(n))
	for _, s := range spans[:n] {
		spare = append(spare, dst[s.name:s.end]...)
	}
	return append(dst[:start], spare...), spare
}

// sortSpans puts attributes in order; those of one name stay in theirs.
func sortSpans(spans []span, b []byte) {
	const few = 32 // of which sorting by insertion is the quickest
	if len(spans) > few {
		slices.SortStableFunc(spans, func(s, t span) int { return s.compare(&t, b) })
		return
	}
	for i := 1; i < len(spans); i++ {
		s := spans[i]
		j := i
		for ; j > 0 && s.compare(&spans[j-1], b) < 0; j-- {
			spans[j] = spans[j-1]
		}
		spans[j] = s
	}
}

// insertHead puts the head before what stands in dst from start on.
func insertHead(dst []byte, start int, major byte, n uint64) []byte {
	var space [9]byte
	head := appendHead(space[:0], major, n)
	dst = append(dst, head...)
	copy(dst[start+len(head):], dst[start:])
	copy(dst[start:], head)
	return dst
}

// Get is the attribute of that name, or nil when v has none or is no object.
func (v Value) Get(name string) Value {
	if v.Kind() != KindObject {
		return nil
	}
	for r := v.inside(); r.left > 0; {
		h := head{arg: uint64(r.rest[0] & 31), size: 1}
		if h.arg >= 24 { // a long name
			h = r.rest.head()
		}
		if h.arg > uint64(len(name)) {
			return nil // shorter names come first
		}
		end := h.size + int(h.arg)
		val := r.rest[end:]
		n := itemLen(val)
		if end-h.size == len(name) && string(r.rest[h.size:end]) == name {
			return val[:n:n]
		}
		r.rest = val[n:]
		r.left -= 2
	}
	return nil
}
