package audit

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
)

// A shape is a place among the names of an object: after those that objects of late
// had up to it, in their order. Records of one table have the same names in the same
// order again and again; by its shape they are neither read anew nor put in order.
// The zero value is the place before the first name.
type shape struct {
	up    *shape
	depth int
	next  []*shape // by the name that follows; few
	raw   []byte   // `"name":`, by which it is reached
	start uint64   // the first eight bytes of raw, and which bits of them are its
	mask  uint64
	name  []byte // as a value

	// Of an object that ends here: its attributes in the order of the encoding, each
	// by the place after its name, and how many bytes their names have. Of a name that comes
	// twice it is the last.
	order []*shape
	names int
}

// What is kept of shapes: names that somebody makes up must not fill the memory.
const (
	mostShapes     = 1 << 12
	mostNext       = 16 // names after one place
	mostAttributes = 128
	longestName    = 64
)

// A part is where an attribute's value stands: a text without its head in what is
// read, anything else in the reader's memory.
type part struct {
	from, to int
	text     bool
}

// shaped is the object with which data begins and where it ends, if its names are
// as those of others were, or may be remembered. Else it is nil, as it is for what is no
// object, or is broken.
func (r *JSONReader) shaped(data []byte) (Value, int) {
	i := passSpace(data, 0)
	if i >= len(data) || data[i] != '{' {
		return nil, 0
	}
	r.parts, r.spans = r.parts[:0], r.spans[:0]
	at := &r.shapes
	for vals := r.out[:0]; ; {
		i = passSpace(data, i+1)
		if at = r.step(at, data[min(i, len(data)):]); at == nil {
			return nil, 0
		}
		var p part
		if p, vals, i = r.part(data, passSpace(data, i+len(at.raw)), vals); i < 0 {
			return nil, 0
		}
		r.parts = append(r.parts, p)
		if i = passSpace(data, i); i >= len(data) || data[i] != ',' && data[i] != '}' {
			return nil, 0
		}
		if data[i] == '}' {
			v := at.object(data, vals, r.parts)
			if r.out = vals; cap(vals) > roomy {
				r.out, r.spare = nil, nil
			}
			return v, i + 1
		}
	}
}

// part reads the value of an attribute, and is where it ends, or -1. What is no text
// of the plainest kind is appended to vals.
func (r *JSONReader) part(data []byte, i int, vals []byte) (part, []byte, int) {
	if i >= len(data) {
		return part{}, vals, -1
	}
	from := len(vals)
	if c := data[i]; c == '"' {
		text := data[i+1:]
		if n := plainLen(text); n < len(text) && text[n] == '"' {
			return part{i + 1, i + 1 + n, true}, vals, i + n + 2
		}
	} else if c-'0' <= 9 {
		if x, end := readDecimal(data, i); end >= 0 {
			vals = x.append(vals)
			return part{from: from, to: len(vals)}, vals, end
		}
	}
	r.data, r.pos = data, i
	vals, err := r.item(vals, MaxDepth-1)
	r.data = nil
	if err != nil {
		return part{}, nil, -1
	}
	return part{from: from, to: len(vals)}, vals, r.pos
}

// step is the place after the name with which data begins; nil: it is not known, and
// not to be remembered.
func (r *JSONReader) step(at *shape, data []byte) *shape {
	if len(data) < 8 {
		return nil // no name, value and brace are shorter but for a few
	}
	start := binary.LittleEndian.Uint64(data)
	for _, s := range at.next {
		if start&s.mask == s.start && bytes.HasPrefix(data, s.raw) {
			return s
		}
	}
	return r.learn(at, data)
}

func (r *JSONReader) learn(at *shape, data []byte) *shape {
	if data[0] != '"' || len(at.next) >= mostNext || at.depth >= mostAttributes || r.learnt >= mostShapes {
		return nil
	}
	n := plainLen(data[1:])
	if n > longestName || !bytes.HasPrefix(data[1+n:], []byte(`":`)) {
		return nil
	}
	s := &shape{up: at, depth: at.depth + 1, raw: bytes.Clone(data[:n+3]), mask: ^uint64(0)}
	if len(s.raw) < 8 {
		s.mask = 1<<(8*len(s.raw)) - 1
	}
	s.start = binary.LittleEndian.Uint64(data) & s.mask
	s.name = appendText(nil, string(data[1:1+n]))
	at.next = append(at.next, s)
	r.learnt++
	return s
}

// inOrder finds the order of the attributes of an object that ends here.
func (s *shape) inOrder() {
	path := make([]*shape, s.depth)
	for at := s; at.depth > 0; at = at.up {
		path[at.depth-1] = at
	}
	slices.SortStableFunc(path, func(a, b *shape) int { return bytes.Compare(a.name, b.name) })
	for i, at := range path {
		if i+1 < len(path) && bytes.Equal(at.name, path[i+1].name) {
			continue
		}
		s.order, s.names = append(s.order, at), s.names+len(at.name)
	}
}

// headSize is how many bytes a head has that says so many.
func headSize(n int) int {
	switch {
	case n < 24:
		return 1
	case n <= math.MaxUint8:
		return 2
	case n <= math.MaxUint16:
		return 3
	case n <= math.MaxUint32:
		return 5
	}
	return 9
}

// object makes an object that ends here of its attributes' values.
func (s *shape) object(data, vals []byte, parts []part) Value {
	if s.order == nil {
		s.inOrder()
	}
	size := s.names + headSize(len(s.order))
	for _, at := range s.order {
		p := parts[at.depth-1]
		if size += p.to - p.from; p.text {
			size += headSize(p.to - p.from)
		}
	}
	out := appendHead(make([]byte, 0, size), majorMap, uint64(len(s.order)))
	for _, at := range s.order {
		out = append(out, at.name...)
		p := parts[at.depth-1]
		if p.text {
			out = appendHead(out, majorText, uint64(p.to-p.from))
			out = append(out, data[p.from:p.to]...)
		} else {
			out = append(out, vals[p.from:p.to]...)
		}
	}
	return out
}
