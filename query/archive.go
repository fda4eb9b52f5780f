package query

import (
	"context"
	"errors"
	"iter"
	"time"

	"recourse/audit"
)

// An Archive knows the lives of records and what became of their changes. It is
// what the verbs ask for that look closer than a search: [Engine.Blame],
// [Engine.AsOf], [Engine.Diff], [Engine.Blast] and others.
type Archive interface {
	Historian
	// Histories yields the changes of records as History does, record by record
	// in the order of the keys.
	Histories(context.Context, []audit.Key) iter.Seq2[audit.Change, error]
	// AsOf is what is known of a record just before a time.
	AsOf(ctx context.Context, cluster string, key audit.Key, t audit.Time) (audit.Image, error)
	// BaseRecords are what baselines hold of a record.
	BaseRecords(context.Context, audit.Key) ([]audit.BaseRecord, error)
	// BaseKeys yields the records of a table that a baseline holds, each once for
	// each cluster: only Cluster and Key are set.
	BaseKeys(context.Context, audit.Table) iter.Seq2[audit.BaseRecord, error]
	// Ledger is what earlier applies have done.
	Ledger(context.Context) (*audit.Ledger, error)
	// Alerts are all alerts.
	Alerts(context.Context) ([]audit.Alert, error)
}

// errNoArchive says that a verb was asked of an engine that can only search.
var errNoArchive = errors.New("this store answers searches alone")

// archive is the store's Archive.
func (e *Engine) archive() (Archive, error) {
	a, ok := e.Store.(Archive)
	if !ok {
		return nil, errNoArchive
	}
	return a, nil
}

// reading is how far the logs were read, by the engine's clock. An answer that was
// interrupted says this too, so it is read whatever became of ctx.
func (e *Engine) reading(ctx context.Context) (*Reading, error) {
	now := time.Now
	if e.Now != nil {
		now = e.Now
	}
	return ReadLog(context.WithoutCancel(ctx), e.Store, now())
}

// A Footing is what the answer of every verb says of itself.
type Footing struct {
	Coverage Stated `json:"coverage"`
	// Partial says that the question was interrupted: this is what was found until
	// then, and there may be more.
	Partial bool  `json:"partial,omitempty"`
	TookMS  int64 `json:"took_ms"`
}

// interrupted says that an error is an interruption, which leaves an answer.
func interrupted(ctx context.Context, err error) bool { return err != nil && ctx.Err() != nil }
