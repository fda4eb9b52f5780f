package ingest

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
)

// A Baseliner takes snapshots of live tables, so that records which are older
// than the log have images. It reads and never writes.
//
// A table is read in many small answers while it is written to. Each record is
// whole, carries the version of the write that made it what it is, and is known
// to have been read between two moments; so the log can be joined to it at its
// version, and the table need not stand still.
type Baseliner struct {
	Server Records
	Store  Baselines
	// Node names the server in what is stored; empty is "harper". Cluster names
	// its cluster.
	Node, Cluster string
	// Source is where the records are read: audit.FromSearch, which is the zero
	// value's meaning too, or audit.FromEvents.
	Source audit.BaselineSource
	// Patience is how long a stream of events may bring nothing new while it
	// cannot be proven whole; 0 is one minute.
	Patience time.Duration
	// Progress is called after each commit with what is stored so far; nil:
	// nobody.
	Progress func(audit.Baseline)
	// Log takes what is remarkable; nil discards it.
	Log *slog.Logger
}

// Records is a Harper whose tables can be read. *harper.Client is one.
type Records interface {
	Shapes
	// Page reads records in the order of their keys, from behind a key on; an
	// empty page is behind the last one.
	Page(ctx context.Context, t audit.Table, after audit.ID, limit int) ([]harper.Stored, error)
	// Events tells every record that there is, and then each write.
	Events(context.Context, audit.Table) iter.Seq2[harper.Event, error]
}

// Shapes is what a Harper says of its tables, and of the time.
type Shapes interface {
	DescribeAll(context.Context) ([]harper.TableInfo, error)
	DescribeTable(context.Context, audit.Table) (harper.TableInfo, error)
	ServerTime(context.Context) (audit.Time, time.Duration, error)
}

// Baselines keeps baselines. *store.DB is one.
type Baselines interface {
	// Append stores a batch whole or not at all. A baseline that is stored
	// already is replaced by what is now known of it.
	Append(context.Context, audit.Batch) (audit.Appended, error)
	// Baselines lists those that are stored.
	Baselines(context.Context) ([]audit.Baseline, error)
	// BaseRecords lists what the baselines say of one record.
	BaseRecords(context.Context, audit.Key) ([]audit.BaseRecord, error)
}

// A Taken is what became of one table's baseline.
type Taken struct {
	// Baseline is as it is stored. One that broke off has no Ended, and holds
	// true records all the same; one that never began has no ID.
	audit.Baseline
	// Notes are sentences on what this baseline cannot say.
	Notes []string
	// Err is why it is not complete; nil when it is.
	Err error
}

// Take takes a baseline of each table; without a table, of all that are audited.
// A table that fails does not stop the others: its Taken has the error. Take
// itself fails when nothing can go on: Harper cannot be reached or refuses the
// credentials, the store fails, or the context ends.
func (b Baseliner) Take(ctx context.Context, tables []audit.Table) ([]Taken, error) {
	if len(tables) == 0 {
		infos, err := b.audited(ctx)
		if err != nil {
			return nil, fmt.Errorf("take baselines: %w", err)
		}
		return b.takeAll(ctx, infos)
	}
	infos := make([]harper.TableInfo, len(tables))
	for i, t := range tables {
		infos[i].Table = t
	}
	return b.takeAll(ctx, infos)
}

// TakeMissing takes a baseline of each audited table that has no complete one in
// this cluster, whichever node it was taken of.
func (b Baseliner) TakeMissing(ctx context.Context) ([]Taken, error) {
	have, err := b.Store.Baselines(ctx)
	if err != nil {
		return nil, fmt.Errorf("take baselines: %w", err)
	}
	whole := map[audit.Table]bool{}
	for _, o := range have {
		if o.Ended != 0 && o.Cluster == b.Cluster {
			whole[o.Table] = true
		}
	}
	infos, err := b.audited(ctx)
	if err != nil {
		return nil, fmt.Errorf("take baselines: %w", err)
	}
	var missing []harper.TableInfo
	for _, info := range infos {
		if !whole[info.Table] {
			missing = append(missing, info)
		}
	}
	return b.takeAll(ctx, missing)
}

// audited lists the tables of which Harper keeps a log, those of the database
// "system" excepted: their secrets are of no use here, and are taken only of a
// table that somebody names.
func (b Baseliner) audited(ctx context.Context) ([]harper.TableInfo, error) {
	infos, err := b.Server.DescribeAll(ctx)
	if err != nil {
		return nil, err
	}
	var out []harper.TableInfo
	for _, info := range infos {
		if info.Audit && info.Table.Database != "system" {
			out = append(out, info)
		}
	}
	return out, nil
}

