package ingest

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"recourse/audit"
	"recourse/internal/harper"
)

// A Server is a Harper that can be tailed. *harper.Client is one.
type Server interface {
	Source
	// DescribeAll lists the tables, system tables excepted.
	DescribeAll(context.Context) ([]harper.TableInfo, error)
	// ServerTime is the server's clock: a moment not after that at which it
	// answered, and by how much it may be before it.
	ServerTime(context.Context) (audit.Time, time.Duration, error)
}

// A Checkpoint store remembers how far the logs were read. *store.DB is one.
type Checkpoint interface {
	Sink
	// Cursor is where reading of one table's log on one node stands.
	Cursor(ctx context.Context, node string, table audit.Table) (audit.Cursor, bool, error)
	// Gaps lists what could not be read before.
	Gaps(context.Context) ([]audit.Gap, error)
	// SlowWindows lists what took long to read.
	SlowWindows(context.Context) ([]audit.SlowWindow, error)
	// TableChanges are the stored changes of a table from a time, inclusive, to
	// another, exclusive.
	TableChanges(ctx context.Context, table audit.Table, from, to audit.Time) iter.Seq2[audit.Change, error]
	// Spans lists what was read before.
	Spans(context.Context) ([]audit.Span, error)
	// AsOf is a record's image just before a time.
	AsOf(ctx context.Context, cluster string, key audit.Key, at audit.Time) (audit.Image, error)
	// Get is one stored change.
	Get(context.Context, audit.Seq) (audit.Change, error)
}

// A Tailer follows the logs of every audited table of one Harper node.
type Tailer struct {
	o     Options
	clock skewClock
	stats stats

	mu     sync.Mutex
	tables map[audit.Table]*table
	memory map[audit.Table]logMemory // as it was stored when the tailer began; nil: not yet read
	// systems are the system tables that this server logs, and askAgain is when to
	// ask it anew.
	systems  []string
	askAgain time.Time
	// unlogged are the tables of which Harper keeps no audit log.
	unlogged map[audit.Table]bool
}

// NewTailer makes a tailer; Run or Once sets it to work.
func NewTailer(o Options) *Tailer {
	o = o.withDefaults()
	return &Tailer{o: o, clock: skewClock{now: o.Now}, stats: newStats(o.Node, o.Polled), tables: map[audit.Table]*table{}, unlogged: map[audit.Table]bool{}}
}

// Once reads every table's log up to now, with the re-scans that are due, and
// returns what was new. A table that fails does not stop the others; the errors
// come joined. That a user may not read the system's tables is an error only
// when there is nothing else that they may read.
func (t *Tailer) Once(ctx context.Context) (audit.Appended, error) {
	targets, err := t.targets(ctx)
	if err != nil {
		return audit.Appended{}, err
	}
	if err := t.load(ctx); err != nil {
		return audit.Appended{}, err
	}
	fed, total := t.onceFeed(ctx, targets)
	var errs, refused []error
	for _, tg := range targets {
		got, err := t.onceTable(ctx, t.table(tg), fed[t.table(tg)])
		total = addAppended(total, got)
		switch {
		case ctx.Err() != nil:
			return total, ctx.Err()
		case err == nil:
		case tg.system && isRefused(err):
			refused = append(refused, err)
		default:
			errs = append(errs, err)
		}
	}
	if len(targets) > 0 && len(refused) == len(targets) {
		return total, refused[0]
	}
	return total, errors.Join(errs...)
}

// onceFeed reads what can be read from the feed component, and says which tables
// that were.
func (t *Tailer) onceFeed(ctx context.Context, targets []target) (map[*table]bool, audit.Appended) {
	var total audit.Appended
	if t.o.Feed == nil {
		return nil, total
	}
	done := map[*table]bool{}
	for database, ts := range byDatabase(targets) {
		var tables []*table
		for _, tg := range ts {
			tables = append(tables, t.table(tg))
		}
		server, err := t.serverTime(ctx)
		if err != nil {
			return done, total // who polls says why
		}
		fed, err := t.feed(ctx, tables, server)
		for tb, got := range fed {
			total = addAppended(total, got.got)
			done[tb] = got.err == nil
		}
		if err != nil && ctx.Err() == nil {
			t.o.Log.Warn("the feed component fails: reading the audit log in its place", "node", t.o.Node, "database", database, "err", err)
		}
	}
	return done, total
}

// onceTable reads a table's log, unless the feed has told it, and does the
// re-scans that are due.
func (t *Tailer) onceTable(ctx context.Context, tb *table, fed bool) (audit.Appended, error) {
	var total audit.Appended
	server, err := t.serverTime(ctx)
	for err == nil && ctx.Err() == nil && !fed {
		var got audit.Appended
		got, err = t.poll(ctx, tb, server)
		total = addAppended(total, got)
		if !errors.Is(err, errSpent) {
			break
		}
		err = nil // the next pass gets further
	}
	for err == nil && ctx.Err() == nil && tb.rescanDue(server, t.tiers()) {
		var got audit.Appended
		got, err = t.rescan(ctx, tb, server)
		total = addAppended(total, got)
		if errors.Is(err, errSpent) {
			err = nil
		}
	}
	return total, err
}

// Run tails until the context ends, which is no error. It fails at once if the
// server cannot be reached or refuses the credentials at the start; later
// failures are logged and retried.
func (t *Tailer) Run(ctx context.Context) error {
	if err := t.Ready(ctx); err != nil {
		return err
	}
	targets, err := t.targets(ctx)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	feeds := map[string]*follower{}
	for {
		tables := byDatabase(targets)
		for db := range feeds {
			if _, there := tables[db]; !there {
				tables[db] = nil // it was dropped
			}
		}
		for db, ts := range tables {
			f, running := feeds[db]
			if !running {
				f = newFollower(t, db)
				feeds[db] = f
				wg.Go(func() { goOn(ctx, &t.o, "read a database's logs", f.run) })
			}
			f.list(ts)
			for _, tg := range ts {
				t.listen(ctx, &wg, tg)
			}
		}
		if !t.o.Pause(ctx, t.o.Discover) {
			return nil
		}
		if next, err := t.targets(ctx); err == nil {
			targets = next
			t.stats.keepOnly(targets)
		} else if ctx.Err() == nil {
			t.stats.failed(err)
			t.o.Log.Warn("list tables", "node", t.o.Node, "err", err)
		}
	}
}

// Ready makes sure that the server can be reached and lets us read its log.
func (t *Tailer) Ready(ctx context.Context) error {
	targets, err := t.targets(ctx)
	if err != nil {
		return err
	}
	if err := t.mayRead(ctx, targets); err != nil {
		return err
	}
	return t.load(ctx)
}

// Wake has a table polled now and not when its turn comes, because something
// says that it has changed.
func (t *Tailer) Wake(name audit.Table) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if tb := t.tables[name]; tb != nil {
		tb.wake()
	}
}

// sleep pauses, and says false when the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
