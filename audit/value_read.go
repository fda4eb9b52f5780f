package audit

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

// A JSONReader reads JSON values, as FromJSON does, from texts in which other
// things may follow them. It keeps memory from one value to the next; none of it
// is part of a value. The zero value is ready. It is for one goroutine.
type JSONReader struct {
	data  []byte
	pos   int
	spans []span // attributes of the objects that are open
	out   []byte
	spare []byte // where an object's attributes are put in order

	shapes shape // of the objects that were read
	learnt int   // how many there are
	parts  []part
}

// Read is the value with which data begins, and what follows it. White space
// before it is no part of either.
func (r *JSONReader) Read(data []byte) (Value, []byte, error) {
	if v, end := r.shaped(data); v != nil {
		return v, data[end:], nil
	}
	return r.read(data, MaxDepth)
}

func (r *JSONReader) read(data []byte, maxDepth int) (Value, []byte, error) {
	r.data, r.pos, r.spans = data, 0, r.spans[:0]
	out, err := r.item(r.out[:0], maxDepth)
	r.data = nil
	if err != nil {
		return nil, nil, fmt.Errorf("read JSON: %w", err)
	}
	r.out = out
	if cap(r.out) > roomy || cap(r.spare) > roomy {
		r.out, r.spare = nil, nil
		return out, data[r.pos:], nil
	}
	return bytes.Clone(out), data[r.pos:], nil
}

// roomy is how much memory is kept for the next value.
const roomy = 1 << 20

// Skip is what follows the value with which data begins. It errs when that is
// no JSON or nests deeper than MaxDepth; of numbers it takes those of any length.
func (r *JSONReader) Skip(data []byte) ([]byte, error) {
	if end := passValue(data, 0, MaxDepth); end >= 0 {
		return data[end:], nil
	}
	r.data, r.pos = data, 0
	err := r.pass(MaxDepth)
	r.data = nil
	if err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	return data[r.pos:], nil
}

// next is the next byte that is no white space; it is not consumed.
func (r *JSONReader) next() (byte, error) {
	for ; r.pos < len(r.data); r.pos++ {
		switch c := r.data[r.pos]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c, nil
		}
	}
	return 0, ErrTruncated
}

// more steps to the next element of a container, the first or one after a comma,
// and says whether there is one; if not, the container is left.
func (r *JSONReader) more(closer byte, first bool) (bool, error) {
	c, err := r.next()
	switch {
	case err != nil:
		return false, err
	case c == closer:
		r.pos++
		return false, nil
	case first:
		return true, nil
	case c != ',':
		return false, unexpectedByte(c, "a comma")
	}
	r.pos++
	if c, err = r.next(); err == nil && c == closer {
		err = unexpectedByte(c, "a value")
	}
	return true, err
}

// colon passes what stands between a name and its value.
func (r *JSONReader) colon() error {
	c, err := r.next()
	if err == nil && c != ':' {
		err = unexpectedByte(c, "a colon")
	}
	r.pos++
	return err
}

func unexpectedByte(c byte, want string) error { return fmt.Errorf("%q where %s belongs", c, want) }

// item appends the next value, which may nest so many levels deep.
func (r *JSONReader) item(dst []byte, depth int) ([]byte, error) {
	if depth < 0 {
		return nil, ErrTooDeep
	}
	c, err := r.next()
	if err != nil {
		return nil, err
	}
	switch c {
	case '"':
		return r.text(dst)
	case '{':
		return r.object(dst, depth)
	case '[':
		return r.array(dst, depth)
	case 't', 'f', 'n':
		return r.word(dst, c)
	}
	return r.number(dst, c)
}

func (r *JSONReader) word(dst []byte, first byte) ([]byte, error) {
	word, simple := "null", byte(simpleNull)
	switch first {
	case 't':
		word, simple = "true", simpleTrue
	case 'f':
		word, simple = "false", simpleFalse
	}
	rest := r.data[r.pos:]
	switch {
	case len(rest) < len(word):
		return nil, ErrTruncated
	case string(rest[:len(word)]) != word:
		return nil, fmt.Errorf("%q is no value", rest[:len(word)])
	}
	r.pos += len(word)
	return append(dst, simple), nil
}

func (r *JSONReader) array(dst []byte, depth int) ([]byte, error) {
	r.pos++
	start, n := len(dst), uint64(0)
	for ; ; n++ {
		more, err := r.more(']', n == 0)
		if err != nil {
			return nil, err
		}
		if !more {
			return insertHead(dst, start, majorArray, n), nil
		}
		if dst, err = r.item(dst, depth-1); err != nil {
			return nil, err
		}
	}
}

func (r *JSONReader) object(dst []byte, depth int) ([]byte, error) {
	r.pos++
	start, outer := len(dst), len(r.spans)
	for first := true; ; first = false {
		more, err := r.more('}', first)
		if err != nil {
			return nil, err
		}
		if !more {
			dst, r.spare = finishObject(dst, start, r.spans[outer:], r.spare)
			r.spans = r.spans[:outer]
			return dst, nil
		}
		c, err := r.next()
		if err == nil && c != '"' {
			err = unexpectedByte(c, "a name")
		}
		if err != nil {
			return nil, err
		}
		name := len(dst)
		if dst, err = r.text(dst); err != nil {
			return nil, err
		}
		if err := r.colon(); err != nil {
			return nil, err
		}
		val := len(dst)
		if dst, err = r.item(dst, depth-1); err != nil {
			return nil, err
		}
		r.spans = append(r.spans, spanOf(dst, name, val))
	}
}

// text appends the string that comes next.
func (r *JSONReader) text(dst []byte) ([]byte, error) {
	raw, plain, err := r.quoted()
	if err != nil {
		return nil, err
	}
	if inner := raw[1 : len(raw)-1]; plain || utf8.Valid(inner) && bytes.IndexByte(inner, '\\') < 0 {
		return append(appendHead(dst, majorText, uint64(len(inner))), inner...), nil
	}
	var s string // with escapes, or bytes that are not UTF-8
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	return appendText(dst, s), nil
}

// quoted passes the string that comes next and returns it with its quotes.
// Plain says that nothing in it has to be looked at again.
func (r *JSONReader) quoted() (raw []byte, plain bool, err error) {
	i := r.pos + 1
	plain = true
	for {
		if i < len(r.data) {
			i += plainLen(r.data[i:])
		}
		if i >= len(r.data) {
			return nil, false, ErrTruncated
		}
		switch c := r.data[i]; {
		case c == '"':
			raw = r.data[r.pos : i+1]
			r.pos = i + 1
			return raw, plain, nil
		case c < ' ':
			return nil, false, fmt.Errorf("byte %#02x within a string", c)
		case c == '\\':
			i++ // what it escapes is no end of the string
		}
		plain = false
		i++
	}
}

// plainLen is how many bytes s begins with that a JSON string holds as they
// are: ASCII, no controls, no quote, no backslash.
func plainLen(s []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := binary.LittleEndian.Uint64(s[i:])
		q, b := w^(ones*'"'), w^(ones*'\\')
		// The lowest byte that is marked is right; those above it may not be.
		if m := (w | (w - ones*' ') | (q - ones) | (b - ones)) & highs; m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			break
		}
	}
	return i
}
