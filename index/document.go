package index

import (
	"encoding/binary"

	bleveindex "github.com/blevesearch/bleve_index_api"
)

// A document is a block as bleve's batches name it. The words are handed over
// by the plugin's New, all at once.
type document struct {
	block uint32
	of    *words
}

var _ bleveindex.Document = document{}

// blockID is a block as a document's id: 4 bytes, big-endian.
func blockID(block uint32) string {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], block)
	return string(b[:])
}

func blockOfID(id string) uint32 { return binary.BigEndian.Uint32([]byte(id)) }

// ID is the block.
func (d document) ID() string { return blockID(d.block) }

// Size is nothing besides what the words take together.
func (d document) Size() int { return 0 }

// A document has no fields that bleve would have to analyse or keep.
func (d document) VisitFields(bleveindex.FieldVisitor)             {}
func (d document) VisitComposite(bleveindex.CompositeFieldVisitor) {}
func (d document) HasComposite() bool                              { return false }
func (d document) NumPlainTextBytes() uint64                       { return 0 }
func (d document) AddIDField()                                     {}
func (d document) StoredFieldsBytes() uint64                       { return 0 }
func (d document) Indexed() bool                                   { return true }
