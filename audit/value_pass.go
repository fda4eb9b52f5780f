package audit

import (
	"encoding/binary"
	"math/bits"
)

// The functions of this file read past what is JSON, as pass does, and know only
// that: each is where what it read past ends, and -1 if it is no JSON, breaks off or
// nests too deep. Then pass looks at it again, and says what is wrong.

// passValue reads past the value at i, which may nest so many levels deep.
func passValue(d []byte, i, depth int) int {
	if i = passSpace(d, i); i >= len(d) || depth < 0 {
		return -1
	}
	switch c := d[i]; c {
	case '"':
		return passString(d, i)
	case '{':
		return passObject(d, i+1, depth)
	case '[':
		return passArray(d, i+1, depth)
	case 't':
		return passWord(d, i, "true")
	case 'f':
		return passWord(d, i, "false")
	case 'n':
		return passWord(d, i, "null")
	}
	return passNumber(d, i)
}

func passSpace(d []byte, i int) int {
	for i < len(d) && (d[i] == ' ' || d[i] == '\t' || d[i] == '\r' || d[i] == '\n') {
		i++
	}
	return i
}

func passWord(d []byte, i int, word string) int {
	if end := i + len(word); end <= len(d) && string(d[i:end]) == word {
		return end
	}
	return -1
}

// passObject reads past an object whose brace is behind.
func passObject(d []byte, i, depth int) int {
	if i = passSpace(d, i); i < len(d) && d[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(d) || d[i] != '"' {
			return -1
		}
		if i = passString(d, i); i < 0 {
			return -1
		}
		if i >= len(d) || d[i] != ':' {
			if i = passSpace(d, i); i >= len(d) || d[i] != ':' {
				return -1
			}
		}
		if i = passValue(d, i+1, depth-1); i < 0 {
			return -1
		}
		if i = passSpace(d, i); i >= len(d) {
			return -1
		}
		switch d[i] {
		case ',':
			i = passSpace(d, i+1)
		case '}':
			return i + 1
		default:
			return -1
		}
	}
}

// passArray reads past an array whose bracket is behind.
func passArray(d []byte, i, depth int) int {
	if i = passSpace(d, i); i < len(d) && d[i] == ']' {
		return i + 1
	}
	for {
		if i = passValue(d, i, depth-1); i < 0 {
			return -1
		}
		if i = passSpace(d, i); i >= len(d) {
			return -1
		}
		switch d[i] {
		case ',':
			i++
		case ']':
			return i + 1
		default:
			return -1
		}
	}
}

// passString reads past the string whose first quote is at i.
func passString(d []byte, i int) int {
	for i++; i < len(d); {
		if i+8 <= len(d) {
			m := stringMarks(binary.LittleEndian.Uint64(d[i:]))
			if m == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(m) / 8
		}
		switch c := d[i]; {
		case c == '"':
			return i + 1
		case c < ' ':
			return -1
		case c != '\\': // of the last few
			i++
			continue
		}
		if i+6 >= len(d) && (i+2 >= len(d) || d[i+1] == 'u') {
			return -1 // what it escapes and a quote have no room
		}
		end, err := passEscape(d, i+1)
		if err != nil {
			return -1
		}
		i = end + 1
	}
	return -1
}

// stringMarks marks the highest bit of the first byte of eight that ends what a
// string holds as it is: a control, a quote, a backslash. Bits above it may be marked
// as well; none is if there is no such byte.
func stringMarks(w uint64) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	q, b := w^(ones*'"'), w^(ones*'\\')
	return ((w-ones*' ')&^w | (q-ones)&^q | (b-ones)&^b) & highs
}

// passNumber reads past the number at i.
func passNumber(d []byte, i int) int {
	if i < len(d) && d[i] == '-' {
		i++
	}
	if i < len(d) && d[i] == '0' {
		i++
	} else if i = passDigits(d, i); i < 0 {
		return -1
	}
	if i < len(d) && d[i] == '.' {
		if i = passDigits(d, i+1); i < 0 {
			return -1
		}
	}
	if i < len(d) && d[i]|0x20 == 'e' {
		if i++; i < len(d) && (d[i] == '+' || d[i] == '-') {
			i++
		}
		return passDigits(d, i)
	}
	return i
}

// passDigits reads past digits, of which there must be one.
func passDigits(d []byte, i int) int {
	start := i
	for i < len(d) && d[i]-'0' <= 9 {
		i++
	}
	if i == start {
		return -1
	}
	return i
}
