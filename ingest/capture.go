package ingest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"

	"recourse/audit"
	"recourse/internal/harper"
)

// A capture is one answer of read_audit_log as a file holds it.
type capture struct {
	table audit.Table
	from  audit.Time // of the request; 0: from the log's begin
	to    audit.Time // 0: to the log's end
	at    audit.Time // when it was read; 0: not known
	date  audit.Time // when the server says that it answered, to the second; 0: not known
	body  json.RawMessage
	where string // file and line, for people
	// single says that it is one group by itself, which proves nothing of its
	// neighbours.
	single bool
	// plain says that it is a line of the common form: rows is what it says, in
	// place of body, and good until the next line. When lines are only checked
	// there are none.
	plain bool
	rows  []harper.AuditRow
	time  audit.Time // of a plain one
	keys  []byte     // of a plain one, as they stand there
}

// whole says that the answer covers the table's log from begin to end.
func (c *capture) whole() bool { return c.from == 0 && c.to == 0 }

// A skipped part of an import is no read_audit_log answer; nothing is wrong
// with it.
type skipped struct{ why string }

func (s skipped) Error() string { return s.why }

// A BadInputError is a file that is not what it should be. Nothing of any file
// is stored then.
type BadInputError struct {
	Where string // file and, where it has lines, line
	Err   error
}

func (e *BadInputError) Error() string { return fmt.Sprintf("import %s: %v", e.Where, e.Err) }

// Unwrap is the cause.
func (e *BadInputError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *BadInputError) Hint() string {
	switch {
	case errors.Is(e.Err, errNoTable):
		return "name the table with --database and --table"
	case errors.Is(e.Err, fs.ErrNotExist), errors.Is(e.Err, fs.ErrPermission):
		return "check the path; nothing of this import was stored"
	}
	return "the file seems to be cut off or damaged: capture it again; nothing of this import was stored"
}

var errNoTable = errors.New("the answer does not say which table it is of")

// envelope is every form of capture at once.
type envelope struct {
	At       audit.Time      `json:"at"`
	Request  json.RawMessage `json:"request"`
	Response json.RawMessage `json:"response"`
	Status   int             `json:"status"`
	Headers  json.RawMessage `json:"headers"`

	// A group with its table, one a line.
	Database  string          `json:"database"`
	Schema    string          `json:"schema"`
	Table     string          `json:"table"`
	Operation string          `json:"operation"`
	Timestamp json.RawMessage `json:"timestamp"`
}

// request is the body of a read_audit_log request, by itself or within an HTTP
// request.
type request struct {
	Operation    string            `json:"operation"`
	Database     string            `json:"database"`
	Schema       string            `json:"schema"`
	Table        string            `json:"table"`
	SearchType   string            `json:"search_type"`
	SearchValues []json.RawMessage `json:"search_values"`
	Limit        *float64          `json:"limit"`
	Body         json.RawMessage   `json:"body"`
}

// parseCapture reads one JSON value: a capture, a group with its table, or a
// bare answer of the given table.
func parseCapture(data []byte, table audit.Table, where string) (capture, error) {
	c := capture{table: table, where: where}
	data = bytes.TrimSpace(data)
	if len(data) > 0 && data[0] == '[' {
		if !json.Valid(data) {
			return c, errors.New("not JSON to its end")
		}
		c.body = data
		return c, c.check()
	}
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil {
		return c, err
	}
	switch {
	case e.Request != nil:
		return c, c.fromRequest(e)
	case e.Timestamp != nil:
		c.body = append(append([]byte{'['}, data...), ']')
		c.from, c.to, c.single = 1, 1, true
		c.setTable(e.Database, e.Schema, e.Table)
		return c, c.check()
	}
	return c, skipped{"no request and no audit log in it"}
}

