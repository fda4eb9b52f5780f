package audit

// Leaves yields each single value within v, in the order of the encoding: v
// itself if it is one, and otherwise what stands in its arrays, objects and
// tags, at any depth, but for the names of attributes. It makes nothing anew. It
// is false when yield was, which ends it.
func (v Value) Leaves(yield func(Value) bool) bool {
	if len(v) == 0 {
		return true
	}
	_, more := v.leaves(0, yield)
	return more
}

// leaves does this for the item at pos, and says where the next one begins.
func (v Value) leaves(pos int, yield func(Value) bool) (next int, more bool) {
	h, err := readHead(v[pos:])
	if err != nil {
		return len(v), true // unreachable: a Value is well-formed
	}
	start := pos
	pos += h.size
	switch h.major {
	case majorBytes, majorText:
		pos += int(h.arg)
	case majorArray, majorMap:
		for range h.arg {
			if h.major == majorMap {
				pos += itemLen(v[pos:])
			}
			if pos, more = v.leaves(pos, yield); !more {
				return pos, false
			}
		}
		return pos, true
	case majorTag:
		switch h.arg {
		case tagDate, tagBigPositive, tagBigNegative:
			pos += itemLen(v[pos:])
		default:
			return v.leaves(pos, yield)
		}
	}
	return pos, yield(v[start:pos:pos])
}
