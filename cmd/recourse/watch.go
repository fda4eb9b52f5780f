package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/ingest"
	"recourse/rules"
)

func watchCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:  "watch",
		Usage: "follow a live Harper's audit logs",
		Description: "Stores every change of every audited table, of every database, and of the system tables\n" +
			"hdb_user, hdb_role and hdb_job; indexes it; raises alerts. It goes on where it stopped.\n\n" +
			"Exit codes: 0 stopped; 9 busy; 12 Harper not reachable or refuses.\n\n" +
			"Example:\n   HARPER_CLI_TARGET=https://db1:9925 HARPER_CLI_USERNAME=auditor HARPER_CLI_PASSWORD=… recourse watch",
		Flags: append(append([]cli.Flag{
			&cli.BoolFlag{Name: "once", Usage: "read up to now and end"},
			&cli.StringFlag{Name: "interval", Usage: "pause between two polls", Value: "1s"},
			&cli.StringFlag{Name: "overlap", Usage: "read again so much before the last poll; more than the longest transaction", Value: "60s"},
			&cli.StringFlag{Name: "retention", Usage: "how long Harper keeps its log (logging.auditRetention)", Value: "3d"},
			&cli.StringFlag{Name: "node", Usage: "name the node `NAME`; else its address"},
			&cli.BoolFlag{Name: "json", Usage: "read JSON in place of CBOR; loses dates, bytes and NaN"},
			&cli.StringFlag{Name: "log-level", Usage: "debug, info, warn or error", Value: "info"},
		}, append(harperFlags(), clusterFlags()...)...), rulesFlags()...),
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			return runWatch(c, e)
		},
	}
}

func runWatch(c *cli.Context, e *env) (err error) {
	w, err := openWorkspace(c, e, true)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	set, err := loadRules(c, w.cfg)
	if err != nil {
		return err
	}
	cluster, log, err := clusterToRead(c, e, w)
	if err != nil {
		return err
	}
	if c.Bool("once") {
		return w.watchOnce(c, e, cluster, set)
	}
	wake := make(chan struct{}, 1)
	cluster.Options.Stored = func(_ context.Context, t audit.Table, a audit.Appended) {
		log.Info("stored", "table", t.String(), "new", a.New)
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	ctx, stop := context.WithCancel(c.Context)
	defer stop()
	followed := make(chan error, 1)
	go func() {
		err := w.follow(ctx, set, wake, log)
		if err != nil {
			stop()
		}
		followed <- err
	}()
	for _, m := range cluster.Members {
		log.Info("watching", "node", m.Name, "data", w.dir)
	}
	err = cluster.Run(ctx)
	stop()
	if err = errors.Join(err, <-followed); err != nil {
		return err
	}
	// The last changes are indexed and judged before the end, but nobody waits
	// long for it: what is left is done at the next start.
	last, done := context.WithTimeout(context.WithoutCancel(c.Context), lastWork)
	defer done()
	if _, err = w.catchUp(last, set); last.Err() != nil {
		return nil
	}
	return err
}

// lastWork is how long the daemon goes on once it is told to stop.
const lastWork = 3 * time.Second

// clusterToRead is the cluster that the flags describe.
func clusterToRead(c *cli.Context, e *env, w *workspace) (*ingest.Cluster, *slog.Logger, error) {
	how, nodes, clients, err := members(c, e, w.cfg)
	if err != nil {
		return nil, nil, err
	}
	o, log, err := tailOptions(c, e, w)
	if err != nil {
		return nil, nil, err
	}
	cluster := &ingest.Cluster{Options: o, Members: nodes}
	if c.Bool("discover") || w.cfg.Discover {
		cluster.Find = how.find(clients)
	}
	return cluster, log, nil
}

func tailOptions(c *cli.Context, e *env, w *workspace) (ingest.Options, *slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.String("log-level"))); err != nil {
		return ingest.Options{}, nil, usagef("--log-level: %v", err)
	}
	log := slog.New(slog.NewTextHandler(e.stderr, &slog.HandlerOptions{Level: level}))
	o := ingest.Options{
		Store: w.store, Cluster: c.String("cluster"), JSON: c.Bool("json"), Log: log, Now: e.now,
	}
	var err error
	if o.Cluster == "" {
		o.Cluster = w.cfg.Cluster
	}
	for _, d := range []struct {
		flag string
		file duration
		to   *time.Duration
	}{{"interval", w.cfg.Interval, &o.Interval}, {"overlap", w.cfg.Overlap, &o.Overlap}, {"retention", w.cfg.Retention, &o.Retention}} {
		if *d.to, err = parseDuration(c.String(d.flag)); err != nil {
			return o, nil, usagef("--%s: %v", d.flag, err)
		}
		if !c.IsSet(d.flag) && d.file != 0 {
			*d.to = time.Duration(d.file)
		}
	}
	return o, log, nil
}

// watchOnce reads up to now, indexes, judges, and says what was new.
func (w *workspace) watchOnce(c *cli.Context, e *env, cluster *ingest.Cluster, set *rules.Set) error {
	got, err := cluster.Once(c.Context)
	alerts, err2 := w.catchUp(c.Context, set)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	if f := c.String("output"); f == "table" || f == "" && e.terminal {
		_, err = fmt.Fprintf(e.stdout, "%d changes new, %d known already, %d gaps new, %d alerts touched\n", got.New, got.Known, got.Gaps, len(alerts))
		return err
	}
	return json.NewEncoder(e.stdout).Encode(map[string]int{"new": got.New, "known": got.Known, "gaps": got.Gaps, "alerts": len(alerts)})
}

// follow keeps the index and the alerts up with the store.
func (w *workspace) follow(ctx context.Context, set *rules.Set, wake <-chan struct{}, log *slog.Logger) error {
	for {
		alerts, err := w.catchUp(ctx, set)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		for _, a := range alerts {
			log.Warn("alert", "id", a.ID, "rule", a.Rule, "severity", a.Severity, "count", a.Count, "title", printable(a.Title))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-wake:
		}
	}
}
