package audit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"time"
)

// MaxDepth is how deep a value may nest. Deeper ones are refused, so that a
// hostile record cannot exhaust the stack of what walks it.
const MaxDepth = 256

// Errors of Decode and FromJSON.
var (
	ErrTooDeep   = fmt.Errorf("value nests deeper than %d", MaxDepth)
	ErrTruncated = errors.New("value breaks off")
)

// A head is what stands before every CBOR item.
type head struct {
	major      byte
	arg        uint64
	size       int  // of the head itself
	indefinite bool // the length is not given; a break ends the item
}

func readHead(b []byte) (head, error) {
	if len(b) == 0 {
		return head{}, ErrTruncated
	}
	h := head{major: b[0] >> 5, size: 1}
	switch info := b[0] & 31; {
	case info < 24:
		h.arg = uint64(info)
	case info <= 27:
		n := 1 << (info - 24)
		if len(b) < 1+n {
			return head{}, ErrTruncated
		}
		h.size += n
		switch n {
		case 1:
			h.arg = uint64(b[1])
		case 2:
			h.arg = uint64(binary.BigEndian.Uint16(b[1:]))
		case 4:
			h.arg = uint64(binary.BigEndian.Uint32(b[1:]))
		case 8:
			h.arg = binary.BigEndian.Uint64(b[1:])
		}
	case info == headIndefinite && h.major >= majorBytes && h.major <= majorMap:
		h.indefinite = true
	default:
		return head{}, fmt.Errorf("decode CBOR: head 0x%02x is not defined", b[0])
	}
	return h, nil
}

// Decode reads one CBOR item, in any of CBOR's forms, and returns it in the
// deterministic one. Nothing may follow it. Undefined is missing: nil at the
// top, no attribute within an object, null in an array.
func Decode(data []byte) (Value, error) {
	d := decoder{rest: data}
	v, err := d.item(make([]byte, 0, len(data)), 0)
	if err != nil {
		return nil, err
	}
	if len(d.rest) > 0 {
		return nil, fmt.Errorf("decode CBOR: %d bytes follow the value", len(d.rest))
	}
	if len(v) == 1 && v[0] == simpleUndefined {
		return nil, nil
	}
	return v, nil
}

type decoder struct{ rest, spare []byte }

// item appends the next item in deterministic form.
func (d *decoder) item(dst []byte, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return nil, ErrTooDeep
	}
	h, err := readHead(d.rest)
	if err != nil {
		return nil, err
	}
	first := d.rest[0]
	d.rest = d.rest[h.size:]
	switch h.major {
	case majorUint, majorNegative:
		return appendHead(dst, h.major, h.arg), nil
	case majorBytes, majorText:
		s, err := d.chunks(h)
		if err != nil {
			return nil, err
		}
		if h.major == majorText {
			return appendTextBytes(dst, s), nil
		}
		return append(appendHead(dst, majorBytes, uint64(len(s))), s...), nil
	case majorArray:
		return d.array(dst, h, depth)
	case majorMap:
		return d.object(dst, h, depth)
	case majorTag:
		return d.tagged(dst, h, depth)
	default:
		return decodeSimple(dst, first, h.arg)
	}
}

// chunks reads a string's content: at once, or in pieces up to a break.
func (d *decoder) chunks(h head) ([]byte, error) {
	if !h.indefinite {
		return d.take(h.arg)
	}
	var all []byte
	for {
		if d.atBreak() {
			return all, nil
		}
		c, err := readHead(d.rest)
		if err != nil {
			return nil, err
		}
		if c.major != h.major || c.indefinite {
			return nil, errors.New("decode CBOR: a string's piece is no string")
		}
		d.rest = d.rest[c.size:]
		part, err := d.take(c.arg)
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
	}
}

func (d *decoder) take(n uint64) ([]byte, error) {
	if n > uint64(len(d.rest)) {
		return nil, ErrTruncated
	}
	part := d.rest[:n]
	d.rest = d.rest[n:]
	return part, nil
}

// atBreak consumes a break, if one is next.
func (d *decoder) atBreak() bool {
	if len(d.rest) > 0 && d.rest[0] == 0xff {
		d.rest = d.rest[1:]
		return true
	}
	return false
}

func (d *decoder) array(dst []byte, h head, depth int) ([]byte, error) {
	start, n := len(dst), uint64(0)
	for ; h.indefinite || n < h.arg; n++ {
		if h.indefinite && d.atBreak() {
			break
		}
		at := len(dst)
		var err error
		if dst, err = d.item(dst, depth+1); err != nil {
			return nil, err
		}
		if dst[at] == simpleUndefined {
			dst[at] = simpleNull
		}
	}
	return insertHead(dst, start, majorArray, n), nil
}

func (d *decoder) object(dst []byte, h head, depth int) ([]byte, error) {
	start := len(dst)
	var few [16]span
	spans := few[:0]
	for n := uint64(0); h.indefinite || n < h.arg; n++ {
		if h.indefinite && d.atBreak() {
			break
		}
		name := len(dst)
		var err error
		if dst, err = d.item(dst, depth+1); err != nil {
			return nil, err
		}
		if dst[name]>>5 != majorText {
			dst = appendText(dst[:name], mapName(dst[name:])) // a JavaScript Map
		}
		val := len(dst)
		if dst, err = d.item(dst, depth+1); err != nil {
			return nil, err
		}
		if dst[val] == simpleUndefined {
			dst = dst[:name]
			continue
		}
		spans = append(spans, spanOf(dst, name, val))
	}
	dst, d.spare = finishObject(dst, start, spans, d.spare)
	return dst, nil
}

func mapName(key Value) string {
	if key.Kind() == KindMissing {
		return "undefined"
	}
	return key.JSON()
}

func (d *decoder) tagged(dst []byte, h head, depth int) ([]byte, error) {
	content, err := d.item(nil, depth+1)
	if err != nil {
		return nil, err
	}
	v := Value(content)
	switch h.arg {
	case 0: // a date as text
		if t, err := time.Parse(time.RFC3339Nano, v.Text()); err == nil {
			return append(dst, Date(t)...), nil
		}
	case tagDate:
		if f, ok := v.Float64(); ok || v.Kind() == KindInt {
			return append(dst, DateOf(f*1000)...), nil
		}
		return nil, fmt.Errorf("decode CBOR: a date of kind %s", v.Kind())
	case tagBigPositive, tagBigNegative:
		if v.Kind() != KindBytes {
			return nil, fmt.Errorf("decode CBOR: a big integer of kind %s", v.Kind())
		}
		n := new(big.Int).SetBytes(v.Bytes())
		if h.arg == tagBigNegative {
			n.Not(n)
		}
		return appendBig(dst, n), nil
	}
	if len(content) == 1 && content[0] == simpleUndefined {
		content[0] = simpleNull
	}
	return append(appendHead(dst, majorTag, h.arg), content...), nil
}

func decodeSimple(dst []byte, first byte, arg uint64) ([]byte, error) {
	switch first {
	case simpleFalse, simpleTrue, simpleNull, simpleUndefined:
		return append(dst, first), nil
	case headFloat16:
		return appendFloat(dst, float64(halfToFloat(uint16(arg)))), nil
	case headFloat32:
		return appendFloat(dst, float64(math.Float32frombits(uint32(arg)))), nil
	case headFloat64:
		return appendFloat(dst, math.Float64frombits(arg)), nil
	}
	return nil, fmt.Errorf("decode CBOR: simple value 0x%02x is not one of JavaScript's", first)
}
