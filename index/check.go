package index

import (
	"errors"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
)

// check reads all pages of all segments, each of which has its checksum. A
// damaged one could otherwise be found as late as when a question needs it.
func (x *Index) check() (err error) {
	snapshot, err := x.snapshot()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	for _, s := range snapshot.Segments() {
		d, err := dictionary(s)
		if err == nil {
			err = d.check()
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrRebuild, err)
		}
	}
	return nil
}

// checkBlocks fails unless there is one document for each of so many blocks.
func checkBlocks(snapshot *scorch.IndexSnapshot, blocks int) error {
	var there roaring.Bitmap
	n := 0
	for _, s := range snapshot.Segments() {
		d, err := dictionary(s)
		if err != nil {
			return err
		}
		for doc, block := range d.blocks {
			if s.Deleted() == nil || !s.Deleted().Contains(uint32(doc)) {
				there.Add(block)
				n++
			}
		}
	}
	if n != blocks || int(there.GetCardinality()) != n || n > 0 && int(there.Maximum()) != n-1 {
		return fmt.Errorf("it holds %d documents of %d blocks, and should of %d", n, there.GetCardinality(), blocks)
	}
	return nil
}

// dictionary is our part of a segment.
func dictionary(s *scorch.SegmentSnapshot) (*segment, error) {
	switch s := s.Segment().(type) {
	case memorySegment:
		return s.segment, nil
	case fileSegment:
		return s.segment, nil
	}
	return nil, fmt.Errorf("a segment of kind %T", s.Segment())
}
