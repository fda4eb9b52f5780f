package audit

import (
	"math"
	"math/bits"
)

// A decimal is a number as JSON writes it, of 19 digits at most and without an
// exponent.
type decimal struct {
	digits   uint64 // all of them, as one integer
	scale    int    // how many of them stand after the point
	negative bool
	fraction bool // there is a point
}

// readDecimal reads the number at i and is where it ends: -1 if it is longer or has
// an exponent, or if it is none.
func readDecimal(d []byte, i int) (x decimal, end int) {
	if i < len(d) && d[i] == '-' {
		x.negative = true
		i++
	}
	start := i
	for i < len(d) && d[i]-'0' <= 9 {
		x.digits = x.digits*10 + uint64(d[i]-'0')
		i++
	}
	n := i - start
	if n == 0 || n > 1 && d[start] == '0' {
		return x, -1
	}
	if i < len(d) && d[i] == '.' {
		i++
		point := i
		for i < len(d) && d[i]-'0' <= 9 {
			x.digits = x.digits*10 + uint64(d[i]-'0')
			i++
		}
		if x.scale, x.fraction = i-point, true; x.scale == 0 {
			return x, -1
		}
		n += x.scale
	}
	if n > 19 || i < len(d) && d[i]|0x20 == 'e' {
		return x, -1
	}
	return x, i
}

// append appends the number as a value.
func (x decimal) append(dst []byte) []byte {
	switch {
	case x.fraction:
		return appendFloat(dst, x.float())
	case x.negative && x.digits > 0:
		return appendHead(dst, majorNegative, x.digits-1)
	}
	return appendHead(dst, majorUint, x.digits)
}

// float is the float64 nearest to the number, the even one of two; -0 is 0.
func (x decimal) float() float64 {
	var f float64
	switch {
	case x.digits == 0:
		return 0
	case x.digits <= maxSafe:
		f = float64(x.digits) / powers[x.scale].float // of two that are exact
	default:
		f = quotient(x.digits, powers[x.scale].whole)
	}
	if x.negative {
		return -f
	}
	return f
}

// quotient is the float64 nearest to n / d, neither of which is 0.
func quotient(n, d uint64) float64 {
	up, down := bits.LeadingZeros64(n), bits.LeadingZeros64(d)
	n <<= up
	// As d has its highest bit now and n/2 has not, q is above 2^62 and has no more
	// than 64 bits: those of a float64, and some by which it is rounded.
	q, rest := bits.Div64(n>>1, n<<63, d<<down)
	if rest > 0 {
		q |= 1 // not in the middle between two
	}
	return math.Ldexp(float64(q), down-up-63)
}

// powers are those of ten up to the largest that uint64 holds; all are exact.
var powers = powersOfTen()

type power struct {
	whole uint64
	float float64
}

func powersOfTen() (p [20]power) {
	for i, n := 0, uint64(1); i < len(p); i, n = i+1, n*10 {
		p[i] = power{n, float64(n)}
	}
	return p
}

// ReadNumber is the number with which data begins as a float64, and what follows it.
// It is false for one that is written with an exponent or more digits than
// usual, which Read knows, and for what is no number.
func ReadNumber(data []byte) (f float64, rest []byte, ok bool) {
	x, end := readDecimal(data, passSpace(data, 0))
	if end < 0 || !x.fraction && x.digits > maxSafe {
		return 0, data, false
	}
	return x.float(), data[end:], true
}
