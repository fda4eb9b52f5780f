package audit

import (
	"encoding/binary"
	"iter"
	"math/bits"
)

// A Pair is one attribute of a record in two states, nil where it is not there.
type Pair struct {
	Name     []byte // part of the records' own memory
	Old, New Value
}

// raw is what a text or byte string holds, in v's own memory.
func (v Value) raw() []byte { return v[v.head().size:] }

// RawFields is Fields without a copy of the names, which are v's own memory.
func (v Value) RawFields() iter.Seq2[[]byte, Value] {
	return func(yield func([]byte, Value) bool) {
		for r := v.attributes(); r.left > 0; {
			if name := r.next().raw(); !yield(name, r.next()) {
				return
			}
		}
	}
}

// Pairs yields every attribute that either of two records has, in the order of
// their encodings, shorter names first. What is no object has no attributes.
func Pairs(old, next Value) iter.Seq[Pair] {
	return func(yield func(Pair) bool) {
		for a, b := old.attributes(), next.attributes(); a.left > 0 || b.left > 0; {
			if p := nextPair(&a, &b, 0); !yield(p) {
				return
			}
		}
	}
}

// nextPair is the earliest attribute that is left of two objects, whose next bytes are
// the same for as many as shared says, at least.
func nextPair(a, b *items, shared int) Pair {
	var p Pair
	var name Value
	if n := a.nextLen(); n > 0 && n <= shared { // most that differ are of both
		name = a.take(n)
		b.take(n)
		return Pair{Name: name.raw(), Old: a.next(), New: b.next()}
	}
	order := a.compareNames(*b)
	if order <= 0 {
		name, p.Old = a.next(), a.next()
	}
	if order >= 0 {
		name, p.New = b.next(), b.next()
	}
	p.Name = name.raw()
	return p
}

// Differing yields the attributes in which two records differ, as Pairs does.
func Differing(old, next Value) iter.Seq[Pair] {
	return func(yield func(Pair) bool) {
		a, b := old.attributes(), next.attributes()
		for {
			shared := passEqual(&a, &b)
			if a.left == 0 && b.left == 0 {
				return
			}
			if p := nextPair(&a, &b, shared); !p.Old.Equal(p.New) && !yield(p) {
				return
			}
		}
	}
}

// passEqual passes the attributes that two objects have next and that are the
// same to the byte, which is most of them. It says of how many bytes the same is so
// after them.
func passEqual(a, b *items) (shared int) {
	if a.left == 0 || b.left == 0 {
		return 0
	}
	for shared = sharedLen(a.rest, b.rest); a.left > 0 && b.left > 0; {
		n := itemLen(a.rest)
		if n <= shared {
			n += itemLen(a.rest[n:])
		}
		if n > shared {
			return shared
		}
		a.rest, b.rest = a.rest[n:], b.rest[n:]
		a.left, b.left = a.left-2, b.left-2
		shared -= n
	}
	return 0
}

// sharedLen is with how many bytes both begin.
func sharedLen(a, b []byte) int {
	n := min(len(a), len(b))
	i := 0
	for ; i+8 <= n; i += 8 {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}
