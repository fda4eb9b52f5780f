package ingest

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
)

// A Feeder reads a database's raw audit store through the feed component that
// is installed in Harper. *harper.Client is one.
type Feeder interface {
	Feed(context.Context, harper.FeedQuery) iter.Seq2[harper.FeedEntry, error]
}

// A feedError says that the feed itself failed, and not what was to be stored of
// it: the logs can be polled all the same.
type feedError struct{ err error }

func (e *feedError) Error() string { return e.err.Error() }
func (e *feedError) Unwrap() error { return e.err }

// errSilent says that a feed went on and on, perhaps with blanks, and told nothing.
var errSilent = errors.New("the feed tells nothing")

// A fedTable says how one table of a feed came off.
type fedTable struct {
	got audit.Appended
	err error
}

// feed reads the raw log of the database of these tables to the end, and commits
// what is new together with all cursors. No entry is unreadable, and of patches
// it tells what was sent. Tables that were read before are read in one request,
// from the cursor that is furthest behind; those that were not, whose logs are
// read from the begin, in another, so that a table that somebody makes does not
// have all others read anew. An error is that of the feed: the tables that are
// not among those returned are then to be polled.
func (t *Tailer) feed(ctx context.Context, tables []*table, server audit.Time) (map[*table]fedTable, error) {
	old, fresh := &feeding{t: t, server: server}, &feeding{t: t, server: server}
	for _, tb := range tables {
		d, err := t.fed(ctx, tb, server)
		if err != nil {
			return map[*table]fedTable{tb: {err: err}}, nil
		}
		part := fresh
		if d.poll.known {
			part = old
		}
		part.add(d)
	}
	done := map[*table]fedTable{}
	for _, f := range []*feeding{old, fresh} {
		if len(f.order) == 0 {
			continue
		}
		began := t.o.Now()
		err := f.run(ctx)
		var failed *feedError
		if errors.As(err, &failed) && ctx.Err() == nil {
			return done, failed.err
		}
		took := t.o.Now().Sub(began)
		for _, d := range f.order {
			t.stats.polled(d.poll.tb, server, d.poll.total, took, err)
			done[d.poll.tb] = fedTable{d.poll.total, err}
		}
	}
	return done, nil
}

// A feeding is one reading of a feed under way.
type feeding struct {
	t      *Tailer
	server audit.Time
	order  []*fed          // the tables
	tables map[string]*fed // by name
	from   audit.Time
	bytes  int
	last   audit.Time // the version of the entry before
	at     audit.Time // how far in the log it is
}

// fed is one table's part of it.
type fed struct {
	poll *polling // for the cursor, the span and the proof that nothing is missing
	cur  []audit.Change
	seen occurrences
	fold folding
}

// fed is a table that is about to be read.
func (t *Tailer) fed(ctx context.Context, tb *table, server audit.Time) (*fed, error) {
	p := &polling{t: t, tb: tb, server: server}
	if err := p.resume(ctx); err != nil {
		return nil, err
	}
	p.scan = t.scan(tb, server, nil)
	if p.known {
		p.scan.late = min(p.cursor.Time, server) - ms(t.o.Overlap)
	}
	return &fed{poll: p}, nil
}

func (f *feeding) add(d *fed) {
	if begin := d.poll.begin(); len(f.order) == 0 || begin < f.from {
		f.from = min(begin, f.server)
	}
	if f.tables == nil {
		f.tables = map[string]*fed{}
	}
	f.tables[d.poll.tb.table.Name] = d
	f.order = append(f.order, d)
}

func (f *feeding) run(ctx context.Context) error {
	f.at = f.from
	database := f.order[0].poll.tb.table.Database
	listen, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	silence := time.AfterFunc(f.t.o.Silence, func() { stop(errSilent) })
	defer silence.Stop()
	for e, err := range f.t.o.Feed.Feed(listen, harper.FeedQuery{Database: database, From: f.from}) {
		if err != nil {
			return &feedError{cmp.Or(context.Cause(listen), err)}
		}
		silence.Reset(f.t.o.Silence)
		// Not within a transaction: what its first entries lead to is not yet
		// before the others.
		if f.bytes > flushBytes && e.Version != f.last {
			if err := f.flush(ctx); err != nil {
				return err
			}
		}
		f.last = e.Version
		if e.Table.Name == "" {
			f.unknown(e)
		} else if d := f.tables[e.Table.Name]; d != nil {
			if err := f.entry(ctx, d, e); err != nil {
				return err
			}
		}
		f.at = max(f.at, e.LocalTime)
	}
	if err := f.flush(ctx); err != nil {
		return err
	}
	for _, d := range f.order {
		d.poll.shown.from = f.from
		if err := d.poll.commit(ctx, window{from: f.from}); err != nil {
			return err
		}
	}
	return nil
}

