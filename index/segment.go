package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"
	scorch "github.com/blevesearch/scorch_segment_api/v2"
)

// A segment is an immutable dictionary: words in order, and for each the
// documents that have it. It is what bleve keeps an index in, by a plugin of our
// own ([plugin]). Numbers are unsigned varints unless said otherwise.
//
//	pages   words of some KiB, see page.go
//	table   blocks: how many, the first, then what each is more than the one before
//	        pages: how many, then of each its length, and its first word's length and bytes
//	footer  number of words (8 bytes), place of the table (8), CRC-32C of table and
//	        footer up to here (4), magic (4); big-endian
//
// A document's number within the segment is its place among the blocks, which
// are in order. Each page has a checksum of its own, so every byte is in one.
type segment struct {
	in     io.ReaderAt
	memory []byte   // the whole segment, if it is in no file yet
	file   *os.File // or the file
	refs   atomic.Int64

	words  int      // how many
	blocks []uint32 // of each document
	pages  []pageRef
	end    int64 // of the pages

	// any are the documents that have anyWord, once they were asked for.
	any struct {
		sync.Mutex
		docs []uint32
	}
}

// A pageRef says where a page is and with which word it begins.
type pageRef struct {
	at    int64
	first string
}

const (
	segmentMagic = 0x72637732 // rcw2
	footerSize   = 24
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errDamaged says that a segment is not as it was written.
var errDamaged = errors.New("it is damaged")

var (
	_ scorch.UnpersistedSegment = memorySegment{}
	_ scorch.PersistedSegment   = fileSegment{}
)

// A memorySegment is one that is in no file yet, and a fileSegment one that is:
// bleve tells them apart by their methods.
type (
	memorySegment struct{ *segment }
	fileSegment   struct{ *segment }
)

// Path is the segment's file.
func (s fileSegment) Path() string { return s.file.Name() }

// Persist writes the segment to a file and the disk.
func (s memorySegment) Persist(path string) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(s.memory); err != nil {
		return err
	}
	return f.Sync()
}

// openSegment opens a file.
func openSegment(path string) (_ *segment, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	var s *segment
	if err == nil {
		s, err = readSegment(f, info.Size())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", filepath.Base(path), err), f.Close())
	}
	s.file = f
	return s, nil
}

// readSegment reads the footer and the table.
func readSegment(in io.ReaderAt, size int64) (*segment, error) {
	if size < footerSize {
		return nil, errDamaged
	}
	var foot [footerSize]byte
	if _, err := in.ReadAt(foot[:], size-footerSize); err != nil {
		return nil, err
	}
	at := binary.BigEndian.Uint64(foot[8:])
	if binary.BigEndian.Uint32(foot[20:]) != segmentMagic || at > uint64(size-footerSize) {
		return nil, errDamaged
	}
	table := make([]byte, size-int64(at)-8)
	if _, err := in.ReadAt(table, int64(at)); err != nil {
		return nil, err
	}
	if crc32.Checksum(table, castagnoli) != binary.BigEndian.Uint32(foot[16:]) {
		return nil, errDamaged
	}
	s := &segment{in: in, words: int(binary.BigEndian.Uint64(foot[:])), end: int64(at)}
	s.refs.Store(1)
	r := reader{rest: table[:len(table)-16]}
	s.blocks = make([]uint32, 0, r.count())
	block := uint32(0)
	for range cap(s.blocks) {
		block += uint32(r.number())
		s.blocks = append(s.blocks, block)
	}
	s.pages = make([]pageRef, 0, r.count())
	place := int64(0)
	for range cap(s.pages) {
		s.pages = append(s.pages, pageRef{at: place})
		place += int64(r.number())
		s.pages[len(s.pages)-1].first = string(r.take(r.number()))
	}
	if r.bad || len(r.rest) > 0 || place != s.end {
		return nil, errDamaged
	}
	return s, nil
}

// appendTable appends table and footer to what stands in a segment up to at.
func appendTable(dst []byte, at int64, words int, blocks []uint32, pages []pageRef) []byte {
	start := len(dst)
	dst = binary.AppendUvarint(dst, uint64(len(blocks)))
	last := uint32(0)
	for _, b := range blocks {
		dst = binary.AppendUvarint(dst, uint64(b-last))
		last = b
	}
	dst = binary.AppendUvarint(dst, uint64(len(pages)))
	for i, p := range pages {
		end := at
		if i+1 < len(pages) {
			end = pages[i+1].at
		}
		dst = binary.AppendUvarint(dst, uint64(end-p.at))
		dst = append(binary.AppendUvarint(dst, uint64(len(p.first))), p.first...)
	}
	dst = binary.BigEndian.AppendUint64(dst, uint64(words))
	dst = binary.BigEndian.AppendUint64(dst, uint64(at))
	dst = binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
	return binary.BigEndian.AppendUint32(dst, segmentMagic)
}

// check reads all pages.
func (s *segment) check() error {
	words := 0
	c := s.cursor()
	for c.next() {
		words++
	}
	if c.err == nil && words != s.words {
		return errDamaged
	}
	return c.err
}

// name is what the segment is called in errors.
func (s *segment) name() string {
	if s.file == nil {
		return "a segment in memory"
	}
	return filepath.Base(s.file.Name())
}

// document is the number of the document of a block, and whether there is one.
func (s *segment) document(block uint32) (int, bool) { return slices.BinarySearch(s.blocks, block) }

// Count is how many documents there are.
func (s *segment) Count() uint64 { return uint64(len(s.blocks)) }

// DocID is the id of a document: its block.
func (s *segment) DocID(n uint64) ([]byte, error) {
	if n >= s.Count() {
		return nil, fmt.Errorf("document %d of %d", n, s.Count())
	}
	return []byte(blockID(s.blocks[n])), nil
}

// DocNumbers are the numbers of the documents with these ids.
func (s *segment) DocNumbers(ids []string) (*roaring.Bitmap, error) {
	found := roaring.New()
	for _, id := range ids {
		if n, ok := s.document(blockOfID(id)); ok {
			found.Add(uint32(n))
		}
	}
	return found, nil
}

// Fields names the one field that there is.
func (s *segment) Fields() []string { return []string{"w"} }

// Size is about how many bytes of memory the segment takes.
func (s *segment) Size() int { return len(s.memory) + 4*len(s.blocks) + 40*len(s.pages) }

// Dictionary fails: bleve's own searches have no use of words without places and
// scores, and read them less directly than [Index.Blocks] does.
func (s *segment) Dictionary(string) (scorch.TermDictionary, error) {
	return nil, errors.New("this index is not searched by bleve")
}

// VisitStoredFields visits nothing, as nothing is stored.
func (s *segment) VisitStoredFields(uint64, scorch.StoredFieldValueVisitor) error { return nil }

// AddRef and DecRef count who uses the segment; with the last its file closes.
func (s *segment) AddRef() { s.refs.Add(1) }

func (s *segment) DecRef() error {
	if s.refs.Add(-1) == 0 && s.file != nil {
		return s.file.Close()
	}
	return nil
}

// Close is DecRef.
func (s *segment) Close() error { return s.DecRef() }

// BytesRead, ResetBytesRead and BytesWritten are statistics that nobody asks for.
func (s *segment) BytesRead() uint64     { return 0 }
func (s *segment) ResetBytesRead(uint64) {}
func (s *segment) BytesWritten() uint64  { return 0 }
