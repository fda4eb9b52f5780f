package audit

import "slices"

// BlockSize is how many changes with consecutive numbers are kept, read and
// indexed together. Block n holds the numbers from n*BlockSize+1 on.
const BlockSize = 256

// ChunkSize is how many changes are summed up together: 256 blocks. Chunk n
// holds the numbers from n*ChunkSize+1 on.
const ChunkSize = 1 << 16

// BlockOf is the block that a change is in. Seq must not be 0.
func BlockOf(s Seq) int { return int((s - 1) / BlockSize) }

// ChunkOf is the chunk that a change is in. Seq must not be 0.
func ChunkOf(s Seq) int { return int((s - 1) / ChunkSize) }

// A Chunk is what is known of ChunkSize consecutive changes, or of those that
// came after the last full chunk.
type Chunk struct {
	Index    int // its place among the chunks; the first is 0
	First    Seq // Index*ChunkSize + 1
	N        int // how many changes; ChunkSize but in the last chunk
	Min, Max Time
	Ordered  bool // their times do not fall as their numbers rise
}

// A Facet is one of the things by which changes are told apart and counted.
type Facet uint8

// The facets. Values are as the change has them.
const (
	FacetUser      Facet = iota + 1
	FacetOp              // as in Change.Op, in its own case
	FacetTable           // DATABASE.TABLE
	FacetNode            // Change.Node
	FacetAttribute       // each of Change.Attributes
	FacetMark            // MarkLate, MarkLossy, MarkSynthetic: those that the change has
	FacetRule            // the id of each rule that the change is evidence for
)

// The marks of FacetMark.
const (
	MarkLate      = "late"
	MarkLossy     = "lossy"
	MarkSynthetic = "synthetic"
)

var facetNames = [...]string{"", "user", "op", "table", "node", "attr", "mark", "rule"}

// Facets are all facets.
func Facets() []Facet {
	all := make([]Facet, 0, len(facetNames)-1)
	for f := FacetUser; int(f) < len(facetNames); f++ {
		all = append(all, f)
	}
	return all
}

func (f Facet) String() string { return nameOf(facetNames[:], uint8(f)) }

// Single says that every change has exactly one value of the facet.
func (f Facet) Single() bool { return f >= FacetUser && f <= FacetNode }

// Touched is the edits that the change made or, where an image is not known, may
// have made: all of the one that is known. A message leaves the record as it
// was; what it published stands in the record's place.
func (c *Change) Touched() Diff {
	switch {
	case c.Op.Kind() == KindMessage:
		return DiffOf(nil, c.After.Body)
	case c.Before.State == Unknown && c.After.State == Unknown:
		return nil
	}
	// An image that is not known has no body, as one that is absent.
	return DiffOf(c.Before.Body, c.After.Body)
}

// Attributes are the names of the record's own attributes that the change
// edited, or may have edited (see Touched), sorted. A message edits none.
func (c *Change) Attributes() []string {
	var names []string
	for name := range c.RawAttributes {
		names = append(names, string(name))
	}
	slices.Sort(names)
	return names
}

// RawAttributes yields the names of Attributes, shorter ones first, as the
// images' own memory, and so costs none.
func (c *Change) RawAttributes(yield func(name []byte) bool) {
	if c.Op.Kind() == KindMessage || !isRecord(c.Before.Body) || !isRecord(c.After.Body) {
		return
	}
	for p := range Differing(c.Before.Body, c.After.Body) {
		if !yield(p.Name) {
			return
		}
	}
}

// isRecord says that a body is an object, or is not there: what is neither
// differs as a whole, in no attribute of its own.
func isRecord(body Value) bool { return body == nil || body.Kind() == KindObject }
