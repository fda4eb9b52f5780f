package ingest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
)

// An Importer reads captured answers of read_audit_log into the store.
type Importer struct {
	Store Archive
	// Table is that of answers which do not name theirs; zero: none.
	Table audit.Table
	// Node and Cluster name where the captures were taken; an empty Node is
	// "import".
	Node, Cluster string
	// Stdin is read for the path "-"; nil is os.Stdin.
	Stdin io.Reader
	// Progress is called after each capture; nil: nobody.
	Progress func(ImportReport)
	// Now is our clock; nil is time.Now.
	Now func() time.Time
}

// An Archive is a store that can also tell how many changes it holds.
// *store.DB is one.
type Archive interface {
	Sink
	// Tables counts the stored changes by table.
	Tables(context.Context) (map[audit.Table]int, error)
}

// An ImportReport says what an import brought, and what its captures hide.
type ImportReport struct {
	Captures int            `json:"captures"`
	Appended audit.Appended `json:"-"`
	Skipped  []SkippedPart  `json:"skipped"`
	// Partial lists the answers that show less than there is or was to show.
	Partial []PartialAnswer `json:"partial"`
	// Doubtful counts changes whose operation is inferred.
	Doubtful int `json:"inferred"`
}

// A SkippedPart is no audit log and was left out.
type SkippedPart struct {
	Where string `json:"where"`
	Why   string `json:"why"`
}

// A PartialAnswer shows less than it should: it ended early because the server
// could not read an entry, or it was to show a table's whole log and lacks
// changes that the store holds from other readings, because the log was trimmed
// or wiped in between. What it does show is stored.
type PartialAnswer struct {
	Where string      `json:"where"`
	Table audit.Table `json:"table"`
	// Reason is the server's error; empty for an answer that ended as it should.
	Reason string `json:"reason"`
	Read   int    `json:"read"` // changes that it shows
	// Hidden counts the stored changes that an answer over the whole log does not
	// show. For an answer over a range it is -1: not known.
	Hidden int `json:"hidden"`
}

// Import reads files, folders and "-". All of them are checked before anything
// is stored: a *BadInputError leaves the store as it was. Answers that ended
// early are no such error; they are in the report.
func (im *Importer) Import(ctx context.Context, paths []string) (ImportReport, error) {
	var report ImportReport
	files, cleanup, err := im.files(paths)
	defer cleanup()
	if err != nil {
		return report, err
	}
	check := func(c capture) error { return im.check(ctx, c) }
	if err := im.each(files, check, func(string, string) {}); err != nil {
		return report, err
	}
	visit := func(c capture) error {
		if err := im.one(ctx, c, &report); err != nil {
			return err
		}
		report.Captures++
		if im.Progress != nil {
			im.Progress(report)
		}
		return ctx.Err()
	}
	skip := func(where, why string) { report.Skipped = append(report.Skipped, SkippedPart{where, why}) }
	if err := im.each(files, visit, skip); err != nil {
		return report, err
	}
	return report, im.hidden(ctx, &report)
}

// A file to read, and the name that people know it by.
type file struct{ path, name string }

func (im *Importer) each(files []file, visit func(capture) error, skip func(where, why string)) error {
	for _, f := range files {
		r, err := os.Open(f.path)
		if err != nil {
			return &BadInputError{f.name, err}
		}
		err = eachCapture(r, f.name, im.Table, visit, skip)
		if err := errors.Join(err, r.Close()); err != nil {
			return err
		}
	}
	return nil
}

// files lists what the paths stand for. Standard input is read twice like any
// file, so it is set aside first.
func (im *Importer) files(paths []string) ([]file, func(), error) {
	var files []file
	cleanup := func() {}
	for _, p := range paths {
		if p == "-" {
			tmp, err := im.spool()
			if err != nil {
				return nil, cleanup, &BadInputError{"standard input", err}
			}
			cleanup = func() { _ = os.Remove(tmp) }
			files = append(files, file{tmp, "standard input"})
			continue
		}
		info, err := os.Stat(p)
		if err != nil {
			return nil, cleanup, &BadInputError{p, err}
		}
		if !info.IsDir() {
			files = append(files, file{p, p})
			continue
		}
		err = filepath.WalkDir(p, func(path string, d fs.DirEntry, err error) error {
			if ext := filepath.Ext(path); err == nil && d.Type().IsRegular() &&
				slices.Contains([]string{".json", ".jsonl", ".ndjson"}, ext) && !strings.HasPrefix(d.Name(), ".") {
				files = append(files, file{path, path})
			}
			return err
		})
		if err != nil {
			return nil, cleanup, &BadInputError{p, err}
		}
	}
	return files, cleanup, nil
}

