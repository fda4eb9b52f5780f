package harper

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"recourse/audit"
)

// An AuditRow is one record's part in one group of an audit log, as it streams
// past. What Harper says of the group stands in each of its rows.
type AuditRow struct {
	Operation audit.Op    // the group's; Harper takes it from the group's first record
	User      string      // empty when the log names none
	Time      audit.Time  // the transaction's
	Index     int         // the record's place in the group
	Size      int         // how many records the group has
	IDsField  bool        // the group named its keys "ids", as Harper on RocksDB does, not "hash_values"
	ID        audit.ID    // empty only if Err says why, or for a reload, which is about no record
	Record    audit.Value // the image; nil when the log has null or undefined for it
	// Null says that the log has null and not undefined for the record: it is no
	// delete, whose image is undefined, but a write that Harper cannot show. JSON
	// does not tell the two apart.
	Null     bool
	Original audit.Value // the image before, which Harper before 4.2 sent; else nil
	Lossy    bool        // read from JSON, which has no dates, bytes or NaN
	Err      error       // why the record could not be decoded; the row still names it
}

// A TruncatedError ends a read of the audit log, of the component's feed or of
// a stream of events that is not complete: the server broke it off, as it does
// at an entry that it cannot read, or the connection did, or what came is no
// such thing. What came before it is good. Of the audit log Harper also
// withholds the group just before the entry it failed at.
type TruncatedError struct {
	What    string // what was read; empty: the audit log
	Message string // what the server said, or how the answer broke off
	Rows    int    // how many rows, entries or events came before
	Server  bool   // the server itself named the error
	Err     error  // the cause, if there is one beside Message
}

func (e *TruncatedError) Error() string {
	if e.What != "" {
		return fmt.Sprintf("%s: the answer ends early, after %d: %s", e.What, e.Rows, e.Message)
	}
	return fmt.Sprintf("read audit log: the answer ends early, after %d rows: %s", e.Rows, e.Message)
}

// Unwrap is the cause.
func (e *TruncatedError) Unwrap() error { return e.Err }

// Hint says what can be done.
func (e *TruncatedError) Hint() string {
	if e.What != "" {
		return "try again"
	}
	if e.Server {
		return "an entry of the log cannot be read by Harper; read smaller windows of time around it"
	}
	return "read again, or read smaller windows of time"
}

// DecodeOptions say how to read a saved answer. The zero value works.
type DecodeOptions struct {
	// PrimaryKey is the attribute by which before-images find their record;
	// "id" if empty.
	PrimaryKey string
	// MaxRecord is the most bytes of one record, as sent; a larger one is a row
	// with an error. Zero is 64 MiB.
	MaxRecord int
	// MaxGroup is the most bytes that are held of one group when its rows
	// cannot be told before it ends. Zero is 256 MiB.
	MaxGroup int
	// BeforeImages says that the log is of a Harper before 4.2, which sends
	// before-images after the records: each group is held until it is whole.
	// Small groups, and all groups once one had before-images, are held anyway.
	BeforeImages bool
}

func (o DecodeOptions) withDefaults() DecodeOptions {
	if o.PrimaryKey == "" {
		o.PrimaryKey = "id"
	}
	if o.MaxRecord <= 0 {
		o.MaxRecord = 64 << 20
	}
	if o.MaxGroup <= 0 {
		o.MaxGroup = 256 << 20
	}
	return o
}

// DecodeAuditLog reads a saved answer of read_audit_log, in JSON or in CBOR as
// its first byte tells, and yields its rows as they come. It takes an answer to
// a search by id or by user too. After an error there are no more rows; an
// answer that ends early ends with a [TruncatedError].
func DecodeAuditLog(r io.Reader, o DecodeOptions) iter.Seq2[AuditRow, error] {
	return func(yield func(AuditRow, error) bool) {
		d := newLogDecoder(r, o, func(row AuditRow) bool { return yield(row, nil) })
		if err := d.run(); err != nil && !errors.Is(err, errStopped) {
			yield(AuditRow{}, err)
		}
	}
}

// errStopped says that whoever reads the rows wants no more.
var errStopped = errors.New("stopped")

// A logDecoder reads one answer of read_audit_log.
type logDecoder struct {
	in   *input
	t    tokens
	o    DecodeOptions
	emit func(AuditRow) bool
	rows int
	g    group

	names int // how many ids or users a search was answered for
}

func newLogDecoder(r io.Reader, o DecodeOptions, emit func(AuditRow) bool) *logDecoder {
	return &logDecoder{in: newInput(r), o: o.withDefaults(), emit: emit}
}

func (d *logDecoder) run() error {
	t, err := sniff(d.in)
	if err != nil {
		return d.ended(err)
	}
	d.t = t
	kind, err := t.kind()
	if err != nil {
		return d.ended(err)
	}
	switch kind {
	case arrayToken:
		err = d.groups()
	case mapToken:
		err = d.search()
	default:
		return d.ended(fmt.Errorf("the answer %w: neither a list nor an object", errBroken))
	}
	if err == nil {
		err = t.end()
	}
	return d.ended(err)
}

// ended makes the error that ends the read of what went wrong.
func (d *logDecoder) ended(err error) error {
	var apart *Error
	var truncated *TruncatedError
	switch {
	case err == nil, errors.Is(err, errStopped), errors.As(err, &apart):
		return err
	case errors.As(err, &truncated):
		truncated.Rows = d.rows
		return truncated
	}
	return &TruncatedError{Message: breakOff(err), Rows: d.rows, Err: err}
}

// breakOff says how an answer ended that should have gone on.
func breakOff(err error) string {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return "the body breaks off"
	}
	return err.Error()
}

// groups reads an array of groups.
func (d *logDecoder) groups() error {
	if err := d.t.open(); err != nil {
		return err
	}
	for {
		more, err := d.t.more()
		if err != nil || !more {
			return err
		}
		if err := d.group(); err != nil {
			return err
		}
	}
}

// search reads the answer to a search by id or by user: an object of arrays of
// groups. An answer that is an error is an object too.
func (d *logDecoder) search() error {
	if err := d.t.open(); err != nil {
		return err
	}
	for {
		more, err := d.t.more()
		if err != nil || !more {
			return err
		}
		name, err := d.t.key()
		if err != nil {
			return err
		}
		kind, err := d.t.kind()
		if err != nil {
			return err
		}
		if kind != arrayToken {
			v, err := value(d.t)
			if err != nil {
				return err
			}
			return &Error{Op: "read_audit_log", Status: 200, Message: name + ": " + message(v)}
		}
		d.names++
		if err := d.groups(); err != nil {
			return err
		}
	}
}

// row yields one row.
func (d *logDecoder) row(r AuditRow) error {
	d.rows++
	if !d.emit(r) {
		return errStopped
	}
	return nil
}
