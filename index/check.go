package index

import (
	"errors"
	"fmt"

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
