package ingest

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"recourse/audit"
	"recourse/internal/harper"
)

// A Feeder reads a database's raw audit store through the feed component that
// is installed in Harper. *harper.Client is one.
type Feeder interface {
	Feed(context.Context, harper.FeedQuery) iter.Seq2[harper.FeedEntry, error]
}

// feed reads the raw log of the database of these tables, from the cursor that
// is furthest behind to the end, and commits what is new together with all
// cursors. One request serves all tables, no entry is unreadable, and of patches
// it tells what was sent.
func (t *Tailer) feed(ctx context.Context, tables []*table, server audit.Time) (audit.Appended, error) {
	f := &feeding{t: t, server: server, tables: map[string]*fed{}}
	began := t.o.Now()
	err := f.run(ctx, tables)
	if err != nil {
		err = fmt.Errorf("read the feed of %s: %w", tables[0].table.Database, err)
	}
	for _, tb := range tables {
		got := audit.Appended{}
		if d := f.tables[tb.table.Name]; d != nil {
			got = d.total
		}
		t.stats.polled(tb, server, got, t.o.Now().Sub(began), err)
	}
	return f.total, err
}

// A feeding is one reading of a feed under way.
type feeding struct {
	t      *Tailer
	server audit.Time
	tables map[string]*fed
	total  audit.Appended
	bytes  int
	last   audit.Time // the version of the entry before
}

// fed is one table's part of it.
type fed struct {
	poll  *polling // for the cursor, the span and the proof that nothing is missing
	cur   []audit.Change
	seen  occurrences
	image map[audit.ID]audit.Image // what the changes in cur lead to
	total audit.Appended
}

func (f *feeding) run(ctx context.Context, tables []*table) error {
	w := window{from: f.server}
	for _, tb := range tables {
		p := &polling{t: f.t, tb: tb, server: f.server}
		var err error
		if p.cursor, p.known, err = f.t.o.Store.Cursor(ctx, f.t.o.Node, tb.table); err != nil {
			return err
		}
		p.first = !p.known
		if tb.reread == nil && p.known {
			tb.reread = p.cursor.Reread
		}
		p.scan = f.t.scan(tb, f.server, nil)
		if p.known {
			p.scan.late = min(p.cursor.Time, f.server) - ms(f.t.o.Overlap)
		}
		w.from = min(w.from, p.begin())
		f.tables[tb.table.Name] = &fed{poll: p, image: map[audit.ID]audit.Image{}}
	}
	for e, err := range f.t.o.Feed.Feed(ctx, harper.FeedQuery{Database: tables[0].table.Database, From: w.from}) {
		if err != nil {
			return err
		}
		// Not within a transaction: what its first entries lead to is not yet
		// before the others.
		if f.bytes > flushBytes && e.Version != f.last {
			if err := f.flush(ctx); err != nil {
				return err
			}
		}
		f.last = e.Version
		if d := f.tables[e.Table.Name]; d != nil {
			if err := f.entry(ctx, d, e, w); err != nil {
				return err
			}
		}
	}
	if err := f.flush(ctx); err != nil {
		return err
	}
	for _, d := range f.tables {
		d.poll.shown.from = w.from
		if err := d.poll.commit(ctx, window{from: w.from}); err != nil {
			return err
		}
		f.total = addAppended(f.total, d.poll.total)
	}
	return nil
}

// entry takes the next entry of a table.
func (f *feeding) entry(ctx context.Context, d *fed, e harper.FeedEntry, w window) error {
	p := d.poll
	if e.ID == "" {
		if e.Type == string(audit.OpReload) {
			p.scan.reloads = append(p.scan.reloads, e.Version)
			return nil
		}
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
	c.Nth = d.seen.next(&c)
	c.ID = c.Identify()
	after, err := f.after(ctx, d, &c, e)
	if err != nil {
		return err
	}
	c.After = after
	redact(&c)
	c.Late = (p.scan.late != 0 && c.Time < p.scan.late || c.Time < w.from-ms(lateAfter)) && c.Op.Kind() != audit.KindMessage
	if c.Op.Kind() != audit.KindMessage {
		d.image[c.Key.ID] = c.After
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
	before, held := d.image[c.Key.ID]
	if !held {
		var err error
		if before, err = f.t.o.Store.AsOf(ctx, c.Cluster, c.Key, c.Time); err != nil {
			return audit.Image{}, err
		}
	}
	return applyPatch(before, e.Value), nil
}

// flush stores what was read.
func (f *feeding) flush(ctx context.Context) error {
	for _, d := range f.tables {
		r := &reading{table: d.poll.tb.table, changes: d.cur}
		got, err := f.t.store(ctx, d.poll.tb, r, &d.poll.shown)
		d.poll.total, d.total = addAppended(d.poll.total, got), addAppended(d.total, got)
		if err != nil {
			return err
		}
		d.cur = nil
		clear(d.image) // the store has them now
	}
	f.bytes = 0
	return nil
}

// noFeed says that the component is not there.
func noFeed(err error) bool { return errors.Is(err, harper.ErrNotFound) }
