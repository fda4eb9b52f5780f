package store

import (
	"bytes"
	"slices"
)

// A shapedBody is the values of a body that has a shape.
type shapedBody struct {
	shape int
	vals  [][]byte
}

// object finds the shape and the values of a body, first trying a shape. It says
// whether the body is an object, in the form in which values are kept.
func (w *blockWriter) object(body []byte, o *shapedBody, guess int) bool {
	n, size := cborHead(body)
	if size == 0 || body[0]&0xe0 != cborMap || n > maxAttributes {
		return false
	}
	rest := body[size:]
	if guess >= 0 && uint64(len(w.shaped[guess])) == n {
		var taken bool
		if o != &w.after && guess == w.after.shape {
			taken = o.takeLike(rest, w.shaped[guess], &w.after)
		} else {
			taken = o.take(rest, w.shaped[guess])
		}
		if taken {
			o.shape = guess
			return true
		}
	}
	o.vals, w.scratch = o.vals[:0], w.scratch[:0]
	for range n {
		name := nameLen(rest)
		if name == 0 {
			return false
		}
		w.scratch = append(w.scratch, rest[:name]...)
		rest = rest[name:]
		val := cborLen(rest)
		if val == 0 {
			return false
		}
		o.vals = append(o.vals, rest[:val:val])
		rest = rest[val:]
	}
	if len(rest) > 0 {
		return false
	}
	o.shape = w.shapes.number(w.scratch, maxEntries)
	if o.shape == len(w.shaped) {
		w.shaped = append(w.shaped, namesOf(slices.Clone(w.scratch)))
	}
	return true
}

// takeLike is take for a body that may have much in common with another, whose
// names are these.
func (o *shapedBody) takeLike(rest []byte, names [][]byte, like *shapedBody) bool {
	o.vals = o.vals[:0]
	for i, name := range names {
		if !bytes.HasPrefix(rest, name) {
			return false
		}
		rest = rest[len(name):]
		// An item says itself where it ends.
		if v := like.vals[i]; bytes.HasPrefix(rest, v) {
			o.vals = append(o.vals, v)
			rest = rest[len(v):]
			continue
		}
		val := cborLen(rest)
		if val == 0 {
			return false
		}
		o.vals = append(o.vals, rest[:val:val])
		rest = rest[val:]
	}
	return len(rest) == 0
}

// take finds the values of a body with these names, and says whether it has
// them.
func (o *shapedBody) take(rest []byte, names [][]byte) bool {
	o.vals = o.vals[:0]
	for _, name := range names {
		if !bytes.HasPrefix(rest, name) {
			return false
		}
		rest = rest[len(name):]
		val := cborLen(rest)
		if val == 0 {
			return false
		}
		o.vals = append(o.vals, rest[:val:val])
		rest = rest[val:]
	}
	return len(rest) == 0
}

// nameLen is the length of the text that b begins with, 0 if it does not.
func nameLen(b []byte) int {
	if len(b) > 0 && b[0]-cborText < 24 { // most are short
		if n := 1 + int(b[0]-cborText); n <= len(b) {
			return n
		}
		return 0
	}
	n, size := cborHead(b)
	if size == 0 || b[0]&0xe0 != cborText || n > uint64(len(b)-size) {
		return 0
	}
	return size + int(n)
}

// countNames is how many names a shape has; -1 if it is none.
func countNames(shape []byte) int {
	n := 0
	for len(shape) > 0 {
		size := nameLen(shape)
		if n++; size == 0 || n > maxAttributes {
			return -1
		}
		shape = shape[size:]
	}
	return n
}

// namesOf are the names of a shape, which is one.
func namesOf(shape []byte) [][]byte {
	names := make([][]byte, 0, countNames(shape))
	for len(shape) > 0 {
		n := nameLen(shape)
		names = append(names, shape[:n])
		shape = shape[n:]
	}
	return names
}

func (w *blockWriter) mapping(shape, after int) []int {
	if w.maps == nil {
		w.maps = map[[2]int][]int{}
	}
	return placesIn(w.maps, [2]int{shape, after}, w.shaped[shape], w.shaped[after])
}

// placesIn says for each name of a shape at which place another has it, or -1; known
// are those by the numbers of both.
func placesIn(known map[[2]int][]int, shapes [2]int, names, others [][]byte) []int {
	if m, ok := known[shapes]; ok {
		return m
	}
	m := make([]int, len(names))
	if known[shapes] = m; shapes[0] == shapes[1] { // though it have a name twice
		for i := range m {
			m[i] = i
		}
		return m
	}
	place := make(map[string]int, len(others))
	for i, name := range others {
		place[string(name)] = i
	}
	for i, name := range names {
		m[i] = -1
		if at, ok := place[string(name)]; ok {
			m[i] = at
		}
	}
	return m
}
