package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/harper"
)

func watchCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:  "watch",
		Usage: "follow a live Harper's audit logs",
		Description: "Stores every change of every audited table, of every database and of every node, and of the\n" +
			"system tables that tell of users, roles, jobs and code; indexes it; raises alerts, also on attacks\n" +
			"on the log itself, and tells the sinks of the configuration of them (docs/notify.md). It goes on\n" +
			"where it stopped. What it cannot know, `recourse coverage` shows.\n\n" +
			"Exit codes: 0 stopped; 9 busy; 12 Harper not reachable or refuses.\n\n" +
			"Example:\n   HARPER_CLI_TARGET=https://db1:9925 HARPER_CLI_USERNAME=auditor HARPER_CLI_PASSWORD=… recourse watch",
		Flags: append(append([]cli.Flag{
			&cli.BoolFlag{Name: "once", Usage: "read up to now and end"},
			&cli.StringFlag{Name: "interval", Usage: "pause between two polls", Value: "1s"},
			&cli.StringFlag{Name: "overlap", Usage: "read again so much before the last poll; more than the longest transaction", Value: "60s"},
			&cli.StringFlag{Name: "retention", Usage: "how long Harper keeps its log (logging.auditRetention); default: what it says itself, else 3d"},
			&cli.BoolFlag{Name: "baseline", Usage: "take a baseline of each table that has none"},
			&cli.StringFlag{Name: "node", Usage: "name the node `NAME`; else its address"},
			&cli.BoolFlag{Name: "json", Usage: "read JSON in place of CBOR; loses dates, bytes and NaN"},
			&cli.BoolFlag{Name: "no-notify", Usage: "tell no sink of alerts; what happens meanwhile is not told later"},
			&cli.StringFlag{Name: "log-level", Usage: "debug, info, warn or error", Value: "info"},
		}, append(append(harperFlags(), clusterFlags()...), listenFlags()...)...), rulesFlags()...),
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			return runWatch(c, e)
		},
	}
}

func runWatch(c *cli.Context, e *env) (err error) {
	if err := checkOnce(c, e); err != nil {
		return err
	}
	w, err := openToStore(c, e, !c.Bool("once"), false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	d := newDaemon(e, w)
	source := sourceOfRules(c, e, w.cfg)
	if d.set, err = source.read(); err != nil {
		return ruleError(err)
	}
	if err := d.open(c, e); err != nil {
		return err
	}
	did, err := w.noteRules(c.Context, d.set, "start")
	if err != nil {
		return err
	}
	if len(did.Diff) > 0 {
		d.log.Info("other rules than before", "rules", did.Rules, "changes", did.text())
	}
	if err := d.openSinks(c, e); err != nil {
		return err
	}
	if c.Bool("once") {
		return d.once(c, e)
	}
	if err := d.listen(c.Context, c); err != nil {
		return err
	}
	d.listenLocal(c, e)
	d.reloads = newReloader(source)
	defer d.reloads.stop()
	d.cluster.Options.Stored = d.stored
	d.cluster.Raised = func(_ context.Context, alerts []audit.Alert) { d.say(alerts) }
	for _, m := range d.cluster.Members {
		d.log.Info("watching", "node", m.Name, "data", w.dir)
	}
	if err := d.run(c.Context, c.Bool("baseline") || w.cfg.Baseline); err != nil {
		return err
	}
	// The last changes are indexed and judged before the end, but nobody waits
	// long for it: what is left is done at the next start.
	last, done := context.WithTimeout(context.WithoutCancel(c.Context), lastWork)
	defer done()
	if _, err = w.catchUp(last, d.set); last.Err() != nil {
		return nil
	}
	return err
}

// checkOnce refuses what does not go together before anything is opened.
func checkOnce(c *cli.Context, e *env) error {
	if !c.Bool("once") {
		return nil
	}
	if c.String("listen") != "" || c.Bool("baseline") {
		return usagef("--listen and --baseline are of no use with --once: it ends when everything is read")
	}
	_, err := documentPrinter(c, e)
	return err
}

// openSinks has alerts delivered from now on, unless that is not wanted.
func (d *daemon) openSinks(c *cli.Context, e *env) (err error) {
	if c.Bool("no-notify") {
		return nil
	}
	if d.workers, d.tell, err = d.w.workers(c.Context, e, d.log); err != nil {
		return err
	}
	if err := d.w.sayOrphans(c.Context, d.log); err != nil {
		return err
	}
	return d.w.deliver(c.Context)
}

// lastWork is how long the daemon goes on once it is told to stop.
const lastWork = 3 * time.Second

// open makes the cluster that the flags describe.
func (d *daemon) open(c *cli.Context, e *env) error {
	how, nodes, clients, err := members(c, e, d.w.cfg)
	if err != nil {
		return err
	}
	o, log, err := tailOptions(c, e, d.w)
	if err != nil {
		return err
	}
	d.log, d.clients = log, map[string]*harper.Client{}
	d.cluster = &ingest.Cluster{Options: o, Members: nodes, Casebook: d.w.store}
	for i, m := range nodes {
		d.clients[m.Name] = clients[i]
	}
	if c.Bool("discover") || d.w.cfg.Discover {
		d.cluster.Find = how.find(e, clients)
	}
	return nil
}

func tailOptions(c *cli.Context, e *env, w *workspace) (ingest.Options, *slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.String("log-level"))); err != nil {
		return ingest.Options{}, nil, usagef("--log-level %q: want debug, info, warn or error", c.String("log-level"))
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
		if c.String(d.flag) == "" {
			*d.to = time.Duration(d.file) // which may be 0: the default
			continue
		}
		if *d.to, err = parseDuration(c.String(d.flag)); err != nil {
			return o, nil, usagef("--%s: %v", d.flag, err)
		}
		if !c.IsSet(d.flag) && d.file != 0 {
			*d.to = time.Duration(d.file)
		}
	}
	return o, log, nil
}

// once reads up to now, indexes, judges, and says what was new.
func (d *daemon) once(c *cli.Context, e *env) error {
	before, err := d.w.store.Alerts(c.Context)
	if err != nil {
		return err
	}
	got, err := d.cluster.Once(c.Context)
	_, err2 := d.w.catchUp(c.Context, d.set)
	err = errors.Join(err, err2)
	if err != nil && (got.New == 0 || c.Context.Err() != nil) {
		return err
	}
	after, err2 := d.w.store.Alerts(c.Context)
	if err2 != nil {
		return errors.Join(err, err2)
	}
	alerts := touched(before, after)
	if len(d.workers) > 0 {
		err = errors.Join(err, d.w.flush(c.Context, e, flushFor))
	}
	// What could be read is told, even if not all could be.
	sum := map[string]int{"new": got.New, "known": got.Known, "late": got.Late, "gaps": got.Gaps, "alerts": alerts}
	return errors.Join(err, printDocument(c, e, "read", sum, func() {
		fmt.Fprintf(e.stdout, "%d changes new, %d known already, %d gaps new, %d alerts touched\n", got.New, got.Known, got.Gaps, alerts)
	}))
}

// touched is how many alerts are new, or rest on more than they did: those of the
// rules, of the tail and of the sentinel.
func touched(before, after []audit.Alert) int {
	was := map[string]audit.Alert{}
	for _, a := range before {
		was[a.ID] = a
	}
	n := 0
	for _, a := range after {
		if b, there := was[a.ID]; !there || b.Count != a.Count || b.LastTime != a.LastTime || b.State != a.State {
			n++
		}
	}
	return n
}
