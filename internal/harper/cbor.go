package harper

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"recourse/audit"
)

// CBOR's major types and heads, RFC 8949 §3.
const (
	cborUint, cborNegative, cborBytes, cborText = 0, 1, 2, 3
	cborArray, cborMap, cborTag, cborSimple     = 4, 5, 6, 7
	cborIndefinite                              = 31
	cborBreak                                   = 0xff
	cborUndefined                               = 0xf7
)

// maxOpenEnded is how deep arrays and maps without a length may nest in one
// value. Harper's encoder leaves the length open only for the outermost array;
// those with a length may nest without limit here, as they cost a counter only.
const maxOpenEnded = 1 << 12

// openEnded is the count of a container whose length is not given.
const openEnded = math.MaxUint64

type cborTokens struct {
	in    *input
	left  []uint64 // per open container: items still to come, or openEnded
	pairs []bool   // per open container: whether it is a map
	outer []uint64 // scratch of frame
}

type cborHead struct {
	major      byte
	indefinite bool
	arg        uint64
}

// head reads the next head. A break is a simple value that is indefinite.
func (t *cborTokens) head() (cborHead, error) {
	in := t.in
	if in.r == in.w {
		if err := in.need(1); err != nil {
			return cborHead{}, err
		}
	}
	first := in.buf[in.r]
	h := cborHead{major: first >> 5}
	info := first & 31
	switch {
	case info < 24:
		h.arg = uint64(info)
		in.r++
		return h, nil
	case info <= 27:
		n := 1 << (info - 24)
		if err := in.need(1 + n); err != nil {
			return h, err
		}
		b := in.buf[in.r+1:]
		switch n {
		case 1:
			h.arg = uint64(b[0])
		case 2:
			h.arg = uint64(binary.BigEndian.Uint16(b))
		case 4:
			h.arg = uint64(binary.BigEndian.Uint32(b))
		default:
			h.arg = binary.BigEndian.Uint64(b)
		}
		in.r += 1 + n
		return h, nil
	case info == cborIndefinite && h.major >= cborBytes && h.major != cborTag:
		h.indefinite = true
		in.r++
		return h, nil
	}
	return h, fmt.Errorf("CBOR %w: head 0x%02x", errBroken, first)
}

func (t *cborTokens) kind() (tokenKind, error) {
	if err := t.in.need(1); err != nil {
		return otherToken, err
	}
	switch t.in.buf[t.in.r] >> 5 {
	case cborArray:
		return arrayToken, nil
	case cborMap:
		return mapToken, nil
	}
	return otherToken, nil
}

func (t *cborTokens) open() error {
	h, err := t.head()
	if err != nil {
		return err
	}
	n := h.arg
	if h.indefinite {
		n = openEnded
	}
	t.left = append(t.left, n)
	t.pairs = append(t.pairs, h.major == cborMap)
	return nil
}

func (t *cborTokens) more() (bool, error) {
	top := len(t.left) - 1
	switch t.left[top] {
	case 0:
		t.left, t.pairs = t.left[:top], t.pairs[:top]
		return false, nil
	case openEnded:
		if err := t.in.need(1); err != nil {
			return false, err
		}
		if t.in.buf[t.in.r] == cborBreak {
			t.in.r++
			t.left, t.pairs = t.left[:top], t.pairs[:top]
			return false, nil
		}
	default:
		t.left[top]--
	}
	return true, nil
}

// key reads a map's key; one that is no text, or longer than any of Harper's,
// is passed over and named "".
func (t *cborTokens) key() (string, error) {
	raw, err := t.frame(maxKey)
	if errors.Is(err, errTooLarge) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	v, err := audit.Decode(raw)
	if err != nil {
		return "", nil
	}
	return v.Text(), nil
}

func (t *cborTokens) frame(limit int) ([]byte, error) {
	t.in.shrink()
	t.in.mark = t.in.r
	if err := t.pass(limit); err != nil {
		return nil, err
	}
	return t.in.taken()
}

// pass reads past one item, keeping at most limit bytes of it. It counts the
// items still to come, and stacks the counts around containers of open end.
func (t *cborTokens) pass(limit int) error {
	outer := t.outer[:0]
	for left := uint64(1); ; {
		for left == 0 {
			if len(outer) == 0 {
				t.outer = outer
				return nil
			}
			left, outer = outer[len(outer)-1], outer[:len(outer)-1]
		}
		h, err := t.head()
		if err != nil {
			return err
		}
		if left != openEnded {
			left--
		}
		t.in.enforce(limit)
		switch {
		case h.major == cborSimple && h.indefinite: // a break
			if left != openEnded {
				return fmt.Errorf("CBOR %w: a break out of place", errBroken)
			}
			left = 0
		case h.indefinite: // strings too: their pieces are items
			if len(outer) == maxOpenEnded {
				return fmt.Errorf("CBOR %w: open-ended values nest deeper than %d", errBroken, maxOpenEnded)
			}
			outer, left = append(outer, left), openEnded
		case h.major == cborBytes || h.major == cborText:
			if err := t.in.discard(h.arg, limit); err != nil {
				return err
			}
		case h.major == cborArray:
			outer, left = enter(outer, left, h.arg)
		case h.major == cborMap:
			outer, left = enter(outer, left, saturate(h.arg, h.arg))
		case h.major == cborTag:
			outer, left = enter(outer, left, 1)
		}
		if len(outer) > maxOpenEnded {
			return fmt.Errorf("CBOR %w: open-ended values nest deeper than %d", errBroken, maxOpenEnded)
		}
	}
}

// enter adds n items to those still to come. Within a container of open end
// they are counted apart, so that its break is told from theirs.
func enter(outer []uint64, left, n uint64) ([]uint64, uint64) {
	if left == openEnded {
		return append(outer, left), n
	}
	return outer, saturate(left, n)
}

// saturate adds without reaching openEnded: no answer has that many bytes.
func saturate(a, b uint64) uint64 {
	if sum := a + b; sum >= a && sum < openEnded {
		return sum
	}
	return openEnded - 1
}

func (t *cborTokens) decode(raw []byte) (audit.Value, error) { return audit.Decode(raw) }

func (t *cborTokens) lossy() bool { return false }

func (t *cborTokens) end() error {
	switch err := t.in.need(1); {
	case err == nil:
		return fmt.Errorf("CBOR %w: something follows it", errBroken)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil
	default:
		return err
	}
}
