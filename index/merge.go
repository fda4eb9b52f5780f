package index

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	api "github.com/blevesearch/scorch_segment_api/v2"
)

// Merge writes a segment with all documents of others but the dropped ones, and
// tells the number that each has in it.
func (plugin) Merge(in []api.Segment, drops []*roaring.Bitmap, path string, stop chan struct{}, _ api.StatsReporter) (_ [][]uint64, _ uint64, err error) {
	m := merge{stop: stop}
	for i, s := range in {
		switch s := s.(type) {
		case fileSegment:
			m.add(s.segment, drops[i])
		case memorySegment:
			m.add(s.segment, drops[i])
		default:
			return nil, 0, fmt.Errorf("merge a segment of kind %T", s)
		}
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, 0, err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	out := bufio.NewWriterSize(f, 1<<18)
	b := &builder{out: out, blocks: m.number()}
	if err := m.run(b); err != nil {
		return nil, 0, err
	}
	if err := b.finish(); err != nil {
		return nil, 0, err
	}
	if err := out.Flush(); err != nil {
		return nil, 0, err
	}
	return m.renumbered(), uint64(b.at), f.Sync()
}

// MergeUsing is Merge.
func (p plugin) MergeUsing(in []api.Segment, drops []*roaring.Bitmap, path string, stop chan struct{}, r api.StatsReporter, _ map[string]any) ([][]uint64, uint64, error) {
	return p.Merge(in, drops, path, stop, r)
}

// A merge reads several segments at once.
type merge struct {
	inputs []*input
	stop   chan struct{}
}

// An input is one of the segments.
type input struct {
	*cursor
	drops *roaring.Bitmap
	docs  []uint32 // the number that each document gets, or dropped
	found []uint32 // space to work in
	first uint32   // the lowest of docs
	begin uint64   // the first bytes of the word
}

const dropped = math.MaxUint32

func (m *merge) add(s *segment, drops *roaring.Bitmap) {
	m.inputs = append(m.inputs, &input{cursor: s.cursor(), drops: drops, docs: make([]uint32, len(s.blocks)), first: dropped})
}

// number gives the documents that stay their numbers, by their blocks, and
// returns these.
func (m *merge) number() []uint32 {
	type place struct {
		block uint32
		of    *input
		doc   int
	}
	var all []place
	for _, in := range m.inputs {
		for doc, block := range in.s.blocks {
			in.docs[doc] = dropped
			if in.drops == nil || !in.drops.Contains(uint32(doc)) {
				all = append(all, place{block, in, doc})
			}
		}
	}
	slices.SortFunc(all, func(a, b place) int { return cmp.Compare(a.block, b.block) })
	blocks := make([]uint32, len(all))
	for i, p := range all {
		blocks[i], p.of.docs[p.doc] = p.block, uint32(i)
		p.of.first = min(p.of.first, uint32(i))
	}
	return blocks
}

// run merges the words.
func (m *merge) run(b *builder) error {
	var ahead inputs
	for _, in := range m.inputs {
		if err := ahead.put(in); err != nil {
			return err
		}
	}
	var word []byte
	var docs []uint32
	for n := 0; len(ahead) > 0; n++ {
		if n%1000 == 0 && m.stopped() {
			return api.ErrClosed
		}
		word, docs = append(word[:0], ahead[0].term...), docs[:0]
		for len(ahead) > 0 && bytes.Equal(ahead[0].term, word) {
			var err error
			if docs, err = ahead[0].renumber(docs); err != nil {
				return err
			}
			if err := ahead.advance(); err != nil {
				return err
			}
		}
		if len(docs) == 0 {
			continue
		}
		if !slices.IsSorted(docs) { // as those of segments that are not one behind the other
			slices.Sort(docs)
		}
		if err := b.add(word, docs); err != nil {
			return err
		}
	}
	return nil
}

// inputs are those that have a word left, in the order of these, and those of one word
// in that of their documents.
type inputs []*input

// put goes to an input's next word and puts it in, unless it has none.
func (ahead *inputs) put(in *input) error {
	*ahead = append(inputs{in}, *ahead...)
	return ahead.advance()
}

// advance goes to the first input's next word and puts it where it belongs, or takes it
// out if it has none.
func (ahead *inputs) advance() error {
	in, rest := (*ahead)[0], (*ahead)[1:]
	if !in.next() {
		*ahead = rest
		return in.err
	}
	var begin [8]byte
	copy(begin[:], in.term)
	in.begin = binary.BigEndian.Uint64(begin[:])
	at := 0
	if len(rest) > 0 && rest[0].before(in) {
		at, _ = slices.BinarySearchFunc(rest, in, func(o, in *input) int {
			if o.before(in) {
				return -1
			}
			return 1
		})
	}
	copy(*ahead, rest[:at])
	(*ahead)[at] = in
	return nil
}

// before says that an input's word comes before another's, or is the same and its
// documents do.
func (in *input) before(o *input) bool {
	if in.begin != o.begin {
		return in.begin < o.begin
	}
	return cmp.Or(bytes.Compare(in.term, o.term), cmp.Compare(in.first, o.first)) < 0
}

// renumber appends the new numbers of the documents that have the input's word.
func (in *input) renumber(docs []uint32) ([]uint32, error) {
	var err error
	if in.found, err = in.documents(in.found[:0]); err != nil {
		return nil, err
	}
	for _, d := range in.found {
		if d = in.docs[d]; d != dropped {
			docs = append(docs, d)
		}
	}
	return docs, nil
}

func (m *merge) stopped() bool {
	select {
	case <-m.stop:
		return true
	default:
		return false
	}
}

// renumbered is the new numbers as bleve wants them.
func (m *merge) renumbered() [][]uint64 {
	all := make([][]uint64, len(m.inputs))
	for i, in := range m.inputs {
		all[i] = make([]uint64, len(in.docs))
		for j, d := range in.docs {
			all[i][j] = uint64(d)
			if d == dropped {
				all[i][j] = math.MaxUint64
			}
		}
	}
	return all
}
