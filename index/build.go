package index

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"slices"
)

// A builder writes a segment: words in order, then the table.
type builder struct {
	out    io.Writer
	blocks []uint32 // of the documents
	at     int64
	pages  []pageRef
	page   []byte
	last   []byte // the word before on the page
	words  int
}

// add writes a word with the documents that have it, in order; at least one.
func (b *builder) add(word []byte, docs []uint32) error {
	shared := 0
	if len(b.page) == 0 {
		b.pages = append(b.pages, pageRef{b.at, string(word)})
	} else {
		shared = commonPrefix(b.last, word)
	}
	b.page = binary.AppendUvarint(b.page, uint64(shared))
	b.page = binary.AppendUvarint(b.page, uint64(len(word)-shared))
	b.page = append(b.page, word[shared:]...)
	b.page = appendDocs(b.page, docs, len(b.blocks))
	b.last = append(b.last[:shared], word[shared:]...)
	b.words++
	if len(b.page) < pageSize {
		return nil
	}
	return b.flush()
}

func commonPrefix[A, B string | []byte](a A, b B) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

func (b *builder) flush() error {
	if len(b.page) == 0 {
		return nil
	}
	b.page = binary.BigEndian.AppendUint32(b.page, crc32.Checksum(b.page, castagnoli))
	_, err := b.out.Write(b.page)
	b.at += int64(len(b.page))
	b.page = b.page[:0]
	return err
}

// finish writes what is left.
func (b *builder) finish() error {
	if err := b.flush(); err != nil {
		return err
	}
	_, err := b.out.Write(appendTable(nil, b.at, b.words, b.blocks, b.pages))
	return err
}

// segment makes a segment of the words, in memory.
func (w *words) segment() (*segment, error) {
	w.settle()
	var out bytes.Buffer
	b := &builder{out: &out, blocks: slices.Clone(w.blocks)}
	docs, ends := w.lists()
	for _, n := range w.sorted() {
		start := uint32(0)
		if n > 0 {
			start = ends[n-1]
		}
		if start == ends[n] {
			continue // of a block that was dropped
		}
		if err := b.add(w.term(n), docs[start:ends[n]]); err != nil {
			return nil, err
		}
	}
	if err := b.finish(); err != nil {
		return nil, err
	}
	s, err := readSegment(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		return nil, err
	}
	s.memory = out.Bytes()
	return s, nil
}

// lists are for each word the documents that have it, one word's after the
// other's, and where each word's end.
func (w *words) lists() (docs, ends []uint32) {
	docs, ends = make([]uint32, len(w.places)), make([]uint32, len(w.entries))
	sum := uint32(0)
	for n := range w.entries {
		ends[n] = sum // for now where they begin
		sum += w.entries[n].seen
	}
	for i, start := range w.starts {
		end := len(w.places)
		if i+1 < len(w.starts) {
			end = w.starts[i+1]
		}
		for _, n := range w.places[start:end] {
			docs[ends[n]] = uint32(i)
			ends[n]++
		}
	}
	return docs, ends
}
