// Package ingest turns what Harper answers into stored changes. A [Tailer]
// follows a live server's logs; an [Importer] reads captured answers. Both go
// through the same reading of one answer: groups are split into records, the
// operation and the trust of each record are inferred from what the answer
// shows, and what could not be read is kept as a gap.
//
// Harper's audit log is a leaky source; docs/harper.md says how. The rules that
// follow from it, and that this package keeps:
//
//   - The cursor is the server's clock less an overlap, never a change's time.
//   - A change is stored once, by its [audit.ChangeID]; its first image stands.
//   - An answer that breaks off is no answer. Its range is halved until the entry
//     that cannot be read stands alone; that entry becomes an [audit.Gap].
package ingest

import (
	"cmp"
	"context"
	"errors"
	"iter"

	"recourse/audit"
	"recourse/internal/harper"
)

// A Source is the Harper that is read. *harper.Client is one.
type Source interface {
	// AuditLog streams the log of one table. An answer that broke off ends with
	// a *harper.TruncatedError.
	AuditLog(context.Context, harper.AuditQuery) iter.Seq2[harper.AuditRow, error]
	// RecordHistory is the log of single records, by id, with each entry's own
	// operation.
	RecordHistory(context.Context, audit.Table, []audit.ID) (map[audit.ID][]harper.AuditRow, error)
}

// A Sink keeps changes. *store.DB is one.
type Sink interface {
	// Append stores a batch whole or not at all; changes it knows are not
	// stored again. An error with a method TooBig() bool that says true is of a
	// batch of which half may fit.
	Append(context.Context, audit.Batch) (audit.Appended, error)
	// Lookup finds a stored change.
	Lookup(context.Context, audit.ChangeID) (audit.Seq, bool, error)
}

// A Stamp is what every change of one reading has in common.
type Stamp struct {
	Cluster string
	Node    string
	// Observed is when the answer was read.
	Observed audit.Time
	// Lossy says that the answer came as JSON, which has no dates, bytes or NaN.
	Lossy bool
	// UpdatedTime names the attribute to which Harper assigns the time of a
	// record's last write; empty is __updatedtime__.
	UpdatedTime string
	// PrimaryKey names the attribute that holds a record's key; empty is not known.
	PrimaryKey string
}

func (s *Stamp) updatedTime() string { return cmp.Or(s.UpdatedTime, "__updatedtime__") }

// Commits are split so that each fits a transaction of the store and no commit
// holds other readers up for long. New changes take little room there, many
// together; what is kept one by one, such as gaps, records of baselines and better
// readings of stored changes, takes more.
const (
	commitChanges = 4096
	commitBytes   = 4 << 20
	commitSingly  = 500
	singlyBytes   = 256 << 10
)

// commit stores changes in parts, the cursors and what was read with the last
// part, so that a cursor never moves past what is not stored. A crash in between
// leaves changes that the next reading knows already. Alerts go with the first
// part: the next reading would not raise them for what it knows.
func commit(ctx context.Context, sink Sink, b audit.Batch) (audit.Appended, error) {
	var total audit.Appended
	most := commitChanges
	for {
		part, rest := cut(b, most)
		if len(part.Changes)+len(part.Gaps)+len(part.Healed)+len(part.Cursors)+len(part.Spans)+len(part.Slow)+len(part.Alerts) == 0 {
			return total, nil
		}
		got, err := sink.Append(ctx, part)
		if n := max(len(part.Changes), len(part.Gaps)); n > 1 && tooBig(err) {
			most = n / 2
			continue
		}
		if err != nil {
			return total, err
		}
		total = addAppended(total, got)
		b = rest
	}
}

// tooBig says that less may be stored at once.
func tooBig(err error) bool {
	var e interface{ TooBig() bool }
	return errors.As(err, &e) && e.TooBig()
}

// cut is the next part of what is to be committed, of so many changes at most, and
// what is left after it.
func cut(b audit.Batch, most int) (part, rest audit.Batch) {
	n, gaps := commitPart(b.Changes, most), 0
	if n == len(b.Changes) {
		gaps = min(len(b.Gaps), commitSingly, most)
	}
	if n == len(b.Changes) && gaps == len(b.Gaps) {
		return b, audit.Batch{}
	}
	part = audit.Batch{Changes: b.Changes[:n], Gaps: b.Gaps[:gaps], Alerts: b.Alerts}
	b.Changes, b.Gaps, b.Alerts = b.Changes[n:], b.Gaps[gaps:], nil
	return part, b
}

func commitPart(changes []audit.Change, most int) int {
	size := 0
	for i := range changes {
		size += storedSize(&changes[i])
		if i == most || i > 0 && size > commitBytes {
			return i
		}
	}
	return len(changes)
}

// storedSize is about how many bytes of a transaction a change takes.
func storedSize(c *audit.Change) int {
	return len(c.After.Body) + len(c.Before.Body) + len(c.Sent) + len(c.Note) + 2*len(c.Key.ID) + 200
}

func addAppended(a, b audit.Appended) audit.Appended {
	if b.New > 0 {
		if a.New == 0 {
			a.First = b.First
		}
		a.Last = b.Last
	}
	a.New += b.New
	a.Known += b.Known
	a.Divergences += b.Divergences
	a.Amended += b.Amended
	a.Gaps += b.Gaps
	a.Late += b.Late
	a.Newest = max(a.Newest, b.Newest)
	return a
}
