package harper

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"recourse/audit"
)

// jsonTokens finds where values end by quotes and brackets alone; whether the
// text between is JSON is for decode to say, so that one bad value is one bad
// row.
type jsonTokens struct {
	in    *input
	stack []jsonContainer
}

type jsonContainer struct {
	closer byte
	begun  bool // an element was read, so that a comma must come
}

// peek is the next byte that is no white space.
func (t *jsonTokens) peek() (byte, error) {
	in := t.in
	for {
		for in.r < in.w {
			switch c := in.buf[in.r]; c {
			case ' ', '\t', '\r', '\n':
				in.r++
			default:
				return c, nil
			}
		}
		if err := in.need(1); err != nil {
			return 0, err
		}
	}
}

func (t *jsonTokens) kind() (tokenKind, error) {
	c, err := t.peek()
	switch c {
	case '[':
		return arrayToken, err
	case '{':
		return mapToken, err
	}
	return otherToken, err
}

func (t *jsonTokens) open() error {
	c, err := t.peek()
	if err != nil {
		return err
	}
	t.in.r++
	t.stack = append(t.stack, jsonContainer{closer: c + 2}) // ] follows [ by two, as } does {
	return nil
}

func (t *jsonTokens) more() (bool, error) {
	c, err := t.peek()
	if err != nil {
		return false, err
	}
	top := &t.stack[len(t.stack)-1]
	if c == top.closer {
		t.in.r++
		t.stack = t.stack[:len(t.stack)-1]
		return false, nil
	}
	if top.begun {
		if c != ',' {
			return false, fmt.Errorf("JSON %w: %q where a comma or %q belongs", errBroken, c, top.closer)
		}
		t.in.r++
	}
	top.begun = true
	return true, nil
}

func (t *jsonTokens) key() (string, error) {
	c, err := t.peek()
	if err != nil {
		return "", err
	}
	if c != '"' {
		return "", fmt.Errorf("JSON %w: %q where a name belongs", errBroken, c)
	}
	raw, err := t.frame(maxKey)
	var name string
	switch {
	case errors.Is(err, errTooLarge):
		// no name of Harper's; its value is passed over as unknown
	case err != nil:
		return "", err
	case json.Unmarshal(raw, &name) != nil:
		name = ""
	}
	if c, err = t.peek(); err != nil {
		return "", err
	}
	if c != ':' {
		return "", fmt.Errorf("JSON %w: %q where a colon belongs", errBroken, c)
	}
	t.in.r++
	return name, nil
}

func (t *jsonTokens) frame(limit int) ([]byte, error) {
	t.in.shrink()
	c, err := t.peek()
	if err != nil {
		return nil, err
	}
	t.in.mark = t.in.r
	switch c {
	case '{', '[', '"':
		err = t.passNested(limit)
	case ',', ':', ']', '}':
		err = fmt.Errorf("JSON %w: %q where a value belongs", errBroken, c)
	default:
		err = t.passScalar(limit)
	}
	if err != nil {
		return nil, err
	}
	return t.in.taken()
}

// passScalar reads past a number or a word, up to what can follow one.
func (t *jsonTokens) passScalar(limit int) error {
	in := t.in
	for {
		for in.r < in.w {
			switch in.buf[in.r] {
			case ',', ']', '}', ' ', '\t', '\r', '\n':
				return nil
			}
			in.r++
		}
		in.enforce(limit)
		if err := in.fill(); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// passNested reads past a string, an array or an object.
func (t *jsonTokens) passNested(limit int) error {
	in := t.in
	depth, quoted, escaped := 0, false, false
	for {
		buf, i := in.buf[:in.w], in.r
		for ; i < len(buf); i++ {
			c := buf[i]
			if quoted {
				switch {
				case escaped:
					escaped = false
				case c == '\\':
					escaped = true
				case c == '"':
					quoted = false
				}
			} else {
				switch c {
				case '"':
					quoted = true
				case '{', '[':
					depth++
				case '}', ']':
					depth--
				}
			}
			if depth == 0 && !quoted {
				in.r = i + 1
				in.enforce(limit)
				return nil
			}
		}
		in.r = i
		in.enforce(limit)
		if err := in.fill(); err != nil {
			return unexpected(err)
		}
	}
}

func (t *jsonTokens) decode(raw []byte) (audit.Value, error) { return audit.FromJSON(raw) }

func (t *jsonTokens) lossy() bool { return true }

func (t *jsonTokens) end() error {
	switch c, err := t.peek(); {
	case err == nil:
		return fmt.Errorf("JSON %w: %q follows it", errBroken, c)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil
	default:
		return err
	}
}
