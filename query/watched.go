package query

import (
	"context"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"recourse/audit"
)

// A watched view notes what it was asked for.
type watched struct {
	View
	notes *notes
}

func (w watched) note(what StepKind, began time.Time) {
	w.notes.add(Step{What: what, Calls: 1, Took: time.Since(began)})
}

// Set implements View.
func (w watched) Set(ctx context.Context, chunk int, f audit.Facet, value string) (*roaring.Bitmap, error) {
	defer w.note(StepSums, time.Now())
	return w.View.Set(ctx, chunk, f, value)
}

// Doubtful implements View.
func (w watched) Doubtful(ctx context.Context, chunk int) (*roaring.Bitmap, error) {
	defer w.note(StepSums, time.Now())
	return w.View.Doubtful(ctx, chunk)
}

// Values implements View.
func (w watched) Values(ctx context.Context, f audit.Facet) ([]string, error) {
	defer w.note(StepSums, time.Now())
	return w.View.Values(ctx, f)
}

// Counts implements View.
func (w watched) Counts(ctx context.Context, chunk int, f audit.Facet) (map[string]int, error) {
	defer w.note(StepSums, time.Now())
	return w.View.Counts(ctx, chunk, f)
}

// Column implements View.
func (w watched) Column(ctx context.Context, chunk int, f audit.Facet) (codes []uint32, values []string, err error) {
	defer w.note(StepSums, time.Now())
	return w.View.Column(ctx, chunk, f)
}

// Times implements View.
func (w watched) Times(ctx context.Context, chunk int) ([]audit.Time, error) {
	defer w.note(StepTimes, time.Now())
	return w.View.Times(ctx, chunk)
}

// ByTime implements View.
func (w watched) ByTime(ctx context.Context, chunk int) ([]uint16, error) {
	defer w.note(StepTimes, time.Now())
	return w.View.ByTime(ctx, chunk)
}

// Record implements View.
func (w watched) Record(ctx context.Context, k audit.Key) ([]audit.Seq, error) {
	defer w.note(StepRecords, time.Now())
	return w.View.Record(ctx, k)
}
