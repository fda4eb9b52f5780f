package querytest

import (
	"context"
	"iter"
	"slices"

	"recourse/audit"
	"recourse/query"
)

var _ query.Archive = (*Memory)(nil)

// Histories implements query.Archive.
func (m *Memory) Histories(ctx context.Context, keys []audit.Key) iter.Seq2[audit.Change, error] {
	return func(yield func(audit.Change, error) bool) {
		for _, k := range keys {
			for c, err := range m.History(ctx, k) {
				if err == nil {
					err = ctx.Err()
				}
				if !yield(c, err) || err != nil {
					return
				}
			}
		}
	}
}

// AsOf implements query.Archive: it is as the last change before the time left it.
func (m *Memory) AsOf(_ context.Context, cluster string, k audit.Key, t audit.Time) (audit.Image, error) {
	var image audit.Image
	for _, i := range m.records[k] {
		if c := &m.changes[i]; c.Cluster == cluster && c.Time < t && c.Op.Kind() != audit.KindMessage {
			if image = c.After; image.State != audit.Unknown {
				image.Source = audit.Folded
			}
		}
	}
	return image, nil
}

// BaseRecords implements query.Archive: there are no baselines.
func (m *Memory) BaseRecords(context.Context, audit.Key) ([]audit.BaseRecord, error) { return nil, nil }

// BaseKeys implements query.Archive.
func (m *Memory) BaseKeys(context.Context, audit.Table) iter.Seq2[audit.BaseRecord, error] {
	return func(func(audit.BaseRecord, error) bool) {}
}

// Ledger implements query.Archive.
func (m *Memory) Ledger(context.Context) (*audit.Ledger, error) {
	l := m.Undone
	if l == nil {
		l = &audit.Ledger{}
	}
	return l, nil
}

// Alerts implements query.Archive.
func (m *Memory) Alerts(context.Context) ([]audit.Alert, error) { return slices.Clone(m.Alerted), nil }