func (b Baseliner) takeAll(ctx context.Context, infos []harper.TableInfo) ([]Taken, error) {
	if b.Log == nil {
		b.Log = slog.New(slog.DiscardHandler)
	}
	var all []Taken
	for _, info := range infos {
		t := b.take(ctx, info)
		all = append(all, t)
		switch {
		case ctx.Err() != nil:
			return all, context.Cause(ctx)
		case t.Err == nil:
			continue
		case errors.Is(t.Err, errNotStored), errors.Is(t.Err, harper.ErrUnreachable), errors.Is(t.Err, harper.ErrUnauthorized):
			return all, t.Err
		}
		b.Log.Warn("take baseline", "table", t.Table.String(), "records", t.Records, "err", t.Err)
	}
	return all, nil
}

// take takes one table's baseline. The table may be known by no more than its
// name.
func (b Baseliner) take(ctx context.Context, info harper.TableInfo) (t Taken) {
	t.Table = info.Table
	defer func() {
		if t.Err != nil {
			t.Err = fmt.Errorf("take baseline of %s: %w", t.Table, t.Err)
		}
	}()
	if info.PrimaryKey == "" {
		if info, t.Err = b.Server.DescribeTable(ctx, info.Table); t.Err != nil {
			return t
		}
	}
	t.Notes = notesOn(info)
	clock := serverClock{server: b.Server}
	if t.Err = clock.look(ctx); t.Err != nil {
		return t
	}
	t.Baseline = audit.Baseline{
		ID: newBaselineID(), Cluster: b.Cluster, Node: cmp.Or(b.Node, "harper"), Table: info.Table,
		Begun: clock.seen, Source: cmp.Or(b.Source, audit.FromSearch), Lossy: b.Source == audit.FromEvents,
	}
	w := &baselineWriter{store: b.Store, b: &t.Baseline, stored: b.Progress}
	if t.Err = w.write(ctx, nil); t.Err != nil {
		return t
	}
	var unread unreadable
	if b.Source == audit.FromEvents {
		t.Err = b.takeEvents(ctx, w, &clock, &unread)
	} else {
		t.Err = b.takePages(ctx, w, &clock, &unread)
	}
	if t.Err == nil {
		t.Err = unread.err()
	}
	if t.Err == nil {
		t.Err = w.end(ctx, clock.until)
	}
	return t
}

// notesOn are the sentences on what a baseline of the table cannot say.
func notesOn(info harper.TableInfo) []string {
	var notes []string
	if !info.Audit {
		notes = append(notes, "Harper keeps no log of this table: what becomes of these records later cannot be known")
	}
	if info.Sourced {
		notes = append(notes, "this table caches another source: the baseline holds what was cached, and nothing was fetched for it")
	}
	if info.Expires {
		notes = append(notes, "this table's records end by themselves, without a trace in the log: a record of the baseline may be gone since")
	}
	if info.Table.Database == "system" {
		notes = append(notes, "the secrets of this system table were taken out")
	}
	return notes
}

// newBaselineID names a baseline of a live table; no two have one name.
func newBaselineID() string { return strings.ToLower(rand.Text()[:16]) }

// An unreadable counts the records that are there and could not be read. A
// baseline with such is never complete: that a record is not in it would
// otherwise prove that there was none.
type unreadable struct {
	n     int
	first error
}

func (u *unreadable) add(id audit.ID, why error) {
	if u.n++; u.n == 1 {
		u.first = fmt.Errorf("%s: %w", id, why)
	}
}

func (u *unreadable) err() error {
	if u.n == 0 {
		return nil
	}
	return fmt.Errorf("%d records are there and could not be read, the first %w", u.n, u.first)
}

// A serverClock brackets what is read between two looks at the server's clock.
type serverClock struct {
	server Shapes
	// seen is not after the last look, until not before it.
	seen, until audit.Time
}

// errClockBack says that what was read meanwhile cannot be placed in time.
var errClockBack = errors.New("the server's clock went back meanwhile; take the baseline again")

func (c *serverClock) look(ctx context.Context) error {
	now, slack, err := c.server.ServerTime(ctx)
	switch {
	case err != nil:
		return err
	case now+ms(slack) < c.seen:
		return errClockBack
	}
	c.seen, c.until = now, now+ms(slack)
	return nil
}
