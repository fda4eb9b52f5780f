package index

import (
	"fmt"
	"sync"

	"github.com/blevesearch/bleve/v2/index/scorch"
	bleveindex "github.com/blevesearch/bleve_index_api"
	api "github.com/blevesearch/scorch_segment_api/v2"
)

// The kind of our segments. After a change to what a segment or a document
// holds, or to how words are cut, the version must change as well.
const (
	segmentKind    = "words"
	segmentVersion = 2
)

// A plugin makes, opens and merges bleve's segments.
type plugin struct{}

var _ scorch.SegmentPlugin = plugin{}

// register tells bleve of the plugin.
var register = sync.OnceFunc(func() { scorch.RegisterSegmentPlugin(plugin{}, false) })

// Type and Version say which segments the plugin knows.
func (plugin) Type() string    { return segmentKind }
func (plugin) Version() uint32 { return segmentVersion }

// New makes a segment of documents, which are all of one batch of words.
func (plugin) New(docs []bleveindex.Document) (api.Segment, uint64, error) {
	d, ok := docs[0].(document)
	if !ok || len(docs) != len(d.of.blocks) {
		return nil, 0, fmt.Errorf("%d documents of kind %T", len(docs), docs[0])
	}
	s, err := d.of.segment()
	if err != nil {
		return nil, 0, err
	}
	return memorySegment{s}, uint64(len(s.memory)), nil
}

// NewUsing is New.
func (p plugin) NewUsing(docs []bleveindex.Document, _ map[string]any) (api.Segment, uint64, error) {
	return p.New(docs)
}

// Open opens a segment's file.
func (plugin) Open(path string) (api.Segment, error) {
	s, err := openSegment(path)
	if err != nil {
		return nil, err
	}
	return fileSegment{s}, nil
}

// OpenUsing is Open.
func (p plugin) OpenUsing(path string, _ map[string]any) (api.Segment, error) { return p.Open(path) }

// mergePlan is when bleve merges segments: when more than eight of about one size
// have come together, up to sixteen of them. Sizes are in blocks. A bulk of
// changes comes as segments of 256, a tail as ones of one or a few.
var mergePlan = map[string]any{
	"MaxSegmentsPerTier":   8,
	"SegmentsPerMergeTask": 16,
	"TierGrowth":           16.0,
	"FloorSegmentSize":     1,
	"MaxSegmentSize":       1 << 20,
	"ReclaimDeletesWeight": 2.0,
}
