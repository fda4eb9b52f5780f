package ingest

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"math"
	"os"
	"time"

	"recourse/audit"
)

// A BaselineFile stores an exported table as a baseline: what export_local wrote,
// or any JSON array of records, one record a line, or CSV in Harper's manner.
//
// An export shows what is in it. It is lossy: neither JSON nor CSV has Harper's
// types, and for a table without a schema Harper writes null where a record has
// no such attribute. That a record is not in it proves nothing, since an export
// is of what somebody searched for.
type BaselineFile struct {
	Store Baselines
	// Table is whose records they are.
	Table audit.Table
	// PrimaryKey is the attribute with the record's key; empty is "id".
	PrimaryKey string
	// Version is the attribute to which Harper assigned the time of the record's
	// last write, as a number with all its digits. Empty is __updatedtime__ where
	// there is one; where a record has none its version is not known.
	Version string
	// At and Until are when the export began and ended, by the server's clock. An
	// Until of 0 is At; an At of 0 is not known, which needs a version in every
	// record.
	At, Until audit.Time
	// Node and Cluster name where the export is from; an empty Node is "import".
	Node, Cluster string
	// Stdin is read for the path "-"; nil is os.Stdin.
	Stdin io.Reader
	// Progress is called after each commit; nil: nobody.
	Progress func(audit.Baseline)
	// Now is our clock; nil is time.Now.
	Now func() time.Time
}

// A BadBaselineError is a file that is no export, or no whole one. Nothing of it
// is stored.
type BadBaselineError struct {
	Where  string // file, and line where that is known
	Err    error
	Advice string // what to do, if it is more than to look at the file
}

func (e *BadBaselineError) Error() string { return fmt.Sprintf("read baseline %s: %v", e.Where, e.Err) }

// Unwrap is the cause.
func (e *BadBaselineError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *BadBaselineError) Hint() string {
	return cmp.Or(e.Advice, "nothing of the file was stored: mend it or export the table again")
}

// Take reads a file, or standard input for "-". All of it is checked before
// anything is stored: a *BadBaselineError leaves the store as it was.
func (f BaselineFile) Take(ctx context.Context, path string) (Taken, error) {
	t := Taken{Baseline: audit.Baseline{Table: f.Table}}
	name := path
	if path == "-" {
		name = "standard input"
	}
	path, cleanup, err := f.onDisk(ctx, path)
	defer cleanup()
	if err != nil {
		return t, f.bad(ctx, path, name, err)
	}
	c := check{f: f, seen: map[uint64]bool{}, seed: maphash.MakeSeed(), digest: sha256.New(), oldest: audit.Time(math.Inf(1))}
	if err := f.each(ctx, path, c.digest, c.record); err != nil {
		return t, f.bad(ctx, path, name, err)
	}
	if c.n == 0 && f.At == 0 {
		return t, f.bad(ctx, path, name, &advised{errors.New("it has no record, and nobody says when the export was made"), "say when with --at TIME; nothing was stored"})
	}
	t.Baseline = f.baseline(&c)
	t.Notes = []string{"an export loses types, and null in it may stand for an attribute that was not there"}
	if f.Table.Database == "system" {
		t.Notes = append(t.Notes, "the secrets of this system table were taken out")
	}
	w := &baselineWriter{store: f.Store, b: &t.Baseline, stored: f.Progress}
	if err := f.store(ctx, path, w); err != nil {
		if ctx.Err() == nil && !errors.Is(err, errNotStored) {
			err = f.bad(ctx, path, name, err) // it was changed since it was checked
		}
		return t, err
	}
	return t, nil
}

// store reads the file for the second time.
func (f BaselineFile) store(ctx context.Context, path string, w *baselineWriter) error {
	if err := w.write(ctx, nil); err != nil {
		return err
	}
	ended := f.ended()
	var pending []audit.BaseRecord
	size := 0
	err := f.each(ctx, path, io.Discard, func(v audit.Value) error {
		id, version, err := f.keyOf(v)
		if err != nil {
			return err
		}
		r := w.record(id, version, v)
		r.Seen, r.Until = cmp.Or(f.At, version), max(ended, version)
		pending = append(pending, r)
		if size += len(v); len(pending) < commitSingly && size < singlyBytes {
			return nil
		}
		err = w.write(ctx, pending)
		pending, size = pending[:0], 0
		return err
	})
	if err == nil && len(pending) > 0 {
		err = w.write(ctx, pending)
	}
	if err == nil {
		err = w.end(ctx, ended)
	}
	return err
}

// ended is a moment not before the end of the export: where nobody says when
// that was, it was at any rate before now.
func (f BaselineFile) ended() audit.Time {
	if end := max(f.At, f.Until); end != 0 {
		return end
	}
	if f.Now != nil {
		return audit.TimeOf(f.Now())
	}
	return audit.TimeOf(time.Now())
}

// baseline is what the file is stored as. The same file of the same table is the
// same baseline, however often it is read.
func (f BaselineFile) baseline(c *check) audit.Baseline {
	fmt.Fprintf(c.digest, "\x00%q %q %q %q %v %v", f.Cluster, f.Table, f.PrimaryKey, f.Version, f.At, f.Until)
	begun := f.At
	if begun == 0 {
		begun = c.oldest
	}
	return audit.Baseline{
		ID: hex.EncodeToString(c.digest.Sum(nil)[:8]), Cluster: f.Cluster, Node: cmp.Or(f.Node, "import"), Table: f.Table,
		Begun: begun, Source: audit.FromFile, Lossy: true,
	}
}

// onDisk is where the file can be read twice.
func (f BaselineFile) onDisk(ctx context.Context, path string) (string, func(), error) {
	none := func() {}
	if path != "-" {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return path, none, err
		case info.IsDir():
			return path, none, errors.New("it is a folder")
		case info.Mode().IsRegular():
			return path, none, nil
		}
	}
	tmp, err := spool(ctx, f.Stdin, path)
	return tmp, func() { _ = os.Remove(tmp) }, err
}

// each calls visit with every record of the file, and copies what it reads to
// hash. Errors of records are told with the place where the record begins.
func (f BaselineFile) each(ctx context.Context, path string, hash io.Writer, visit func(audit.Value) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	r := bufio.NewReaderSize(io.TeeReader(file, hash), 64<<10)
	read, err := exportReader(r)
	if err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		v, at, err := read()
		if errors.Is(err, io.EOF) {
			// What follows the last record is of the file too.
			_, err := io.Copy(io.Discard, r)
			return err
		}
		if err == nil {
			err = visit(v)
		}
		if err != nil {
			return &misplaced{at, err}
		}
	}
}

// bad says where in the file an error is.
func (f BaselineFile) bad(ctx context.Context, path, name string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	out := &BadBaselineError{Where: name, Err: err}
	var m *misplaced
	if errors.As(err, &m) {
		out.Err = m.err
		if line := lineOf(path, m.at); line > 0 {
			out.Where = fmt.Sprintf("%s:%d", name, line)
		}
	}
	var advice interface{ Hint() string }
	switch {
	case errors.As(err, &advice):
		out.Advice = advice.Hint()
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		out.Advice = "check the path; nothing was stored"
	}
	return out
}
