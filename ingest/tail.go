package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
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
}

// Options set up a Tailer. Server and Store are needed; the zero value of
// everything else works.
type Options struct {
	Server Server
	Store  Checkpoint
	// Node names the server in what is stored; empty is "harper".
	Node string
	// Cluster names the cluster; changes of one cluster are one, whichever node
	// they are read from.
	Cluster string
	// Interval is the pause between two polls of a table; 0 is one second.
	Interval time.Duration
	// Overlap is how far before its cursor a poll begins. It has to exceed the
	// longest transaction: on RocksDB a transaction carries the time of its first
	// write and is seen when it commits. 0 is one minute.
	Overlap time.Duration
	// Discover is how often the list of tables is read; 0 is 30 seconds.
	Discover time.Duration
	// Retention is how long Harper keeps its log; a cursor older than that leaves
	// a gap. 0 is Harper's default of three days.
	Retention time.Duration
	// Deadline is how long a poll goes on once it has reached the log's live end,
	// which on RocksDB moves along with the writers. 0 is 10 seconds.
	Deadline time.Duration
	// System lists tables of the system database to tail too; nil is hdb_user,
	// hdb_role and hdb_job. Their secrets are taken out.
	System []string
	// JSON reads JSON in place of CBOR, which loses dates, bytes and NaN.
	JSON bool
	// Log takes what happens in the loop; nil discards it.
	Log *slog.Logger
	// Stored is called after each commit that brought something new; nil: nobody.
	Stored func(context.Context, audit.Table, audit.Appended)
	// Now is our clock; nil is time.Now.
	Now func() time.Time
}

// defaultDeadline is Options.Deadline when it is zero.
const defaultDeadline = 10 * time.Second

