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
	whole, err := r.digits(first)
	if err != nil {
		return nil, err
	}
	raw := r.data[start:r.pos]
	const short = 15 // digits of which every number is a float64
	if len(raw) <= short {
		if n, scale, ok := decimal(raw); ok {
			if whole {
				return appendWhole(dst, n), nil
			}
			return appendFloat(dst, float64(n)/powers[scale]), nil
		}
	}
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

// powers are those of ten that a short number can be divided by; all are exact.
var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// decimal is the digits of a short number as one integer, and how many of them
// stand after the point. It does not know exponents.
func decimal(raw []byte) (n int64, scale int, ok bool) {
	point := -1
	for i, c := range raw {
		switch {
		case '0' <= c && c <= '9':
			n = n*10 + int64(c-'0')
		case c == '.':
			point = i
		case c != '-':
			return 0, 0, false
		}
	}
	if point >= 0 {
		scale = len(raw) - 1 - point
	}
	if raw[0] == '-' {
		n = -n
	}
	return n, scale, true
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