func (c *capture) fromRequest(e envelope) error {
	var r request
	if err := json.Unmarshal(e.Request, &r); err != nil {
		return skipped{"its request is no object"}
	}
	if r.Operation == "" && r.Body != nil {
		if err := json.Unmarshal(r.Body, &r); err != nil {
			return skipped{"its request's body is no object"}
		}
	}
	body := bytes.TrimSpace(e.Response)
	switch {
	case r.Operation != "read_audit_log" && r.Operation != "read_transaction_log":
		return skipped{"an answer of " + r.Operation}
	case r.SearchType != "" && r.SearchType != "timestamp":
		return skipped{"a search by " + r.SearchType}
	case r.Limit != nil && *r.Limit != 0:
		return skipped{"a search with a limit"}
	case len(body) == 0:
		return errors.New("a request without a response")
	case body[0] != '[':
		return skipped{"no list of groups: " + excerpt(body)}
	}
	c.body, c.at, c.date = body, e.At, dateOf(e.Headers)
	c.setTable(r.Database, r.Schema, r.Table)
	for i, raw := range r.SearchValues {
		var v audit.Time
		if err := json.Unmarshal(raw, (*float64)(&v)); err != nil || i > 1 {
			return skipped{"search values that Harper does not take for a range"}
		}
		*[]*audit.Time{&c.from, &c.to}[i] = v
	}
	return c.check()
}

// dateOf is the Date among the headers of an answer, if it is there.
func dateOf(headers json.RawMessage) audit.Time {
	var h struct{ Date string } // in any case of letters
	if json.Unmarshal(headers, &h) != nil {
		return 0
	}
	date, err := http.ParseTime(h.Date)
	if err != nil {
		return 0
	}
	return audit.TimeOf(date)
}

func (c *capture) setTable(database, schema, table string) {
	if database == "" {
		database = schema
	}
	if database != "" {
		c.table.Database = database
	}
	if table != "" {
		c.table.Name = table
	}
}

func (c *capture) check() error {
	if c.table.Database == "" || c.table.Name == "" {
		return errNoTable
	}
	return nil
}

func excerpt(b []byte) string {
	const most = 80
	if len(b) > most {
		return string(b[:most]) + "…"
	}
	return string(b)
}

// eachCapture reads a file of any of the accepted forms: one JSON value, or one
// a line.
func eachCapture(r io.Reader, name string, table audit.Table, read lineReader, visit func(capture) error, skip func(where, why string)) error {
	lines, err := isLines(r)
	if err != nil {
		return &BadInputError{name, err}
	}
	handle := func(data []byte, where string) error {
		c, err := parseCapture(data, table, where)
		var s skipped
		switch {
		case errors.As(err, &s):
			skip(where, s.why)
			return nil
		case err != nil:
			return &BadInputError{where, err}
		}
		return visit(c)
	}
	if !lines.perLine {
		data, err := io.ReadAll(lines.r)
		if err != nil {
			return &BadInputError{name, err}
		}
		return handle(data, name)
	}
	var long []byte // a line that the reader's buffer does not hold
	for n := 1; ; n++ {
		line, err := lines.r.ReadSlice('\n')
		for long = long[:0]; errors.Is(err, bufio.ErrBufferFull); line = long {
			var more []byte
			long = append(long, line...)
			more, err = lines.r.ReadSlice('\n')
			long = append(long, more...)
		}
		if c, ok := plainCapture(line, table, read); ok {
			c.where = name
			if err := visit(c); err != nil {
				return err
			}
		} else if len(bytes.TrimSpace(line)) > 0 {
			if err := handle(line, fmt.Sprintf("%s:%d", name, n)); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return &BadInputError{name, err}
		}
	}
}

// A lineReader reads a line of the common form: all of it, or as much as shows
// that it can be read.
type lineReader func([]byte) (harper.Line, bool)

// plainCapture is a line of the common form.
func plainCapture(line []byte, table audit.Table, read lineReader) (capture, bool) {
	group, ok := read(line)
	if !ok {
		return capture{}, false
	}
	c := capture{table: table, from: 1, to: 1, single: true, plain: true, rows: group.Rows, time: group.Time, keys: group.Keys}
	c.setTable(group.Database, group.Schema, group.Table)
	return c, c.check() == nil
}

type input struct {
	r       *bufio.Reader
	perLine bool
}

// isLines tells JSON lines from one JSON value by the first line: in JSON lines
// it is a whole object.
func isLines(r io.Reader) (input, error) {
	br := bufio.NewReader(r)
	if mark, err := br.Peek(3); err == nil && string(mark) == "\ufeff" {
		_, _ = br.Discard(3) // as some editors begin a text
	}
	first, err := br.ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return input{}, err
	}
	const most = 64 << 10 // bytes of a line that is not copied
	rest := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(first), br), most)
	trimmed := bytes.TrimSpace(first)
	if len(trimmed) == 0 && err != nil {
		return input{}, errors.New("the file is empty")
	}
	return input{rest, len(trimmed) > 0 && trimmed[0] == '{' && json.Valid(trimmed)}, nil
}
