package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/urfave/cli/v2"

	"recourse/audit"
	"recourse/ingest"
	"recourse/internal/report"
	"recourse/query"
)

func baselineCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "baseline",
		Usage:     "store a snapshot of live tables, or of an export",
		ArgsUsage: "[DATABASE.TABLE…]",
		Description: "Records that are older than Harper's audit log have no image in it; a baseline gives them one.\n" +
			"Without a table it takes all audited tables; a table of the database \"system\" only by name, and\n" +
			"without its secrets. It reads page by page while others write: each record carries the version of\n" +
			"the write that made it, where the log goes on. One that breaks off stays incomplete, is said to be,\n" +
			"and is taken anew by the next run.\n\n" +
			"--from FILE reads an export in its place: JSON or CSV as export_local writes it, or one record a\n" +
			"line. All of it is checked before any of it is stored.\n\n" +
			"Exit codes: 0 done; 5 some tables are not complete; 9 busy; 12 Harper not reachable or refuses, or\n" +
			"no table is complete; 65 bad input.\n\n" +
			"Example:\n   recourse baseline shop.customers shop.orders\n" +
			"   recourse baseline --from customers.json --database shop --table customers --at 2026-11-23T20:00:00Z",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "source", Usage: "read live tables by `search`, page by page, or from the begin of their `events` (needs --rest-target; JSON, which loses types)", Value: string(audit.FromSearch)},
			&cli.StringFlag{Name: "node", Usage: "name the node `NAME`; else its address, or import for a file"},
			&cli.StringFlag{Name: "from", Usage: "read the export in `FILE` (- is standard input)"},
			&cli.StringFlag{Name: "database", Aliases: []string{"schema"}, Usage: "with --from: the table's database"},
			&cli.StringFlag{Name: "table", Usage: "with --from: the table"},
			&cli.StringFlag{Name: "primary-key", Aliases: []string{"hash-attribute"}, Usage: "with --from: the attribute `NAME` holds the key", Value: "id"},
			&cli.StringFlag{Name: "version-attribute", Usage: "with --from: the attribute `NAME` holds the time of the last write; else __updatedtime__"},
			&cli.StringFlag{Name: "at", Usage: "with --from: when the export began, by the server's clock"},
			&cli.StringFlag{Name: "until", Usage: "with --from: when the export ended; else --at"},
		}, harperFlags()...),
		Action: func(c *cli.Context) error { return runBaseline(c, e) },
	}
}

// fileOnly are the flags that say something of an export.
var fileOnly = []string{"database", "table", "primary-key", "version-attribute", "at", "until"}

func runBaseline(c *cli.Context, e *env) (err error) {
	p, err := printer(c, e)
	if err != nil {
		return err
	}
	check, take := checkLive, liveBaselines
	if c.IsSet("from") {
		check, take = checkExport, exportedBaseline
	}
	if err := check(c); err != nil {
		return err
	}
	w, err := openWorkspace(c, e, false)
	if err != nil {
		return err
	}
	defer closeWith(&err, w.close)
	bar := newProgress(e, "records")
	defer bar.done()
	taken, err := take(c, e, w, bar)
	bar.done()
	if err == nil || len(taken) > 0 {
		people := p.Format() == report.Table
		if err := p.List(baselineListing(taken, people)); err != nil {
			return err
		}
		if people {
			baselineNotes(e, taken)
		}
	}
	if err != nil {
		return err
	}
	return baselineOutcome(taken)
}

// checkLive refuses what does not go together, before anything is opened.
func checkLive(c *cli.Context) error {
	for _, name := range fileOnly {
		if c.IsSet(name) {
			return usagef("baseline: --%s is about a file: name it with --from, or the tables as arguments", name)
		}
	}
	switch s := audit.BaselineSource(c.String("source")); s {
	case audit.FromSearch, audit.FromEvents:
		return nil
	default:
		return usagef("--source %q: want %s or %s", s, audit.FromSearch, audit.FromEvents)
	}
}

