package audit

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"iter"
	"slices"
)

// Seqs is a set of the numbers of changes, in about a byte each where they lie
// close together. The zero value is empty. A copy shares memory with the original
// and stays what it was; only one of the two may be added to.
type Seqs struct {
	deltas []byte // the distance of each number from the one before, as a varint
	n      int
	last   Seq
}

// Len is how many numbers there are.
func (s Seqs) Len() int { return s.n }

// All are the numbers, ascending.
func (s Seqs) All() iter.Seq[Seq] {
	return func(yield func(Seq) bool) {
		var at Seq
		for b := s.deltas; len(b) > 0; {
			d, n := binary.Uvarint(b)
			at += Seq(d)
			if !yield(at) {
				return
			}
			b = b[n:]
		}
	}
}

// Add puts a number in; 0, which is none, and those that are in are left out. What
// comes in the order of the numbers takes no time to speak of.
func (s *Seqs) Add(q Seq) {
	switch {
	case q == 0 || s.n > 0 && q == s.last:
		return
	case q > s.last:
		s.deltas = binary.AppendUvarint(s.deltas, uint64(q-s.last))
		s.last = q
		s.n++
		return
	}
	all := slices.Collect(s.All())
	i, found := slices.BinarySearch(all, q)
	if found {
		return
	}
	*s = SeqsOf(slices.Insert(all, i, q)...)
}

// SeqsOf is a set of these numbers.
func SeqsOf(all ...Seq) Seqs {
	all = slices.Compact(slices.Sorted(slices.Values(all)))
	var s Seqs
	for _, q := range all {
		s.Add(q)
	}
	return s
}

// Equal is whether two sets have the same numbers.
func (s Seqs) Equal(t Seqs) bool { return string(s.deltas) == string(t.deltas) }

// Bytes is the set as [ReadSeqs] reads it; what is added later is appended to it.
// It is not to be altered.
func (s Seqs) Bytes() []byte { return slices.Clip(s.deltas) }

// ReadSeqs reads what Bytes wrote and keeps b.
func ReadSeqs(b []byte) (Seqs, error) {
	s := Seqs{deltas: b}
	for len(b) > 0 {
		d, n := binary.Uvarint(b)
		if n <= 0 || d == 0 || s.last+Seq(d) < s.last || n > 1 && b[n-1] == 0 {
			return Seqs{}, errors.New("read numbers of changes: they are no ascending distances")
		}
		s.last += Seq(d)
		s.n++
		b = b[n:]
	}
	return s, nil
}

// MarshalJSON is a list of stretches, each its first and its last number.
func (s Seqs) MarshalJSON() ([]byte, error) {
	stretches := [][2]Seq{}
	for q := range s.All() {
		if n := len(stretches); n > 0 && stretches[n-1][1]+1 == q {
			stretches[n-1][1] = q
		} else {
			stretches = append(stretches, [2]Seq{q, q})
		}
	}
	return json.Marshal(stretches)
}

// IsZero is whether there is no number, for JSON to leave it out.
func (s Seqs) IsZero() bool { return s.n == 0 }
