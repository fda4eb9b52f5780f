package ingest

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"recourse/audit"
)

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
	// Interval is the pause between two polls of a table that changes; 0 is one
	// second. A table that does not is asked less and less often, up to Idle.
	Interval time.Duration
	// Idle is the longest pause between two polls of a table; 0 is 15 seconds,
	// but no less than Interval.
	Idle time.Duration
	// Overlap is how far back the log is read again as a matter of course, every
	// few polls: it has to exceed the longest transaction, because on RocksDB a
	// transaction carries the time of its first write and is seen when it commits.
	// What is found even later is marked late. 0 is one minute.
	Overlap time.Duration
	// Rescans reach further back, less often; nil is an hour every 10 minutes, a
	// day every 6 hours, and all that Harper keeps once a day. Empty: none.
	Rescans []Rescan
	// Discover is how often the list of tables is read; 0 is 30 seconds.
	Discover time.Duration
	// Retention is how long Harper keeps its log; a cursor older than that leaves
	// a gap. 0 is Harper's default of three days.
	Retention time.Duration
	// Deadline is how long a poll goes on once it has reached the log's live end,
	// which on RocksDB moves along with the writers. 0 is 10 seconds.
	Deadline time.Duration
	// MaxAnswer is how many bytes one answer may bring; one that brings more is
	// asked for in parts. 0 is 1 GiB.
	MaxAnswer int
	// System lists tables of the system database to tail too; nil is those that the
	// server keeps a log of and that tell of rights, jobs, the cluster and code.
	// Their secrets are taken out.
	System []string
	// Feed is Harper's raw log, where the feed component is installed: it is read
	// in place of read_audit_log, which then serves re-scans alone. Nil: none.
	Feed Feeder
	// Silence is how long a feed may go on and tell no entry before it is given up;
	// 0 is five minutes.
	Silence time.Duration
	// Events are those of the tables that are exported over REST: they say when to
	// poll, and hold exact images. Nil: none.
	Events Listener
	// JSON reads JSON in place of CBOR, which loses dates, bytes and NaN.
	JSON bool
	// Log takes what happens in the loop; nil discards it.
	Log *slog.Logger
	// Stored is called after each commit that brought something new; nil: nobody.
	Stored func(context.Context, audit.Table, audit.Appended)
	// Polled is told of each poll and how long it took; nil: nobody.
	Polled func(node string, took time.Duration)
	// Kept is how long the server itself says that it keeps its log, and whether it
	// says so; it counts before Retention. Nil: it was not asked.
	Kept func() (time.Duration, bool)
	// Now is our clock; nil is time.Now.
	Now func() time.Time
	// Pause waits, and says false when the context ended first; nil waits for
	// real.
	Pause func(context.Context, time.Duration) bool
}

// A Rescan is a tier of reading again what was read before: so far back, so
// often.
type Rescan struct {
	Back  time.Duration
	Every time.Duration
}

// name is the tier's in a cursor.
func (r Rescan) name() string { return r.Back.String() }

const (
	// defaultDeadline is Options.Deadline when it is zero.
	defaultDeadline = 10 * time.Second
	// step is how far before its cursor a poll begins at most; in between, the
	// whole overlap is read again so often. To read a minute again each second
	// would cost a busy server sixty times what it writes.
	step       = 5 * time.Second
	stepsEvery = 10 * time.Second
	// lateAfter is how long after its time a change may be committed without
	// being called late.
	lateAfter = time.Minute
)

func (o Options) withDefaults() Options {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&o.Interval, time.Second)
	def(&o.Idle, 15*time.Second)
	o.Idle = max(o.Idle, o.Interval)
	def(&o.Overlap, time.Minute)
	def(&o.Discover, 30*time.Second)
	def(&o.Retention, 72*time.Hour)
	def(&o.Deadline, defaultDeadline)
	def(&o.Silence, 5*time.Minute)
	o.Node = cmp.Or(o.Node, "harper")
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Pause == nil {
		o.Pause = sleep
	}
	return o
}

// tiers are the re-scans from the shortest to the longest, the overlap among
// them, of a server that keeps its log so long.
func (o Options) tiers(retention time.Duration) []Rescan {
	tiers := slices.Clone(o.Rescans)
	if o.Rescans == nil {
		tiers = []Rescan{{time.Hour, 10 * time.Minute}, {24 * time.Hour, 6 * time.Hour}, {retention, 24 * time.Hour}}
	}
	tiers = append(tiers, Rescan{o.Overlap, stepsEvery})
	slices.SortFunc(tiers, func(a, b Rescan) int { return cmp.Compare(a.Back, b.Back) })
	return slices.CompactFunc(tiers, func(a, b Rescan) bool { return a.Back == b.Back })
}
