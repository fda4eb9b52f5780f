package revert

import (
	"crypto/sha256"
	"sync"

	"recourse/audit"
)

// A handful is some lines of a plan after each other, all of one tree.
type handful struct {
	tree *merkle
	text []byte
	ends []int // where each line ends
}

// So many lines, or bytes of them, are a handful.
const (
	handfulLines = 256
	handfulBytes = 256 << 10
)

func (f *handful) full() bool { return len(f.ends) >= handfulLines || len(f.text) >= handfulBytes }

// line is the line at a place.
func (f *handful) line(i int) []byte {
	from := 0
	if i > 0 {
		from = f.ends[i-1]
	}
	return f.text[from:f.ends[i]]
}

// together gives every line between header and footer, a handful at a time: some are
// read while those before are dealt with. One is good until take returns.
func (d *Draft) together(take func(*handful) error) error {
	used := make(chan *handful, 8)
	read := func(give func(*handful) error) error {
		var f *handful
		err := d.each(func(tree *merkle, line []byte) error {
			if f != nil && (f.tree != tree || f.full()) {
				if err := give(f); err != nil {
					return err
				}
				f = nil
			}
			if f == nil {
				select {
				case f = <-used:
				default:
					f = new(handful)
				}
				*f = handful{tree: tree, text: f.text[:0], ends: f.ends[:0]}
			}
			f.text = append(f.text, line...)
			f.ends = append(f.ends, len(f.text))
			return nil
		})
		if err != nil || f == nil {
			return err
		}
		return give(f)
	}
	alone := func(**handful) int { return besideBytes }
	return beside(alone, read, func(f **handful) error {
		err := take(*f)
		select {
		case used <- *f:
		default:
		}
		return err
	})
}

// seal makes the trees of the lines. Their hashes are made on two processors.
func (d *Draft) seal() error {
	var leaves [][sha256.Size]byte
	var mine, other leafHasher
	return d.together(func(f *handful) error {
		n := len(f.ends)
		if cap(leaves) < n {
			leaves = make([][sha256.Size]byte, n)
		}
		leaves = leaves[:n]
		sums := func(h *leafHasher, from, to int) {
			for i := from; i < to; i++ {
				leaves[i] = h.sum(f.line(i))
			}
		}
		var wait sync.WaitGroup
		var bad error
		wait.Go(func() {
			defer audit.Guard(&bad)
			sums(&other, n/2, n)
		})
		sums(&mine, 0, n/2)
		wait.Wait()
		for i := range leaves {
			f.tree.addLeaf(leaves[i])
		}
		return bad
	})
}
