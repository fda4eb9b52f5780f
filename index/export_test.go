package index

import (
	"errors"
	"slices"
	"time"
)

// Hurry has the index wait less for what does not come.
func (x *Index) Hurry() { x.patience = 500 * time.Millisecond }

// Everything visits all words of the index with the blocks that have them.
func (x *Index) Everything(visit func(word []byte, block uint32)) (err error) {
	s, err := x.snapshot()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for _, s := range s.Segments() {
		d, err := dictionary(s)
		if err != nil {
			return err
		}
		c := d.cursor()
		for c.next() {
			docs, err := c.documents(nil)
			if err != nil {
				return err
			}
			for _, n := range docs {
				if s.Deleted() == nil || !s.Deleted().Contains(n) {
					visit(slices.Clone(c.term), d.blocks[n])
				}
			}
		}
		if c.err != nil {
			return c.err
		}
	}
	return nil
}
