package harper

import (
	"bytes"
	"errors"
	"io"

	"recourse/audit"
)

// Tokens walk the outer structure of an answer, in JSON or in CBOR, while the
// values in it are framed as bytes and decoded one by one. Nothing in it
// recurses and nothing is sized by what the answer claims, so an answer that
// nests without end or promises four billion elements costs no memory.
type tokens interface {
	// kind says what comes next without reading it.
	kind() (tokenKind, error)
	// open enters the array or map that comes next.
	open() error
	// more says whether the innermost open array or map has another element;
	// when it has not, it is left.
	more() (bool, error)
	// key reads the name of a map's next element.
	key() (string, error)
	// frame is the next value's bytes, valid until the next call. A value of
	// more than limit bytes is read past and errTooLarge.
	frame(limit int) ([]byte, error)
	// decode makes a value of what frame returned.
	decode(raw []byte) (audit.Value, error)
	// lossy says that the format has no dates, bytes or NaN.
	lossy() bool
	// end says whether nothing follows.
	end() error
}

type tokenKind uint8

const (
	otherToken tokenKind = iota
	arrayToken
	mapToken
)

// Limits on what is read whole.
const (
	maxKey    = 1 << 10 // a name in the outer structure; longer ones are no name of Harper's
	maxHeader = 1 << 20 // an operation, a user name, an error
)

// value frames and decodes the next value, which is small.
func value(t tokens) (audit.Value, error) {
	raw, err := t.frame(maxHeader)
	if err != nil {
		return nil, err
	}
	return t.decode(raw)
}

// sniff tells JSON from CBOR by the first byte: an answer is an array or a map,
// and there the two have no byte in common.
func sniff(in *input) (tokens, error) {
	if err := in.need(1); err != nil {
		return nil, err
	}
	if in.buf[in.r] == 0xef && in.need(4) == nil && bytes.Equal(in.buf[in.r:in.r+3], []byte("\uFEFF")) {
		in.r += 3 // a byte order mark, which editors leave in files
	}
	switch first := in.buf[in.r]; {
	case first>>5 == cborArray || first>>5 == cborMap:
		return &cborTokens{in: in}, nil
	case first < 0x80:
		return &jsonTokens{in: in}, nil
	}
	return nil, errBroken
}

// broken says that the answer cannot be read on from here, in contrast to one
// value of it that cannot be decoded.
func broken(err error) bool {
	return errors.Is(err, errBroken) || errors.Is(err, io.ErrUnexpectedEOF)
}
