package store

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/dgraph-io/badger/v4"
)

// imageShapes are the shapes of last images. A record's names are those of all the
// others of its table, and a third of a body: so a body is kept as the number of its
// shape and what stands between the names. It is the writer's own; what is on disk is
// only added to. The zero value has no shape.
type imageShapes struct {
	all   []imageShape
	known map[string]int // by what is on disk of a shape
	size  int            // bytes of all
	saved int            // how many are on disk
	key   []byte         // of a body that is looked at
}

// An imageShape is the head of an object and the names of its attributes in their
// order, as CBOR has them; the head stands before the first name.
type imageShape [][]byte

// Bodies beyond these limits are kept as they are: names are anybody's to choose.
const (
	mostShapes     = 1024
	mostShapeBytes = 256 << 10
)

// plainBody is the shape of a body that has none.
const plainBody = -1

// A packedBody is a body as a last image has it: 1 + the number of its shape as a
// uvarint and the values, or 0 and the body as it is. Nil is no body.
type packedBody []byte

// pack appends a packed body, and says which shape it has; guess is one that it may
// have.
func (s *imageShapes) pack(dst []byte, body []byte, guess int) ([]byte, int) {
	if guess >= 0 && guess < len(s.all) {
		if packed, ok := s.all[guess].pack(binary.AppendUvarint(dst, uint64(guess)+1), body); ok {
			return packed, guess
		}
	}
	if shape := s.shapeOf(body); shape != plainBody {
		if packed, ok := s.all[shape].pack(binary.AppendUvarint(dst, uint64(shape)+1), body); ok {
			return packed, shape
		}
	}
	return append(append(dst, 0), body...), plainBody
}

// pack appends what stands between the names, if the body has them.
func (s imageShape) pack(dst, body []byte) ([]byte, bool) {
	for _, name := range s {
		if !bytes.HasPrefix(body, name) {
			return dst, false
		}
		body = body[len(name):]
		size := cborLen(body)
		if size == 0 {
			return dst, false
		}
		dst, body = append(dst, body[:size]...), body[size:]
	}
	return dst, len(body) == 0
}

// shapeOf is the number of a body's shape, which it gets now if it has none.
func (s *imageShapes) shapeOf(body []byte) int {
	n, size := cborHead(body)
	if size == 0 || body[0]&0xe0 != cborMap || n == 0 || n > maxAttributes {
		return plainBody
	}
	s.key = append(s.key[:0], body[:size]...)
	rest := body[size:]
	for range n {
		name := nameLen(rest)
		if name == 0 {
			return plainBody
		}
		s.key = append(s.key, rest[:name]...)
		size := cborLen(rest[name:])
		if size == 0 || len(s.key) > mostShapeBytes {
			return plainBody
		}
		rest = rest[name+size:]
	}
	if shape, known := s.known[string(s.key)]; known {
		return shape
	}
	if len(rest) > 0 || len(s.all) == mostShapes || s.size+len(s.key) > mostShapeBytes || s.add(bytes.Clone(s.key)) != nil {
		return plainBody
	}
	return len(s.all) - 1
}

// add takes a shape as it is on disk: the head of an object and its names.
func (s *imageShapes) add(shape []byte) error {
	n, size := cborHead(shape)
	if size == 0 || shape[0]&0xe0 != cborMap || n == 0 || n > maxAttributes {
		return fmt.Errorf("%w: no head of an object", ErrCorrupt)
	}
	var names imageShape
	from := 0
	for at := size; at < len(shape); {
		name := nameLen(shape[at:])
		if name == 0 {
			return fmt.Errorf("%w: no name", ErrCorrupt)
		}
		at += name
		names = append(names, shape[from:at])
		from = at
	}
	if uint64(len(names)) != n {
		return fmt.Errorf("%w: %d names for %d attributes", ErrCorrupt, len(names), n)
	}
	if s.known == nil {
		s.known = map[string]int{}
	}
	s.known[string(shape)] = len(s.all)
	s.all, s.size = append(s.all, names), s.size+len(shape)
	return nil
}

// shapeIn is the shape of a packed body.
func shapeIn(p packedBody) int {
	shape, _ := binary.Uvarint(p)
	return int(min(shape, mostShapes)) - 1
}

// unpack appends a packed body as it was.
func (s *imageShapes) unpack(dst []byte, p packedBody) ([]byte, error) {
	shape, size := binary.Uvarint(p)
	if size <= 0 || shape > uint64(len(s.all)) {
		return dst, fmt.Errorf("%w: a last image of an unknown shape", ErrCorrupt)
	}
	rest := p[size:]
	if shape == 0 {
		return append(dst, rest...), nil
	}
	for _, name := range s.all[shape-1] {
		size := cborLen(rest)
		if size == 0 {
			return dst, fmt.Errorf("%w: a last image that is not of its shape", ErrCorrupt)
		}
		dst = append(append(dst, name...), rest[:size]...)
		rest = rest[size:]
	}
	if len(rest) > 0 {
		return dst, fmt.Errorf("%w: a last image that is not of its shape", ErrCorrupt)
	}
	return dst, nil
}

// unpackedSize is at most how long a packed body is when it is unpacked.
func (s *imageShapes) unpackedSize(p packedBody) int {
	shape, size := binary.Uvarint(p)
	if size <= 0 || shape == 0 || shape > uint64(len(s.all)) {
		return len(p)
	}
	n := len(p)
	for _, name := range s.all[shape-1] {
		n += len(name)
	}
	return n
}

func shapeKey(n int) []byte { return appendUint([]byte{byte(kindShape)}, uint64(n)) }

// bytes is a shape as it is on disk.
func (s imageShape) bytes() []byte { return bytes.Join(s, nil) }

// readShapes are the shapes on disk, by their numbers.
func readShapes(txn *badger.Txn) (*imageShapes, error) {
	s := &imageShapes{}
	err := scan(txn, []byte{byte(kindShape)}, func(key, payload []byte) error {
		if n, err := parseUint(key[1:]); err != nil || n != uint64(len(s.all)) {
			return fmt.Errorf("%w: shape %d of last images is missing", ErrCorrupt, len(s.all))
		}
		if err := s.add(bytes.Clone(payload)); err != nil {
			return fmt.Errorf("shape %d of last images: %w", len(s.all), err)
		}
		return nil
	})
	s.saved = len(s.all)
	return s, err
}

// saveShapes writes the shapes that are not on disk, before images that have them.
func (db *DB) saveShapes(s *imageShapes) error {
	if s.saved == len(s.all) {
		return nil
	}
	err := db.commit(func(txn *badger.Txn) error {
		for n := s.saved; n < len(s.all); n++ {
			if err := set(txn, shapeKey(n), s.all[n].bytes()); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		s.saved = len(s.all)
	}
	return err
}
