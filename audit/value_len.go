package audit

// itemLen is the length of the first item of b, which is well-formed and in
// our own deterministic form.
func itemLen(b []byte) (n int) {
	if len(b) > 0 {
		n = itemLens[b[0]]
	}
	if n == 0 {
		n = nestedLen(b)
	}
	return n
}

// itemLens is the length of an item by its first byte, of numbers, words and short
// texts, which are most; 0: it takes more than that.
var itemLens = lengthTable()

func lengthTable() (t [256]int) {
	for c := range t {
		switch major, info := c>>5, c&31; {
		case major == majorUint || major == majorNegative || major == majorSimple:
			if info <= 27 {
				t[c] = 1 + int(argLens[info])
			}
		case (major == majorBytes || major == majorText) && info < 24:
			t[c] = 1 + info
		}
	}
	return t
}

// argLens is how many bytes of argument follow the first of a head.
var argLens = [28]uint8{24: 1, 25: 2, 26: 4, 27: 8}

func nestedLen(b []byte) int {
	if len(b) > 1 && b[0] == majorText<<5|24 {
		return 2 + int(b[1])
	}
	pos := 0
	for left := uint64(1); left > 0; left-- {
		h, err := readHead(b[pos:])
		if err != nil {
			return len(b) // unreachable for a Value
		}
		pos += h.size
		switch h.major {
		case majorBytes, majorText:
			pos += int(h.arg)
		case majorArray:
			left += h.arg
		case majorMap:
			left += 2 * h.arg
		case majorTag:
			left++
		}
	}
	return pos
}
