package ingest

import (
	"context"
	"errors"
	"fmt"

	"recourse/audit"
)

// errNotStored says that the store failed, so that no further table is tried.
var errNotStored = errors.New("store baseline")

// A baselineWriter stores one baseline in parts of bounded size. Until its end
// is written the baseline has no Ended and counts as incomplete, so that a crash
// between two parts leaves no half that passes for a whole.
type baselineWriter struct {
	store  Baselines
	b      *audit.Baseline
	stored func(audit.Baseline) // nil: nobody wants to know
}

// write stores records, and with the first call, of none, that the baseline was
// begun.
func (w *baselineWriter) write(ctx context.Context, records []audit.BaseRecord) error {
	most := commitSingly
	for first := true; first || len(records) > 0; first = false {
		n := recordsPart(records, most)
		next := *w.b
		next.Records += n
		err := w.append(ctx, next, records[:n])
		if n > 1 && tooBig(err) {
			most = n / 2
			continue
		}
		if err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// end says that the baseline is complete.
func (w *baselineWriter) end(ctx context.Context, at audit.Time) error {
	next := *w.b
	next.Ended = at
	return w.append(ctx, next, nil)
}

func (w *baselineWriter) append(ctx context.Context, next audit.Baseline, records []audit.BaseRecord) error {
	_, err := w.store.Append(ctx, audit.Batch{Baselines: []audit.Baseline{next}, Records: records})
	if err != nil {
		return fmt.Errorf("%w: %w", errNotStored, err)
	}
	if *w.b = next; w.stored != nil {
		w.stored(next)
	}
	return nil
}

// record is one of the baseline's records. Secrets of system tables are taken
// out of it.
func (w *baselineWriter) record(id audit.ID, version audit.Time, body audit.Value) audit.BaseRecord {
	if w.b.Table.Database == "system" {
		body = redactValue(w.b.Table.Name, body)
	}
	return audit.BaseRecord{
		Baseline: w.b.ID, Cluster: w.b.Cluster, Key: audit.Key{Table: w.b.Table, ID: id},
		Version: version, Body: body, Lossy: w.b.Lossy,
	}
}

// recordsPart is how many of the records go into one commit, as of commitPart.
func recordsPart(records []audit.BaseRecord, most int) int {
	size := 0
	for i := range records {
		size += len(records[i].Body) + 2*len(records[i].Key.ID) + 200
		if i == most || i > 0 && size > singlyBytes {
			return i
		}
	}
	return len(records)
}
