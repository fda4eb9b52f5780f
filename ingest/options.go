package ingest

import (
	"context"
	"log/slog"
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