func checkExport(c *cli.Context) error {
	switch {
	case c.Args().Present():
		return usagef("baseline: with --from the table is named with --database and --table")
	case c.IsSet("source"):
		return usagef("baseline: --source is about live tables, not about a file")
	case c.String("database") == "" || c.String("table") == "":
		return usagef("baseline: --from needs --database and --table: an export does not say whose records it holds")
	}
	return nil
}

// liveBaselines takes baselines of the tables that the arguments name.
func liveBaselines(c *cli.Context, e *env, w *workspace, bar *progress) ([]ingest.Taken, error) {
	var tables []audit.Table
	for _, arg := range c.Args().Slice() {
		t, err := audit.ParseTable(arg)
		if err != nil {
			return nil, usagef("%v", err)
		}
		if !slices.Contains(tables, t) {
			tables = append(tables, t)
		}
	}
	client, ho, err := connect(c, e, w.cfg)
	if err != nil {
		return nil, err
	}
	source := audit.BaselineSource(c.String("source"))
	if source == audit.FromEvents && ho.REST == "" {
		return nil, usagef("baseline: --source events needs --rest-target URL: events are told by the REST API")
	}
	count := map[string]int{}
	b := ingest.Baseliner{
		Server: client, Store: w.store, Source: source,
		Node: cmp.Or(c.String("node"), nodeName(ho.Target)), Cluster: cmp.Or(c.String("cluster"), w.cfg.Cluster),
		Log: slog.New(slog.DiscardHandler), // what fails is printed at the end
		Progress: func(b audit.Baseline) {
			count[b.ID] = b.Records
			n := 0
			for _, records := range count {
				n += records
			}
			bar.set(n)
		},
	}
	return b.Take(c.Context, tables)
}

// exportedBaseline reads a file.
func exportedBaseline(c *cli.Context, e *env, w *workspace, bar *progress) ([]ingest.Taken, error) {
	f := ingest.BaselineFile{
		Store: w.store, Table: audit.Table{Database: c.String("database"), Name: c.String("table")},
		PrimaryKey: c.String("primary-key"), Version: c.String("version-attribute"),
		Node: c.String("node"), Cluster: cmp.Or(c.String("cluster"), w.cfg.Cluster), Stdin: e.stdin, Now: e.now,
		Progress: func(b audit.Baseline) { bar.set(b.Records) },
	}
	for _, t := range []struct {
		flag string
		to   *audit.Time
	}{{"at", &f.At}, {"until", &f.Until}} {
		if !c.IsSet(t.flag) {
			continue
		}
		var err error
		if *t.to, err = query.ParseTime(c.String(t.flag), e.now()); err != nil {
			return nil, usagef("--%s: %v", t.flag, err)
		}
	}
	switch {
	case f.At == 0 && f.Until != 0:
		return nil, usagef("--until needs --at")
	case f.Until != 0 && f.Until < f.At:
		return nil, usagef("--until is before --at")
	}
	path := c.String("from")
	if path != "-" {
		path = e.at(path)
	}
	t, err := f.Take(c.Context, path)
	if err != nil {
		return nil, e.told(err, c.String("from"))
	}
	return []ingest.Taken{t}, nil
}

// baselineOutcome is the error, if any, that a run ends with.
func baselineOutcome(taken []ingest.Taken) error {
	var failed []error
	for _, t := range taken {
		if t.Err != nil {
			failed = append(failed, t.Err)
		}
	}
	switch {
	case len(failed) == 0:
		return nil
	case len(failed) == len(taken):
		return errors.Join(failed...)
	}
	return &exitError{code: exitPartly, hint: "run it again with the tables that are not complete",
		err: fmt.Errorf("baseline: %d of %d tables are not complete: %w", len(failed), len(taken), errors.Join(failed...))}
}
