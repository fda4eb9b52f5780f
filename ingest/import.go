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
	// Stdin is read for the path "-"; nil is os.Stdin.
	Stdin io.Reader
	// Progress is called after each capture; nil: nobody.
	Progress func(ImportReport)
	// Now is our clock; nil is time.Now.
	Now func() time.Time
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
	check := func(c capture) error { return im.check(ctx, c) }
	if err := im.each(files, check, func(string, string) {}); err != nil {
		return report, err
	}
	covers, err := newCoverer(ctx, im.Store, cmp.Or(im.Node, "import"))
	if err != nil {
		return report, err
	}
	visit := func(c capture) error {
		if err := im.one(ctx, c, covers, &report); err != nil {
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

// one stores a capture's changes, and what of the log it covers.
func (im *Importer) one(ctx context.Context, c capture, covers *coverer, report *ImportReport) error {
	observed := cmp.Or(c.at, audit.TimeOf(im.now()))
	r := newReading(c.table, Stamp{Cluster: im.Cluster, Node: covers.node, Observed: observed, Lossy: true})
	var begin audit.Time
	readErr := im.rows(c, first(&begin, r.add))
	var truncated *harper.TruncatedError
	if readErr != nil && !errors.As(readErr, &truncated) {
		return &BadInputError{c.where, readErr}
	}
	if err := r.resolve(ctx, nil); err != nil {
		return err
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
	got, err := commit(ctx, im.Store, batch)
	report.Appended = addAppended(report.Appended, got)
	return err
}
