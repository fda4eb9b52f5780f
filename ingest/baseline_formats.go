package ingest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"recourse/audit"
)

// maxExported is the most bytes of one record in an export, as of a record in an
// answer of Harper's.
const maxExported = 64 << 20

// A recordReader gives the next record of an export and the byte at which it
// begins; io.EOF ends it.
type recordReader func() (audit.Value, int64, error)

// exportReader tells the forms of an export apart by how they begin.
func exportReader(r *bufio.Reader) (recordReader, error) {
	head, err := r.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := refuseBackup(head); err != nil {
		return nil, err
	}
	skip := int64(0)
	if bytes.HasPrefix(head, []byte("\ufeff")) { // as some editors begin a text
		n, _ := r.Discard(3)
		head, skip = head[n:], int64(n)
	}
	switch text := bytes.TrimLeft(head, " \t\r\n"); {
	case len(head) == 0:
		return nil, errors.New("the file is empty")
	case len(text) == 0:
		return nil, errors.New("the file begins with nothing but blanks")
	case text[0] == '[', text[0] == '{':
		return jsonRecords(r, skip, text[0] == '['), nil
	case text[0] == '"':
		return csvRecords(r, skip)
	}
	return nil, &advised{errors.New("it is neither JSON nor CSV as Harper exports it, in which every name and text has quotes"),
		"export the table with the operation export_local and \"format\":\"json\"; nothing was stored"}
}

// refuseBackup recognises what get_backup gives, and archives.
func refuseBackup(head []byte) error {
	is := func(at int, magic string) bool {
		return len(head) >= at+len(magic) && string(head[at:at+len(magic)]) == magic
	}
	const instead = "take the baseline of a live Harper, of one started on the backup if need be, with `recourse baseline`, or export the table with export_local; nothing was stored"
	switch {
	case is(16, "\xde\xc0\xef\xbe"), is(24, "\xde\xc0\xef\xbe"):
		return &advised{errors.New("it is an LMDB file, as get_backup gives it on the LMDB line (4.4 to 5.0), whose records only Harper can decode"), instead}
	case is(0, "\x1f\x8b"), is(257, "ustar"):
		return &advised{errors.New("it is an archive, as get_backup gives it of RocksDB (from 5.2), whose records only Harper can decode"), instead}
	case is(0, "PK\x03\x04"), is(0, "\x28\xb5\x2f\xfd"), is(0, "BZh"), is(0, "\xfd7zXZ"):
		return &advised{errors.New("it is compressed"), "unpack it first; nothing was stored"}
	}
	return nil
}

// jsonRecords reads an array of records, or one record after another.
func jsonRecords(r io.Reader, skipped int64, array bool) recordReader {
	limit := &limitedReader{r: r}
	d := json.NewDecoder(limit)
	begun := false
	at := func() int64 { return d.InputOffset() + skipped }
	fail := func(err error) (audit.Value, int64, error) {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the file ends in the middle")
		}
		return nil, at(), err
	}
	return func() (audit.Value, int64, error) {
		limit.most = d.InputOffset() + maxExported
		if array && !begun {
			if _, err := d.Token(); err != nil {
				return fail(err)
			}
			begun = true
		}
		if array && !d.More() {
			if _, err := d.Token(); err != nil {
				return fail(err)
			}
			if _, err := d.Token(); !errors.Is(err, io.EOF) {
				return fail(errors.New("something follows the array of records"))
			}
			return nil, 0, io.EOF
		}
		var raw json.RawMessage
		err := d.Decode(&raw)
		if !array && errors.Is(err, io.EOF) {
			return nil, 0, io.EOF
		}
		if err != nil {
			return fail(err)
		}
		v, err := audit.FromJSON(raw)
		return v, at() - int64(len(raw)), err
	}
}

// A limitedReader fails past a certain byte, which moves along with what was
// decoded: a record without an end is not read into memory.
type limitedReader struct {
	r          io.Reader
	read, most int64
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if l.read >= l.most {
		return 0, fmt.Errorf("a record of more than %d MiB", maxExported>>20)
	}
	n, err := l.r.Read(p)
	l.read += int64(n)
	return n, err
}
