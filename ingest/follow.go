package ingest

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"recourse/audit"
)

// A follower polls the tables of one database in turn, one request at a time:
// every poll of a table costs the server a walk through the whole database's
// window, so they are not run side by side.
type follower struct {
	t        *Tailer
	database string
	lists    chan []target // the newest list of tables
	tables   []*table      // of the list that was taken last, which run finds again after a panic; nil: of none yet
	tick     chan struct{} // a table wants to be polled before its time
	turn     int           // whose re-scan is next
	// noFeed is until when the feed component is not asked again, since it failed.
	noFeed   time.Time
	feedless backoff
}

func newFollower(t *Tailer, database string) *follower {
	return &follower{t: t, database: database, lists: make(chan []target, 1), tick: make(chan struct{}, 1)}
}

// list hands over which tables there are. Only the newest list counts. Nobody
// else puts one there.
func (f *follower) list(ts []target) {
	select {
	case <-f.lists:
	default:
	}
	f.lists <- ts
	select {
	case f.tick <- struct{}{}:
	default: // it is told already
	}
}

func (f *follower) run(ctx context.Context) {
	if f.tables == nil {
		select {
		case ts := <-f.lists:
			f.tables = f.take(ts)
		case <-ctx.Done():
		}
	}
	for ctx.Err() == nil {
		select {
		case ts := <-f.lists:
			f.tables = f.take(ts)
		default:
		}
		f.t.stats.beat(f.database, f.t.o.Now())
		f.round(ctx, f.tables)
		if !f.wait(ctx, f.tables) {
			return
		}
	}
}

func (f *follower) take(ts []target) []*table {
	tables := make([]*table, len(ts))
	for i, tg := range ts {
		tables[i] = f.t.table(tg)
		tables[i].listen(f.tick)
	}
	return tables
}

// round polls the tables that are due, and does at most one window of a
// re-scan, so that no table waits long for its poll.
func (f *follower) round(ctx context.Context, tables []*table) {
	t := f.t
	now := t.o.Now()
	var due []*table
	for _, tb := range tables {
		if tb.due(now) {
			due = append(due, tb)
		}
	}
	if len(due) == 0 {
		return
	}
	server, err := t.serverTime(ctx)
	if err != nil {
		for _, tb := range due {
			f.settle(ctx, tb, 0, err)
		}
		return
	}
	fed := f.feed(ctx, tables, server)
	for _, tb := range due {
		if _, done := fed[tb]; done {
			continue
		}
		got, err := t.poll(ctx, tb, server)
		f.settle(ctx, tb, got.New, err)
		if err := t.seek(ctx, tb, server); err != nil && ctx.Err() == nil {
			t.o.Log.Warn("look for an event in the log", "table", tb.name(), "err", err)
		}
		if ctx.Err() != nil {
			return
		}
	}
	for range tables {
		f.turn++
		tb := tables[f.turn%len(tables)]
		if tb.backoff.failures > 0 || !tb.rescanDue(server, t.tiers()) {
			continue
		}
		if _, err := t.rescan(ctx, tb, server); err != nil {
			f.settle(ctx, tb, 0, err)
		}
		return
	}
}

// feed reads all tables from the feed component. Those that it does not return
// are to be polled: there is no component, or it failed.
func (f *follower) feed(ctx context.Context, tables []*table, server audit.Time) map[*table]fedTable {
	t := f.t
	if t.o.Feed == nil || t.o.Now().Before(f.noFeed) {
		return nil
	}
	fed, err := t.feed(ctx, tables, server)
	if ctx.Err() != nil {
		return nil
	}
	there := err == nil
	t.stats.with(func(s *Stats) { s.Feed = &there })
	for tb, got := range fed {
		tb.events.overdue(t.o.Now()) // the feed has shown them, or never will
		f.settle(ctx, tb, got.got.New, got.err)
	}
	if err == nil {
		f.feedless = backoff{}
		return fed
	}
	pause := f.feedless.fail(max(t.o.Interval, time.Second))
	switch {
	case noFeed(err):
		pause = t.o.Discover
	case errors.Is(err, errSilent):
		pause = time.Hour // every try holds all tables up
	}
	f.noFeed = t.o.Now().Add(pause)
	t.o.Log.Warn("the feed component fails: reading the audit log in its place", "node", t.o.Node, "database", f.database,
		"retry_in", pause.Round(time.Millisecond), "err", err)
	return fed
}

// settle says when a table is polled next.
func (f *follower) settle(ctx context.Context, tb *table, fresh int, err error) {
	t := f.t
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, errSpent):
		t.o.Log.Info("so many entries cannot be read that it takes several passes", "table", tb.name())
		tb.after(t.o, 1)
	case err == nil:
		if tb.backoff.failures > 0 {
			t.o.Log.Info("reading again", "table", tb.name())
		}
		tb.backoff = backoff{}
		tb.after(t.o, fresh)
	default:
		t.stats.failed(err)
		pause := tb.backoff.fail(t.o.Interval)
		tb.postpone(t.o.Now().Add(pause))
		t.o.Log.Warn("read audit log", "node", t.o.Node, "table", tb.name(), "retry_in", pause.Round(time.Millisecond), "err", err)
	}
}

// wait sleeps until a table is due, or wants to be.
func (f *follower) wait(ctx context.Context, tables []*table) bool {
	pause := f.t.o.Interval
	if len(tables) > 0 {
		now := f.t.o.Now()
		pause = f.t.o.Idle
		for _, tb := range tables {
			pause = min(pause, tb.dueIn(now))
		}
	}
	woken, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-f.tick:
			stop()
		case <-woken.Done():
		}
	}()
	f.t.o.Pause(woken, max(pause, time.Millisecond))
	stop()
	<-done
	return ctx.Err() == nil
}

// A backoff says how long a failing table is left alone.
type backoff struct{ failures int }

// fail counts a failure: the pause doubles up to a minute, less up to a half by
// chance, so that many tables do not come back at once.
func (b *backoff) fail(interval time.Duration) time.Duration {
	pause := min(min(interval, time.Minute)<<min(b.failures, 16), time.Minute)
	b.failures++
	return pause - time.Duration(rand.Int64N(int64(pause)/2+1))
}
