package harper

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"recourse/audit"
)

// An sseMessage is one message of a stream of server-sent events.
type sseMessage struct {
	event, id string
	data      []byte // its lines joined; valid until the next message
	tooLarge  bool   // it was longer than allowed, and data is empty
}

// readEvents reads a stream of server-sent events and calls fn with each
// message that has data. A message of more than limit bytes is read past. The
// stream's end is [io.ErrUnexpectedEOF]: it should not have one.
func readEvents(r io.Reader, limit int, fn func(sseMessage) error) error {
	in := newInput(r)
	var m sseMessage
	for {
		line, err := in.line(limit)
		switch {
		case errors.Is(err, errTooLarge):
			m.tooLarge = true
			continue
		case err != nil:
			return err // a message without the empty line behind it is none
		}
		if len(line) == 0 {
			if m.tooLarge || m.data != nil {
				if err := fn(m); err != nil {
					return err
				}
			}
			in.shrink()
			m = sseMessage{}
			continue
		}
		m.field(line, limit)
	}
}

// field takes one line of a message: a name, a colon, at most one space, and a
// value. A line that begins with the colon is a comment.
func (m *sseMessage) field(line []byte, limit int) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "event":
		m.event = string(value)
	case "id":
		m.id = string(value)
	case "data":
		if len(m.data)+len(value) > limit {
			m.data, m.tooLarge = nil, true
		}
		if m.tooLarge {
			return
		}
		if m.data == nil {
			m.data = make([]byte, 0, len(value))
		} else {
			m.data = append(m.data, '\n')
		}
		m.data = append(m.data, value...)
	}
}

// line reads up to the end of a line, which is not part of it. One of more than
// limit bytes is read past and errTooLarge. The line is valid until the next
// read.
func (in *input) line(limit int) ([]byte, error) {
	in.mark = in.r
	for {
		if i := bytes.IndexByte(in.buf[in.r:in.w], '\n'); i >= 0 {
			in.r += i + 1
			in.enforce(limit + 2)
			raw, err := in.taken()
			return bytes.TrimSuffix(bytes.TrimSuffix(raw, []byte("\n")), []byte("\r")), err
		}
		in.r = in.w
		in.enforce(limit + 2)
		if err := in.fill(); err != nil {
			return nil, unexpected(err)
		}
	}
}

// eventOf reads an event. Harper sends an object as data and nothing else.
func eventOf(m sseMessage) Event {
	e := Event{Lossy: true}
	if m.tooLarge {
		e.Err = fmt.Errorf("read event: %w", errTooLarge)
		return e
	}
	v, err := audit.FromJSON(m.data)
	if err == nil && v.Kind() != audit.KindObject {
		err = fmt.Errorf("it is no object but %s", v.Kind())
	}
	if err != nil {
		e.Err = fmt.Errorf("read event: %w", err)
		return e
	}
	e.Type, e.Value = v.Get("type").Text(), v.Get("value")
	if e.Type == "" {
		e.Type = m.event
	}
	if e.Value.Kind() == audit.KindNull {
		e.Value = nil
	}
	e.LocalTime, e.Version = moment(v.Get("localTime")), moment(v.Get("version"))
	e.Current = v.Get("size") != nil
	if e.ID, err = audit.IDOf(v.Get("id")); err != nil {
		e.Err = fmt.Errorf("read event: %w", err)
	}
	return e
}
