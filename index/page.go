package index

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/bits"
	"slices"
)

// A page holds words that follow one another, each as how many bytes it begins
// with that the one before begins with too, how many other bytes follow, these,
// and the documents that have it; and 4 bytes of CRC-32C at its end. Documents
// are a number whose two lowest bits say how they are written, and what follows:
//
//	0  the number is the one document
//	1  so many bytes: the first document, then what each is more than the one before
//	2  so many bytes: a bit for each document, the lowest bit of a byte first
const (
	oneDocument = iota
	listed
	mapped
)

// pageSize is how large a page is at least, but for the last one of a segment.
// A question for a word reads one page of each segment.
const pageSize = 4 << 10

const pageSum = 4 // bytes of the checksum

// appendDocs appends documents, which are in order.
func appendDocs(dst []byte, docs []uint32, of int) []byte {
	if len(docs) == 1 {
		return binary.AppendUvarint(dst, uint64(docs[0])<<2|oneDocument)
	}
	size, last := 0, uint32(0)
	for _, d := range docs {
		size += uvarintLen(d - last)
		last = d
	}
	if whole := (of + 7) / 8; whole < size {
		dst = binary.AppendUvarint(dst, uint64(whole)<<2|mapped)
		at := len(dst)
		dst = append(dst, make([]byte, whole)...)
		for _, d := range docs {
			dst[at+int(d/8)] |= 1 << (d % 8)
		}
		return dst
	}
	dst = binary.AppendUvarint(dst, uint64(size)<<2|listed)
	last = 0
	for _, d := range docs {
		dst = binary.AppendUvarint(dst, uint64(d-last))
		last = d
	}
	return dst
}

func uvarintLen(n uint32) int { return (bits.Len32(n|1) + 6) / 7 }

// A reader reads numbers and bytes. What is not there makes it bad.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) number() uint64 {
	if len(r.rest) > 0 && r.rest[0] < 0x80 {
		n := r.rest[0]
		r.rest = r.rest[1:]
		return uint64(n)
	}
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// count is the number of things that follow, each of a byte at least.
func (r *reader) count() int {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return 0
	}
	return int(n)
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// A cursor goes through the words of a segment in order.
type cursor struct {
	s    *segment
	page int    // the next one
	read []byte // the page that is read
	r    reader // what is left of it

	term   []byte // the word; changed by next
	shared int    // how many bytes it has in common with the word before on its page
	how    uint64
	list   []byte
	err    error
}

// cursor stands before the first word.
func (s *segment) cursor() *cursor { return &cursor{s: s} }

// next goes to the next word, and is false after the last and with an error.
func (c *cursor) next() bool {
	if len(c.r.rest) == 0 && !c.turn() {
		return false
	}
	shared := int(c.r.number())
	suffix := c.r.take(c.r.number())
	c.how = c.r.number()
	c.list = nil
	if c.how&3 != oneDocument {
		c.list = c.r.take(c.how >> 2)
	}
	if c.r.bad || shared > len(c.term) || c.how&3 > mapped {
		return c.fail(errDamaged)
	}
	c.shared = shared
	c.term = append(c.term[:shared], suffix...)
	return true
}

// from goes from before the first word of a page to the first that is not before a
// word. One that has more in common with the one before it than that has with the
// word is as much before the word, and is not looked at.
func (c *cursor) from(word string) bool {
	for common := 0; c.next(); {
		if c.shared > common {
			continue
		}
		common = commonPrefix(c.term, word)
		if common == len(word) || common < len(c.term) && c.term[common] > word[common] {
			return true
		}
	}
	return false
}

// turn reads the next page.
func (c *cursor) turn() bool {
	if c.err != nil || c.page == len(c.s.pages) {
		return false
	}
	at, end := c.s.extent(c.page)
	size := int(end - at)
	c.read = slices.Grow(c.read[:0], size)[:size]
	if _, err := c.s.in.ReadAt(c.read, at); err != nil {
		return c.fail(err)
	}
	body := size - pageSum
	if body <= 0 || crc32.Checksum(c.read[:body], castagnoli) != binary.BigEndian.Uint32(c.read[body:]) {
		return c.fail(errDamaged)
	}
	c.r, c.term = reader{rest: c.read[:body]}, c.term[:0]
	c.page++
	return true
}

func (c *cursor) fail(err error) bool {
	c.err = fmt.Errorf("read %s: %w", c.s.name(), err)
	c.r.rest = nil
	return false
}

// extent is where a page begins and ends.
func (s *segment) extent(page int) (at, end int64) {
	if page+1 < len(s.pages) {
		return s.pages[page].at, s.pages[page+1].at
	}
	return s.pages[page].at, s.end
}

// documents appends those that have the word.
func (c *cursor) documents(dst []uint32) ([]uint32, error) {
	n := uint64(len(c.s.blocks))
	switch c.how & 3 {
	case oneDocument:
		if c.how>>2 >= n {
			c.fail(errDamaged)
		}
		return append(dst, uint32(c.how>>2)), c.err
	case mapped:
		for i, b := range c.list {
			for ; b != 0; b &= b - 1 {
				dst = append(dst, uint32(i*8+bits.TrailingZeros8(b)))
			}
		}
	default:
		r, d := reader{rest: c.list}, uint64(0)
		for len(r.rest) > 0 {
			d += r.number()
			dst = append(dst, uint32(d))
		}
		if r.bad {
			c.fail(errDamaged)
		}
	}
	if len(dst) > 0 && uint64(dst[len(dst)-1]) >= n {
		c.fail(errDamaged)
	}
	return dst, c.err
}

// pageOf is the page on which a word is, if it is there.
func (s *segment) pageOf(word string) int {
	n, found := slices.BinarySearchFunc(s.pages, word, func(p pageRef, w string) int {
		switch {
		case p.first < w:
			return -1
		case p.first > w:
			return 1
		}
		return 0
	})
	if !found {
		n--
	}
	return max(n, 0)
}