func (im *Importer) spool() (string, error) {
	tmp, err := os.CreateTemp("", "recourse-import-*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = io.Copy(tmp, cmp.Or(im.Stdin, io.Reader(os.Stdin)))
	return tmp.Name(), errors.Join(err, tmp.Close())
}

func (im *Importer) rows(c capture, visit func(harper.AuditRow)) error {
	for row, err := range harper.DecodeAuditLog(bytes.NewReader(c.body), harper.DecodeOptions{}) {
		if err != nil {
			return err
		}
		visit(row)
	}
	return nil
}

// check says whether a capture can be read: to its end, or to where the server
// said that it could not go on.
func (im *Importer) check(ctx context.Context, c capture) error {
	var truncated *harper.TruncatedError
	err := im.rows(c, func(harper.AuditRow) {})
	if err != nil && (!errors.As(err, &truncated) || !truncated.Server) {
		return &BadInputError{c.where, err}
	}
	return ctx.Err()
}

// one stores a capture's changes.
func (im *Importer) one(ctx context.Context, c capture, report *ImportReport) error {
	now := time.Now
	if im.Now != nil {
		now = im.Now
	}
	observed := c.at
	if observed == 0 {
		observed = audit.TimeOf(now())
	}
	r := newReading(c.table, Stamp{Cluster: im.Cluster, Node: cmp.Or(im.Node, "import"), Observed: observed, Lossy: true})
	readErr := im.rows(c, r.add)
	var truncated *harper.TruncatedError
	if readErr != nil && !errors.As(readErr, &truncated) {
		return &BadInputError{c.where, readErr}
	}
	if err := r.resolve(ctx, nil); err != nil {
		return err
	}
	known := func(id audit.ChangeID) (bool, error) {
		_, known, err := im.Store.Lookup(ctx, id)
		return known, err
	}
	if err := r.prefer(known); err != nil {
		return err
	}
	report.Doubtful += len(r.doubtful)
	r.settle(extent{readErr == nil && c.to == 0, c.from})
	batch := audit.Batch{Changes: r.changes, Gaps: r.nameless}
	partial := PartialAnswer{Where: c.where, Table: c.table, Read: len(r.changes), Hidden: -1}
	if c.whole() {
		partial.Hidden = 0
	}
	if truncated != nil {
		partial.Reason = truncated.Message
		batch.Gaps = append(batch.Gaps, im.gapOf(c, r, truncated.Message, observed))
	}
	if truncated != nil || c.whole() {
		report.Partial = append(report.Partial, partial)
	}
	got, err := commit(ctx, im.Store, batch)
	report.Appended = addAppended(report.Appended, got)
	return err
}

// gapOf is the stretch that an answer which ended early may lack. Where in it
// the unreadable entry lies is not known, nor what follows it.
func (im *Importer) gapOf(c capture, r *reading, reason string, observed audit.Time) audit.Gap {
	to := c.to
	if to == 0 {
		to = observed
	}
	return audit.Gap{
		Node: r.stamp.Node, Table: c.table, From: c.from, To: to, Observed: observed,
		Reason: "a captured answer ended early: " + reason,
	}
}

// hidden works out how much each reading of a whole log hides, and drops those
// that hide nothing.
func (im *Importer) hidden(ctx context.Context, report *ImportReport) error {
	if len(report.Partial) == 0 {
		return nil
	}
	tables, err := im.Store.Tables(ctx)
	if err != nil {
		return err
	}
	kept := report.Partial[:0]
	for _, p := range report.Partial {
		if p.Hidden >= 0 {
			p.Hidden = max(0, tables[p.Table]-p.Read)
		}
		if p.Reason != "" || p.Hidden > 0 {
			kept = append(kept, p)
		}
	}
	report.Partial = kept
	return nil
}