// unknown is an entry of which not even the table is known: a damaged one, of
// whichever table, or one of a table that was dropped.
func (f *feeding) unknown(e harper.FeedEntry) {
	if e.Err == "" || e.TableID != 0 {
		return
	}
	at := e.LocalTime
	if at == 0 {
		at = f.at // nothing else says where in the log it is
	}
	for _, d := range f.order {
		d.fold.doubt()
		s := d.poll.scan
		s.found = append(s.found, audit.Gap{
			Node: f.t.o.Node, Table: d.poll.tb.table, From: at, To: at, Entries: 1, Kind: audit.GapUnreadable,
			Reason: "a damaged entry of the raw log, of this table or another: " + e.Err, Observed: s.stamp.Observed,
		})
	}
}

// entry takes the next entry of a table.
func (f *feeding) entry(ctx context.Context, d *fed, e harper.FeedEntry) error {
	p := d.poll
	if e.ID == "" {
		if e.Type == string(audit.OpReload) {
			p.scan.reloads = append(p.scan.reloads, e.Version)
			return nil
		}
		d.fold.doubt()
		p.scan.found = append(p.scan.found, audit.Gap{
			Node: f.t.o.Node, Table: p.tb.table, From: e.LocalTime, To: e.LocalTime, Entries: 1, Kind: audit.GapUnreadable,
			Reason: "an entry of the raw log whose key cannot be read: " + e.Err, Observed: p.scan.stamp.Observed,
		})
		return nil
	}
	c, ok := f.change(d, e)
	if !ok {
		return nil
	}
	d.seen.number(&c)
	after, err := f.after(ctx, d, &c, e)
	if err != nil {
		return err
	}
	c.After = after
	redact(&c)
	c.Late = (p.scan.late != 0 && c.Time < p.scan.late || c.Time < f.from-ms(lateAfter)) && c.Op.Kind() != audit.KindMessage
	if c.Op.Kind() != audit.KindMessage {
		d.fold.add(&c)
		if p.first && (p.oldest == 0 || c.Time < p.oldest) {
			p.oldest = c.Time
		}
	}
	d.cur = append(d.cur, c)
	f.bytes += sizeOf(&c) + len(c.Sent)
	return nil
}

// change is an entry as a change, without its image. What is no event of a
// record is none.
func (f *feeding) change(d *fed, e harper.FeedEntry) (audit.Change, bool) {
	op := e.Operation
	if op == "" {
		switch e.Type {
		case "put":
			op = audit.OpUpsert
		case "patch", "delete", "message", "invalidate", "relocate":
			op = audit.Op(e.Type)
		default:
			return audit.Change{}, false
		}
	}
	c := audit.Change{
		Cluster: f.t.o.Cluster, Node: f.t.o.Node, Time: e.Version, User: e.User, Op: op, Reported: op,
		Key: audit.Key{Table: d.poll.tb.table, ID: e.ID}, Group: audit.Group{Size: 1}, Observed: d.poll.scan.stamp.Observed,
	}
	if e.Err != "" {
		c.Note = "the entry could not be decoded: " + e.Err
	} else if e.Type == "patch" {
		c.Sent = e.Value
	}
	return c, true
}

// after is the image that an entry leads to. A patch is applied to the image
// before it, and is as trustworthy as that.
func (f *feeding) after(ctx context.Context, d *fed, c *audit.Change, e harper.FeedEntry) (audit.Image, error) {
	switch {
	case e.Err != "":
		return audit.Image{}, nil
	case c.Op.Kind() == audit.KindDelete:
		return audit.AbsentImage(audit.Logged, audit.Exact), nil
	case e.Type == "put" && e.Value.Kind() == audit.KindObject, c.Op.Kind() == audit.KindMessage && e.Value != nil:
		return audit.PresentImage(e.Value, audit.Logged, audit.Exact), nil
	case e.Type != "patch" || e.Value.Kind() != audit.KindObject:
		return audit.Image{}, nil
	}
	before, err := f.before(ctx, d, c)
	if err != nil {
		return audit.Image{}, err
	}
	return applyPatch(before, e.Value), nil
}

// flush stores what was read.
func (f *feeding) flush(ctx context.Context) error {
	for _, d := range f.order {
		r := &reading{table: d.poll.tb.table, changes: d.cur}
		got, err := f.t.store(ctx, d.poll.tb, r, &d.poll.shown)
		d.poll.total = addAppended(d.poll.total, got)
		if err != nil {
			return err
		}
		d.cur = nil
		d.fold.stored(f.last)
		f.t.stats.beat(d.poll.tb.table.Database, f.t.o.Now())
	}
	f.bytes = 0
	return nil
}

// noFeed says that the component is not there.
func noFeed(err error) bool { return errors.Is(err, harper.ErrNotFound) }
