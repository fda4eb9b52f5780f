package ingest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"recourse/audit"
)

// A cell is one field of a line of CSV. Whether it had quotes tells a text from
// a number in Harper's exports.
type cell struct {
	text   string
	quoted bool
}

// csvRecords reads CSV as Harper exports it: the names of the attributes, and a
// line for each record. Every text has quotes, and so have objects and arrays,
// which are JSON within; numbers have none. An empty cell is null, an attribute
// that is not there, or on RocksDB the empty text; it is read as null. A boolean
// has no quotes on LMDB; on RocksDB it has, and is read as the text that it
// looks like.
func csvRecords(r *bufio.Reader, skipped int64) (recordReader, error) {
	s := &csvScanner{r: r, at: skipped}
	head, err := s.line()
	if err != nil {
		return nil, &misplaced{skipped, err}
	}
	names := map[string]bool{}
	for _, c := range head {
		switch {
		case !c.quoted:
			return nil, &misplaced{skipped, fmt.Errorf("the name %q has no quotes, as Harper's exports have them, so that texts could not be told from numbers", c.text)}
		case names[c.text]:
			return nil, &misplaced{skipped, fmt.Errorf("the name %q stands twice", c.text)}
		}
		names[c.text] = true
	}
	return func() (audit.Value, int64, error) {
		at := s.at
		cells, err := s.line()
		if err != nil {
			return nil, at, err
		}
		if len(cells) != len(head) {
			return nil, at, fmt.Errorf("the record has %d cells, and there are %d names", len(cells), len(head))
		}
		fields := make(map[string]audit.Value, len(head))
		for i, c := range cells {
			v, err := c.value()
			if err != nil {
				return nil, at, fmt.Errorf("its %q: %w", head[i].text, err)
			}
			fields[head[i].text] = v
		}
		return audit.Object(fields), at, nil
	}, nil
}

func (c cell) value() (audit.Value, error) {
	switch {
	case c.quoted && c.text != "" && (c.text[0] == '{' || c.text[0] == '['):
		if v, err := audit.FromJSON([]byte(c.text)); err == nil {
			return v, nil
		}
		return audit.Text(c.text), nil
	case c.quoted:
		return audit.Text(c.text), nil
	case c.text == "":
		return audit.Null(), nil
	}
	v, err := audit.FromJSON([]byte(c.text))
	if k := v.Kind(); err != nil || k != audit.KindInt && k != audit.KindFloat && k != audit.KindBool {
		return nil, fmt.Errorf("a text without quotes, %q: Harper's exports have them, so that texts can be told from numbers", excerpt([]byte(c.text)))
	}
	return v, nil
}

// A csvScanner reads lines of cells.
type csvScanner struct {
	r  *bufio.Reader
	at int64 // how many bytes were read
}

var errCSVEnd = errors.New("the file ends within quotes")

// line reads one line of cells; io.EOF after the last one. Empty lines are
// passed over.
func (s *csvScanner) line() ([]cell, error) {
	var cells []cell
	size := 0
	for {
		c, end, err := s.cell()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if size += len(c.text) + 1; size > maxExported {
			return nil, fmt.Errorf("a record of more than %d MiB", maxExported>>20)
		}
		blank := len(cells) == 0 && end && c == cell{}
		switch {
		case blank && err != nil:
			return nil, io.EOF
		case blank:
			continue
		}
		if cells = append(cells, c); end {
			return cells, nil
		}
	}
}

// cell reads one cell, and whether it is the line's last. At the end of the file
// it is, and the error is io.EOF.
func (s *csvScanner) cell() (c cell, last bool, err error) {
	var b strings.Builder
	within := false
	for {
		ch, err := s.r.ReadByte()
		if err != nil {
			if within && errors.Is(err, io.EOF) {
				err = errCSVEnd
			}
			c.text = strings.TrimSuffix(b.String(), "\r")
			return c, true, err
		}
		s.at++
		switch {
		case within && ch == '"':
			if next, _ := s.r.Peek(1); len(next) == 1 && next[0] == '"' {
				_, _ = s.r.Discard(1)
				s.at++
				b.WriteByte('"')
				continue
			}
			within = false
		case within:
			b.WriteByte(ch)
		case ch == ',' || ch == '\n':
			c.text = b.String()
			if ch == '\n' && !c.quoted {
				c.text = strings.TrimSuffix(c.text, "\r")
			}
			return c, ch == '\n', nil
		case ch == '"' && !c.quoted && b.Len() == 0:
			c.quoted, within = true, true
		case c.quoted && ch != '\r':
			return c, false, errors.New("something follows the closing quotes of a cell")
		case !c.quoted:
			b.WriteByte(ch)
		}
		if b.Len() > maxExported {
			return c, false, fmt.Errorf("a record of more than %d MiB", maxExported>>20)
		}
	}
}