func (o Options) withDefaults() Options {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&o.Interval, time.Second)
	def(&o.Overlap, time.Minute)
	def(&o.Discover, 30*time.Second)
	def(&o.Retention, 72*time.Hour)
	def(&o.Deadline, defaultDeadline)
	if o.Node == "" {
		o.Node = "harper"
	}
	if o.System == nil {
		o.System = []string{"hdb_user", "hdb_role", "hdb_job"}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// A Tailer follows the logs of every audited table of one Harper node.
type Tailer struct {
	o    Options
	mu   sync.Mutex
	gaps map[audit.Table][]audit.Gap
}

// NewTailer makes a tailer; Run or Once sets it to work.
func NewTailer(o Options) *Tailer {
	return &Tailer{o: o.withDefaults(), gaps: map[audit.Table][]audit.Gap{}}
}

// A target is a table to be tailed and what its reading needs to know.
type target struct {
	table   audit.Table
	primary string
	updated string
	system  bool
}

// Once reads every table's log up to now, and returns what was new. A table
// that fails does not stop the others; the errors come joined.
func (t *Tailer) Once(ctx context.Context) (audit.Appended, error) {
	var total audit.Appended
	targets, err := t.targets(ctx)
	if err != nil {
		return total, err
	}
	if err := t.loadGaps(ctx); err != nil {
		return total, err
	}
	var errs []error
	for _, tg := range targets {
		got, err := t.poll(ctx, tg)
		total = addAppended(total, got)
		if ctx.Err() != nil {
			return total, ctx.Err()
		}
		if err != nil && (!tg.system || !isRefused(err)) {
			errs = append(errs, err)
		}
	}
	return total, errors.Join(errs...)
}

// Run tails until the context ends, which is no error. It fails at once if the
// server cannot be reached or refuses the credentials at the start; later
// failures are logged and retried.
func (t *Tailer) Run(ctx context.Context) error {
	targets, err := t.targets(ctx)
	if err != nil {
		return err
	}
	if err := t.loadGaps(ctx); err != nil {
		return err
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	feeds := map[string]chan []target{}
	for {
		for db, ts := range byDatabase(targets) {
			feed, running := feeds[db]
			if !running {
				feed = make(chan []target, 1)
				feeds[db] = feed
				wg.Go(func() { t.follow(ctx, feed) })
			}
			select { // only the newest list counts
			case <-feed:
			default:
			}
			feed <- ts
		}
		if !sleep(ctx, t.o.Discover) {
			return nil
		}
		if next, err := t.targets(ctx); err == nil {
			targets = next
		} else if ctx.Err() == nil {
			t.o.Log.Warn("list tables", "node", t.o.Node, "err", err)
		}
	}
}

// follow polls the tables of one database in turn, one request at a time:
// every poll of a table costs the server a walk through the whole database's
// window, so they are not run side by side.
func (t *Tailer) follow(ctx context.Context, feed <-chan []target) {
	targets := <-feed
	failing := map[audit.Table]*backoff{}
	for {
		select {
		case targets = <-feed:
		default:
		}
		for _, tg := range targets {
			b := failing[tg.table]
			if b != nil && t.o.Now().Before(b.until) {
				continue
			}
			_, err := t.poll(ctx, tg)
			switch {
			case ctx.Err() != nil:
				return
			case err == nil:
				if b != nil {
					t.o.Log.Info("reading again", "table", tg.table.String())
				}
				delete(failing, tg.table)
			default:
				if b == nil {
					b = &backoff{}
					failing[tg.table] = b
				}
				pause := b.fail(t.o.Now(), t.o.Interval)
				t.o.Log.Warn("read audit log", "table", tg.table.String(), "retry_in", pause.Round(time.Millisecond), "err", err)
			}
		}
		if !sleep(ctx, t.o.Interval) {
			return
		}
	}
}

// A backoff says when a failing table is tried again.
type backoff struct {
	failures int
	until    time.Time
}

// fail counts a failure: the pause doubles up to a minute, less up to a half by
// chance, so that many tables do not come back at once.
func (b *backoff) fail(now time.Time, interval time.Duration) time.Duration {
	pause := min(interval<<min(b.failures, 16), time.Minute)
	b.failures++
	pause -= time.Duration(rand.Int64N(int64(pause)/2 + 1))
	b.until = now.Add(pause)
	return pause
}

// poll reads one table's log from its cursor to the end, and commits what is
// new together with the new cursor.
func (t *Tailer) poll(ctx context.Context, tg target) (audit.Appended, error) {
	var total audit.Appended
	server, _, err := t.o.Server.ServerTime(ctx)
	if err != nil {
		return total, err
	}
	cursor, known, err := t.o.Store.Cursor(ctx, t.o.Node, tg.table)
	if err != nil {
		return total, err
	}
	s := t.scan(tg, server, &total)
	var from audit.Time
	if known {
		// A server whose clock was set back writes behind the cursor.
		from = min(cursor.Time, server) - ms(t.o.Overlap)
		s.late = from
		if lost := server - ms(t.o.Retention); cursor.Time < lost {
			s.found = append(s.found, audit.Gap{
				Node: t.o.Node, Table: tg.table, From: cursor.Time, To: lost, Observed: s.stamp.Observed,
				Reason: "not read for longer than Harper keeps its log: changes of this time may be lost",
			})
		}
	}
	if err := s.run(ctx, window{from: from}); err != nil {
		return total, fmt.Errorf("tail %s: %w", tg.table, err)
	}
	got, err := t.o.Store.Append(ctx, audit.Batch{
		Gaps:    s.found,
		Cursors: []audit.Cursor{{Node: t.o.Node, Table: tg.table, Time: server}},
	})
	if err != nil {
		return total, err
	}
	total = addAppended(total, got)
	for _, g := range s.found {
		t.o.Log.Warn("gap in the audit log", "table", tg.table.String(), "from", g.From.String(), "to", g.To.String(), "reason", g.Reason)
	}
	t.remember(tg.table, s.found...)
	return total, nil
}

func (t *Tailer) scan(tg target, server audit.Time, total *audit.Appended) *scan {
	now := t.o.Now()
	t.mu.Lock()
	gaps := slices.Clone(t.gaps[tg.table])
	t.mu.Unlock()
	return &scan{
		source: t.o.Server, table: tg.table, primary: tg.primary, json: t.o.JSON,
		stamp: Stamp{
			Cluster: t.o.Cluster, Node: t.o.Node, Observed: audit.TimeOf(now),
			Lossy: t.o.JSON, UpdatedTime: tg.updated,
		},
		now: t.o.Now, server: server, deadline: now.Add(t.o.Deadline), gaps: gaps,
		emit: func(ctx context.Context, r *reading) error {
			fresh, err := t.fresh(ctx, r.changes)
			if err != nil {
				return err
			}
			got, err := commit(ctx, t.o.Store, audit.Batch{Changes: fresh})
			got.Known += len(r.changes) - len(fresh)
			*total = addAppended(*total, got)
			if got.New > 0 && t.o.Stored != nil {
				t.o.Stored(ctx, tg.table, got)
			}
			return err
		},
	}
}

// fresh is the changes less those that are stored already and whose image is
// only provisional now: that a patch reads otherwise once its record has changed
// again is how Harper is, and would make a divergence of every poll.
func (t *Tailer) fresh(ctx context.Context, changes []audit.Change) ([]audit.Change, error) {
	fresh := make([]audit.Change, 0, len(changes))
	for _, c := range changes {
		if c.After.Trust <= audit.Provisional && c.After.State != audit.Absent {
			_, known, err := t.o.Store.Lookup(ctx, c.ID)
			if err != nil {
				return nil, err
			}
			if known {
				continue
			}
		}
		fresh = append(fresh, c)
	}
	return fresh, nil
}

func (t *Tailer) loadGaps(ctx context.Context) error {
	gaps, err := t.o.Store.Gaps(ctx)
	if err != nil {
		return err
	}
	for _, g := range gaps {
		if g.Node == t.o.Node {
			t.remember(g.Table, g)
		}
	}
	return nil
}

// remember keeps the gaps around single unreadable entries, so that later polls
// read around them.
func (t *Tailer) remember(table audit.Table, gaps ...audit.Gap) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, g := range gaps {
		if width := g.To - g.From; width <= 0 || width > narrowest {
			continue
		}
		t.gaps[table] = append(t.gaps[table], g)
	}
}

// targets lists the tables to tail.
func (t *Tailer) targets(ctx context.Context) ([]target, error) {
	infos, err := t.o.Server.DescribeAll(ctx)
	if err != nil {
		return nil, err
	}
	var targets []target
	for _, info := range infos {
		if !info.Audit {
			continue
		}
		tg := target{table: info.Table, primary: info.PrimaryKey}
		for _, a := range info.Attributes {
			if a.UpdatedTime {
				tg.updated = a.Name
			}
		}
		targets = append(targets, tg)
	}
	for _, name := range t.o.System {
		targets = append(targets, target{table: audit.Table{Database: "system", Name: name}, system: true})
	}
	return targets, nil
}

func byDatabase(targets []target) map[string][]target {
	m := map[string][]target{}
	for _, tg := range targets {
		m[tg.table.Database] = append(m[tg.table.Database], tg)
	}
	return m
}

// isRefused says that Harper does not let us read, or has no such table: what
// is expected of system tables with a user of few rights.
func isRefused(err error) bool {
	return errors.Is(err, harper.ErrForbidden) || errors.Is(err, harper.ErrNotFound)
}

func ms(d time.Duration) audit.Time { return audit.Time(float64(d) / float64(time.Millisecond)) }

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
