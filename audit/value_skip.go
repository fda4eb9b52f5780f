package audit

import "fmt"

// pass reads past the next value, which may nest so many levels deep.
func (r *JSONReader) pass(depth int) error {
	if depth < 0 {
		return ErrTooDeep
	}
	c, err := r.next()
	if err != nil {
		return err
	}
	switch c {
	case '"':
		return r.passText()
	case '{':
		return r.passInside('}', depth)
	case '[':
		return r.passInside(']', depth)
	case 't', 'f', 'n':
		var none [1]byte
		_, err := r.word(none[:0], c)
		return err
	}
	_, err = r.digits(c)
	return err
}

func (r *JSONReader) passInside(closer byte, depth int) error {
	r.pos++
	for first := true; ; first = false {
		more, err := r.more(closer, first)
		if err != nil || !more {
			return err
		}
		if closer == '}' {
			c, err := r.next()
			if err == nil && c != '"' {
				err = unexpectedByte(c, "a name")
			}
			if err != nil {
				return err
			}
			if err := r.passText(); err != nil {
				return err
			}
			if err := r.colon(); err != nil {
				return err
			}
		}
		if err := r.pass(depth - 1); err != nil {
			return err
		}
	}
}

// passText reads past the string that comes next.
func (r *JSONReader) passText() error {
	raw, plain, err := r.quoted()
	for i := 1; err == nil && !plain && i < len(raw)-1; i++ {
		if raw[i] == '\\' {
			i, err = passEscape(raw, i+1)
		}
	}
	return err
}

// passEscape looks at what follows a backslash, and is where that ends.
func passEscape(raw []byte, i int) (int, error) {
	switch raw[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i, nil
	case 'u':
		for j := i + 1; j <= i+4; j++ {
			if c := raw[j]; c-'0' > 9 && (c|0x20)-'a' > 5 {
				return 0, fmt.Errorf("%q is no escape", raw[i-1:i+1])
			}
		}
		return i + 4, nil
	}
	return 0, fmt.Errorf("%q is no escape", raw[i-1:i+1])
}

// ReadText is the text of the string with which data begins, and what follows
// it. The text is good until the next call; it is nil, without an error, when
// data begins with something else.
func (r *JSONReader) ReadText(data []byte) (text, rest []byte, err error) {
	i := passSpace(data, 0)
	if i >= len(data) {
		return nil, data, ErrTruncated
	}
	if data[i] != '"' {
		return nil, data, nil
	}
	text = data[i+1:]
	if n := plainLen(text); n < len(text) && text[n] == '"' {
		return text[:n], text[n+1:], nil
	}
	r.data, r.pos = data, i
	r.out, err = r.text(r.out[:0])
	r.data = nil
	if err != nil {
		return nil, nil, fmt.Errorf("read JSON: %w", err)
	}
	return Value(r.out).raw(), data[r.pos:], nil
}
