package ingest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
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
	// Dir is where relative paths are from; empty: the process's own folder.
	Dir string
	// Stdin is read for the path "-"; nil is os.Stdin.
	Stdin io.Reader
	// Progress is called after each capture; nil: nobody.
	Progress func(ImportReport)
	// Ordered is called before anything is stored if nothing that is stored will make
	// otherwise what this import stored before, so that who follows the store may do so
	// meanwhile and find what he would find at the end; nil: nobody.
	Ordered func()
	// Now is our clock; nil is time.Now.
	Now func() time.Time

	reading reading // used again for each line
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

// Import reads files, folders and "-". All of them are checked before anything
// is stored: a *BadInputError leaves the store as it was. Answers that ended
// early are no such error; they are in the report.
func (im *Importer) Import(ctx context.Context, paths []string) (ImportReport, error) {
	var report ImportReport
	files, cleanup, err := im.files(ctx, paths)
	defer cleanup()
	if err != nil {
		return report, err
	}
	var lines harper.LineDecoder
	var order ordered
	check := func(c capture) error {
		order.add(&c)
		return im.check(ctx, c)
	}
	if err := im.each(files, lines.Check, check, func(string, string) {}); err != nil {
		return report, err
	}
	covers, err := newCoverer(ctx, im.Store, cmp.Or(im.Node, "import"))
	if err != nil {
		return report, err
	}
	if !order.broken && im.Ordered != nil {
		im.Ordered()
	}
	w := newWriter(ctx, im.Store)
	visit := func(c capture) error {
		if err := im.one(ctx, c, covers, w, &report); err != nil {
			return err
		}
		report.Captures++
		if im.Progress != nil {
			im.Progress(report)
		}
		return ctx.Err()
	}
	skip := func(where, why string) { report.Skipped = append(report.Skipped, SkippedPart{where, why}) }
	err = im.each(files, lines.Decode, visit, skip)
	appended, writeErr := w.close(err == nil)
	report.Appended = appended
	if err := cmp.Or(writeErr, err); err != nil {
		return report, err
	}
	mended, err := covers.mend(ctx, audit.TimeOf(im.now()))
	report.Appended = addAppended(report.Appended, mended)
	report.Appended.Gaps = max(report.Appended.Gaps, 0)
	if err != nil {
		return report, err
	}
	return report, im.hidden(ctx, &report)
}

func (im *Importer) now() time.Time {
	if im.Now != nil {
		return im.Now()
	}
	return time.Now()
}

func (im *Importer) rows(c capture, visit func(harper.AuditRow)) error {
	if c.plain {
		for _, row := range c.rows {
			visit(row)
		}
		return nil
	}
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

// one hands over a capture's changes to be stored, and what of the log it covers.
func (im *Importer) one(ctx context.Context, c capture, covers *coverer, w *writer, report *ImportReport) error {
	observed := cmp.Or(c.at, audit.TimeOf(im.now()))
	stamp := Stamp{Cluster: im.Cluster, Node: covers.node, Observed: observed, Lossy: true}
	if c.plain && len(c.rows) == 1 {
		return w.add(im.alone(c, stamp))
	}
	r := newReading(c.table, stamp)
	var begin audit.Time
	readErr := im.rows(c, first(&begin, r.add))
	var truncated *harper.TruncatedError
	if readErr != nil && !errors.As(readErr, &truncated) {
		return &BadInputError{c.where, readErr}
	}
	if err := r.resolve(ctx, nil); err != nil {
		return err
	}
	if len(r.doubtful) > 0 || truncated != nil {
		if err := w.flush(); err != nil { // what is stored matters
			return err
		}
	}
	known := func(ctx context.Context, id audit.ChangeID) (bool, error) {
		_, known, err := im.Store.Lookup(ctx, id)
		return known, err
	}
	if err := r.prefer(ctx, known); err != nil {
		return err
	}
	report.Doubtful += len(r.doubtful)
	r.settle(extent{reachedEnd: readErr == nil && c.to == 0, from: c.from}, &occurrences{})
	batch := audit.Batch{Changes: r.changes, Gaps: r.nameless}
	gaps, err := im.cutShort(ctx, c, r, truncated)
	if err != nil {
		return err
	}
	batch.Gaps = append(batch.Gaps, gaps...)
	if span, known := covers.span(c, begin); known && truncated == nil {
		batch.Spans = []audit.Span{span}
	}
	if truncated != nil || c.whole() {
		report.Partial = append(report.Partial, partialOf(c, r, truncated))
	}
	return w.add(batch)
}

// alone is a line of the common form with one record, which is most of them:
// what it is nobody doubts, nothing else of its transaction is known, and it covers
// nothing.
func (im *Importer) alone(c capture, stamp Stamp) audit.Batch {
	r := &im.reading
	r.table, r.stamp = c.table, stamp
	r.changes, r.stable, r.reloads, r.bytes = r.changes[:0], r.stable[:0], nil, 0
	r.add(c.rows[0])
	for i := range r.changes { // none of a reload
		change := &r.changes[i]
		change.ID = change.Identify()
		if r.stable[i] && change.After.State == audit.Present {
			change.After.Trust = audit.Exact
		}
	}
	return audit.Batch{Changes: r.changes}
}
