package audit

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
)

// number appends the number that comes next.
func (r *JSONReader) number(dst []byte, first byte) ([]byte, error) {
	start := r.pos
	if x, end := readDecimal(r.data, start); end >= 0 {
		r.pos = end
		return x.append(dst), nil
	}
	whole, err := r.digits(first)
	if err != nil {
		return nil, err
	}
	raw := r.data[start:r.pos]
	if whole && len(raw) > maxDigits {
		return nil, fmt.Errorf("number of %d digits", len(raw))
	}
	if !whole {
		f, err := strconv.ParseFloat(string(raw), 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return nil, err
		}
		return appendFloat(dst, f), nil
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return appendWhole(dst, n), nil
	}
	n, ok := new(big.Int).SetString(string(raw), 10)
	if !ok {
		return nil, fmt.Errorf("%q is no number", raw) // unreachable: they are digits
	}
	return appendBig(dst, n), nil
}

func appendWhole(dst []byte, n int64) []byte {
	if n < 0 {
		return appendHead(dst, majorNegative, uint64(^n))
	}
	return appendHead(dst, majorUint, uint64(n))
}

// digits passes the number that comes next, and says whether it is written
// without fraction and exponent.
func (r *JSONReader) digits(first byte) (whole bool, err error) {
	if first == '-' {
		if r.pos++; r.pos == len(r.data) {
			return false, ErrTruncated
		}
		first = r.data[r.pos]
	}
	if first == '0' {
		r.pos++ // no other digit may follow, and what does is refused by whoever reads on
	} else if err := r.run("a value"); err != nil {
		return false, err
	}
	whole = true
	if r.at('.') {
		r.pos++
		whole = false
		if err := r.run("a digit"); err != nil {
			return false, err
		}
	}
	if r.at('e') || r.at('E') {
		r.pos++
		whole = false
		if r.at('+') || r.at('-') {
			r.pos++
		}
		return false, r.run("a digit")
	}
	return whole, nil
}

func (r *JSONReader) at(c byte) bool { return r.pos < len(r.data) && r.data[r.pos] == c }

// run passes digits, of which there must be one.
func (r *JSONReader) run(want string) error {
	start := r.pos
	for r.pos < len(r.data) && r.data[r.pos]-'0' <= 9 {
		r.pos++
	}
	switch {
	case r.pos > start:
		return nil
	case r.pos == len(r.data):
		return ErrTruncated
	}
	return unexpectedByte(r.data[r.pos], want)
}
