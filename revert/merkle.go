package revert

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"math/bits"
)

// A merkle is the root of a tree of hashes over lines, as RFC 6962 has it, while
// the lines are told one by one. It keeps a hash for each power of two only. A
// line can be proven to be in a plan, and at which place, without the others.
type merkle struct {
	n     int
	roots [][sha256.Size]byte // of the full subtrees so far, the largest first
	leafs leafHasher
}

func leafHash(line []byte) [sha256.Size]byte { return new(leafHasher).sum(line) }

// A leafHasher makes hashes of lines, one after the other.
type leafHasher struct {
	h   hash.Hash
	out [sha256.Size]byte
}

// leafMark keeps the hash of a line apart from one of two hashes.
var leafMark = []byte{0}

func (l *leafHasher) sum(line []byte) [sha256.Size]byte {
	if l.h == nil {
		l.h = sha256.New()
	}
	l.h.Reset()
	l.h.Write(leafMark)
	l.h.Write(line)
	l.h.Sum(l.out[:0])
	return l.out
}

func nodeHash(left, right [sha256.Size]byte) [sha256.Size]byte {
	var b [1 + 2*sha256.Size]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[1+sha256.Size:], right[:])
	return sha256.Sum256(b[:])
}

func (m *merkle) add(line []byte) { m.addLeaf(m.leafs.sum(line)) }

// addLeaf is add of a line whose hash is known.
func (m *merkle) addLeaf(leaf [sha256.Size]byte) {
	m.roots = append(m.roots, leaf)
	m.n++
	for i := bits.TrailingZeros(uint(m.n)); i > 0; i-- {
		last := len(m.roots) - 1
		m.roots = append(m.roots[:last-1], nodeHash(m.roots[last-1], m.roots[last]))
	}
}

// root is that of all lines so far, in hex; of none it is the SHA-256 of nothing.
func (m *merkle) root() string {
	if m.n == 0 {
		sum := sha256.Sum256(nil)
		return hex.EncodeToString(sum[:])
	}
	at := len(m.roots) - 1
	sum := m.roots[at]
	for at--; at >= 0; at-- {
		sum = nodeHash(m.roots[at], sum)
	}
	return hex.EncodeToString(sum[:])
}

// An Inclusion proves that a line is in a plan: with the line's own hash, the
// path leads to the root.
type Inclusion struct {
	Index int      `json:"index"` // from 0, among the lines of its kind
	Size  int      `json:"size"`  // how many lines of that kind there are
	Leaf  string   `json:"leaf"`  // SHA-256 over a zero byte and the line with its line break, in hex
	Path  []string `json:"path"`  // the hashes beside the way to the root, from the leaf on
}

// inclusions proves each of the lines.
func inclusions(lines [][]byte) []Inclusion {
	level := make([][sha256.Size]byte, len(lines))
	out := make([]Inclusion, len(lines))
	for i, l := range lines {
		level[i] = leafHash(l)
		out[i] = Inclusion{Index: i, Size: len(lines), Leaf: hex.EncodeToString(level[i][:]), Path: []string{}}
	}
	// A subtree without a right neighbour goes up as it is, which is how RFC 6962
	// splits a list at the largest power of two.
	for width := 1; len(level) > 1; width *= 2 {
		for i := range out {
			if beside := i/width ^ 1; beside < len(level) {
				out[i].Path = append(out[i].Path, hex.EncodeToString(level[beside][:]))
			}
		}
		var up [][sha256.Size]byte
		for i := 0; i < len(level); i += 2 {
			if i+1 < len(level) {
				up = append(up, nodeHash(level[i], level[i+1]))
			} else {
				up = append(up, level[i])
			}
		}
		level = up
	}
	return out
}

var errNotIncluded = errors.New("the line is not the one at that place of the plan")

// Verify says whether the line, with its line break, stands in the plan whose
// root that is.
func (c Inclusion) Verify(line []byte, root string) error {
	sum := leafHash(line)
	at, last := c.Index, c.Size-1
	if c.Index < 0 || c.Index > last || hex.EncodeToString(sum[:]) != c.Leaf {
		return errNotIncluded
	}
	path := c.Path
	for ; last > 0; at, last = at/2, last/2 {
		if at == last && at%2 == 0 {
			continue // no neighbour
		}
		if len(path) == 0 {
			return errNotIncluded
		}
		var beside [sha256.Size]byte
		if n, err := hex.Decode(beside[:], []byte(path[0])); err != nil || n != len(beside) || len(path[0]) != 2*len(beside) {
			return errNotIncluded
		}
		path = path[1:]
		if at%2 == 0 {
			sum = nodeHash(sum, beside)
		} else {
			sum = nodeHash(beside, sum)
		}
	}
	if len(path) > 0 || hex.EncodeToString(sum[:]) != root {
		return errNotIncluded
	}
	return nil
}
